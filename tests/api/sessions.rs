//! Coming in, staying in, going out.

use std::net::SocketAddr;

use chrono::{Duration, Utc};
use contract::{Role, Session};
use db::testing::TestDatabase;
use db::{Actor, users};
use serde_json::json;
use server::{ServeError, ServerConfig, first_admin_link};

use crate::support::TestApp;

const PASSWORD: &str = "correct horse battery";

async fn link(app: &TestApp) -> String {
    first_admin_link(&app.db, "http://127.0.0.1:8080").await.unwrap().expect("no admin has a password")
}

#[tokio::test]
async fn a_fresh_system_is_entered_by_the_link_and_then_by_password() {
    let app = TestApp::new().await;
    let link = link(&app).await;
    assert!(link.starts_with("http://127.0.0.1:8080/welcome#token="), "{link}");

    let mut admin = app.nobody();
    let session: Session = admin.redeem(&link).await.json();
    assert_eq!((session.role, session.must_set_password), (Role::Admin, true));
    assert_eq!(session.organisation.name, "My firm");
    let session: Session = admin.set_password(None, PASSWORD).await.json();
    assert!(!session.must_set_password);
    assert_eq!(first_admin_link(&app.db, "http://127.0.0.1:8080").await.unwrap(), None);

    let mut again = app.nobody();
    let signed_in: Session = again.sign_in(" Admin@LOCALHOST ", PASSWORD).await.json();
    assert_eq!(signed_in.user_id, session.user_id);
    assert_eq!(again.get("/api/session").await.json::<Session>(), signed_in);
}

#[tokio::test]
async fn a_link_works_once() {
    let app = TestApp::new().await;
    let link = link(&app).await;
    let (mut first, mut second) = (app.nobody(), app.nobody());
    let (one, other) = tokio::join!(first.redeem(&link), second.redeem(&link));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    app.nobody().redeem(&link).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_new_link_ends_the_one_before() {
    let app = TestApp::new().await;
    let (old, new) = (link(&app).await, link(&app).await);
    app.nobody().redeem(&old).await.refused(401, "unauthenticated");
    app.nobody().redeem(&new).await.ok();
}

#[tokio::test]
async fn a_link_works_for_a_day() {
    let app = TestApp::new().await;
    let link = link(&app).await;
    app.database.set_app_now(Utc::now() + Duration::hours(25)).await;
    app.nobody().redeem(&link).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn setting_a_password_ends_links_and_other_sessions() {
    let app = TestApp::new().await;
    let mut admin = app.nobody();
    admin.redeem(&link(&app).await).await.ok();
    let elsewhere = admin.clone();
    let unused = link(&app).await;
    admin.set_password(None, PASSWORD).await.ok();
    admin.get("/api/session").await.ok();
    elsewhere.get("/api/session").await.refused(401, "unauthenticated");
    app.nobody().redeem(&unused).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_password_is_changed_only_by_who_knows_it() {
    let app = TestApp::new().await;
    let mut admin = app.nobody();
    admin.redeem(&link(&app).await).await.ok();
    let short = admin.set_password(None, "elevenchars").await.refused(422, "invalid");
    assert_eq!(short.field.as_deref(), Some("new"));
    admin.set_password(None, PASSWORD).await.ok();
    let without = admin.set_password(None, "another password").await.refused(422, "invalid");
    assert_eq!(without.field.as_deref(), Some("current"));
    let wrong = admin.set_password(Some("something else"), "another password").await.refused(422, "invalid");
    assert_eq!(wrong.field.as_deref(), Some("current"));
    admin.set_password(Some(PASSWORD), "another password").await.ok();
    app.nobody().sign_in("admin@localhost", "another password").await.ok();
    app.nobody().sign_in("admin@localhost", PASSWORD).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_are_refused_alike() {
    let app = TestApp::new().await;
    let mut admin = app.nobody();
    admin.redeem(&link(&app).await).await.ok();
    admin.set_password(None, PASSWORD).await.ok();
    let wrong =
        app.nobody().sign_in("admin@localhost", "wrong password").await.refused(401, "unauthenticated");
    let unknown =
        app.nobody().sign_in("nobody@localhost", "wrong password").await.refused(401, "unauthenticated");
    let strange = app.nobody().sign_in("a\0b", "wrong password").await.refused(401, "unauthenticated");
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, strange);
}

#[tokio::test]
async fn guessing_is_slowed_down_even_where_the_guess_is_right() {
    let app = TestApp::new().await;
    let mut admin = app.nobody();
    admin.redeem(&link(&app).await).await.ok();
    admin.set_password(None, PASSWORD).await.ok();
    for _ in 0..10 {
        app.nobody().sign_in("admin@localhost", "wrong password").await.refused(401, "unauthenticated");
    }
    let limited = app.nobody().sign_in("ADMIN@localhost", PASSWORD).await;
    assert!(limited.header("retry-after").parse::<u32>().unwrap() > 60);
    limited.refused(429, "rate_limited");
    app.nobody().sign_in("somebody@localhost", PASSWORD).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let app = TestApp::new().await;
    let answer = app.nobody().redeem(&link(&app).await).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("dragonfly_session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"), "{cookie}");

    let behind_tls = ServerConfig { behind_tls_proxy: true, ..ServerConfig::default() };
    let app = TestApp::with(TestDatabase::new().await, behind_tls).await;
    let answer = app.nobody().redeem(&link(&app).await).await;
    assert!(answer.header("set-cookie").ends_with("; Secure"));
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let answer = firm.viewer.delete("/api/session").await.ok();
    assert!(answer.header("set-cookie").starts_with("dragonfly_session=; Path=/; Max-Age=0"));
    firm.viewer.get("/api/session").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_after_twelve_idle_hours_and_thirty_days() {
    let app = TestApp::new().await;
    let idle = app.firm("idle").await.viewer;
    let busy = app.firm("busy").await.viewer;
    let start = Utc::now();
    for hours in (0..30 * 24).step_by(11) {
        app.database.set_app_now(start + Duration::hours(hours)).await;
        busy.get("/api/session").await.ok();
    }
    idle.get("/api/session").await.refused(401, "unauthenticated");
    app.database.set_app_now(start + Duration::hours(30 * 24 + 1)).await;
    busy.get("/api/session").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_disabled_user_and_a_removed_member_are_out_at_once() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    app.execute("update public.users set disabled_at = now() where email = 'viewer@firm.example'").await;
    firm.viewer.get("/api/session").await.refused(401, "unauthenticated");
    app.execute("delete from public.memberships m using public.users u where u.id = m.user_id and u.email = 'operator@firm.example'").await;
    firm.operator.get("/api/session").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_moves_between_the_organisations_of_its_user() {
    let app = TestApp::new().await;
    let (one, other, foreign) = (app.firm("one").await, app.firm("other").await, app.firm("foreign").await);
    let mut tx = app.db.begin_as(&Actor::service(None)).await.unwrap();
    users::add(&mut tx, other.id, "admin@one.example", "Ada", Role::Viewer).await.unwrap();
    tx.commit().await.unwrap();

    let body = |id: uuid::Uuid| json!({ "organisation_id": id });
    let session: Session = one.admin.post("/api/session/organisation", body(other.id)).await.json();
    assert_eq!((session.organisation.name.as_str(), session.role), ("other", Role::Viewer));
    assert_eq!(session.organisations.len(), 2);
    one.admin.post("/api/session/organisation", body(foreign.id)).await.refused(404, "not_found");
    one.admin
        .post("/api/session/organisation", json!({ "organisation_id": "x" }))
        .await
        .refused(404, "not_found");
    assert_eq!(one.admin.get("/api/session").await.json::<Session>(), session);
}

#[tokio::test]
async fn an_open_address_takes_an_admin_with_a_password() {
    let app = TestApp::new().await;
    let open = ServerConfig { listen: SocketAddr::from(([0, 0, 0, 0], 0)), ..ServerConfig::default() };
    assert!(matches!(open.bind(&app.db).await, Err(ServeError::NoAdminPassword(_))));
    let mut admin = app.nobody();
    admin.redeem(&link(&app).await).await.ok();
    admin.set_password(None, PASSWORD).await.ok();
    open.validate(&app.db).await.unwrap();
}
