//! Documents: what comes in is kept as it is, handed out as a file, and refused without a trace.

use std::io::Read;
use std::path::Path;

use ::documents::Documents;
use contract::StoredDocument;
use db::testing::TestDatabase;
use hyper::StatusCode;
use serde_json::json;
use server::ServerConfig;
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{Answer, Client, Firm, Judgment, TestApp};

const LEVY: &str = "%PDF-1.7\nlevy on account 1";

async fn app(bytes_max: u64) -> (TestApp, TempDir) {
    let home = TempDir::new().unwrap();
    let documents = Some(Documents::in_folder(home.path(), bytes_max));
    let config = ServerConfig { documents, ..ServerConfig::default() };
    (TestApp::with(TestDatabase::new().await, config).await, home)
}

async fn open(app: &TestApp, firm: &Firm) -> Uuid {
    let judgment_id = firm.add(app, Judgment::default()).await;
    firm.operator.post("/rpc/open_enforcement_case", json!({ "judgment_id": judgment_id })).await.json()
}

async fn upload(client: &Client, case_id: Uuid, query: &str, content: &str) -> Answer {
    client.post_text(&format!("/api/cases/{case_id}/documents?{query}"), content).await
}

/// The files below a folder
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn a_document_is_kept_handed_out_and_vouches_for_a_stage() {
    let (app, home) = app(1000).await;
    let firm = app.firm("firm").await;
    let case_id = open(&app, &firm).await;
    let query = "doc_kind=bank_levy&file_name=Levy%20M%C3%BCller.pdf";
    let stored: StoredDocument = upload(&firm.operator, case_id, query, LEVY).await.json();
    assert_eq!((stored.file_name.as_str(), stored.size_bytes), ("Levy Müller.pdf", LEVY.len() as u64));
    assert_eq!(stored.storage_path, format!("{}/{case_id}/{}.pdf", firm.id, stored.id));
    assert_eq!(std::fs::read_to_string(home.path().join(&stored.storage_path)).unwrap(), LEVY);

    let file = firm.viewer.get(&format!("/api/documents/{}", stored.id)).await.ok();
    assert_eq!(file.text(), LEVY);
    for (name, expect) in [
        ("content-type", "application/pdf"),
        ("content-length", "26"),
        (
            "content-disposition",
            "attachment; filename=\"Levy M_ller.pdf\"; filename*=UTF-8''Levy%20M%C3%BCller.pdf",
        ),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
    ] {
        assert_eq!(file.headers[name], expect, "{name}");
    }

    let levy = json!({ "case_id": case_id, "stage": "bank_levy", "metadata": { "document_path": stored.storage_path } });
    firm.operator.post("/rpc/set_enforcement_stage", levy).await.ok();
    // The same file, noted once.
    assert_eq!(app.number("select count(*) from public.enforcement_documents").await, 1);
    let history = "select count(*) from public.enforcement_history where action = 'document_added' and rpc = 'store_enforcement_document'";
    assert_eq!(app.number(history).await, 1);
}

#[tokio::test]
async fn browsers_get_a_document_compressed_and_whole() {
    let (app, _home) = app(1_000_000).await;
    let firm = app.firm("firm").await;
    let case_id = open(&app, &firm).await;
    let long = format!("%PDF-1.7\n{}", "levy on account 1\n".repeat(20_000));
    let stored: StoredDocument =
        upload(&firm.operator, case_id, "doc_kind=bank_levy&file_name=levy.pdf", &long).await.json();
    let browser = firm.viewer.with("accept-encoding", "gzip");
    let file = browser.get(&format!("/api/documents/{}", stored.id)).await.ok();
    assert_eq!(file.headers["content-encoding"], "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&file.body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, long);
}

#[tokio::test]
async fn a_file_that_is_sent_again_under_its_key_is_the_first() {
    let (app, home) = app(1000).await;
    let firm = app.firm("firm").await;
    let case_id = open(&app, &firm).await;
    let client = firm.operator.with("idempotency-key", "scan-1");
    let query = "doc_kind=bank_levy&file_name=levy.pdf";
    let first: StoredDocument = upload(&client, case_id, query, LEVY).await.json();
    assert_eq!(upload(&client, case_id, query, LEVY).await.json::<StoredDocument>(), first);
    let problem = upload(&client, case_id, query, "%PDF-1.7\nanother").await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("request_id"));
    assert_eq!(files(home.path()), 1);
    // Without a key, it is another.
    let other: StoredDocument = upload(&firm.operator, case_id, query, LEVY).await.json();
    assert_ne!(other.id, first.id);
    assert_eq!(files(home.path()), 2);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let (app, home) = app(40).await;
    let firm = app.firm("firm").await;
    let neighbour = app.firm("neighbour").await;
    let case_id = open(&app, &firm).await;
    let kind = "doc_kind=bank_levy";
    let long_kind = format!("doc_kind={}&file_name=a.pdf", "x".repeat(61));
    let foreign_event = format!("{kind}&file_name=a.pdf&event_id={}", Uuid::from_u128(7));
    for (query, content, status, field) in [
        (&format!("{kind}&file_name=..%2F..%2Fetc%2Fpasswd.pdf")[..], LEVY, 422, Some("file_name")),
        (&format!("{kind}&file_name=a%5Cb.pdf"), LEVY, 422, Some("file_name")),
        (&format!("{kind}&file_name=a%00.pdf"), LEVY, 422, Some("file_name")),
        (&format!("{kind}&file_name=%20"), LEVY, 422, Some("file_name")),
        (&format!("{kind}&file_name=a.html"), "<html>", 415, Some("file_name")),
        (&format!("{kind}&file_name=a.pdf"), "<html><script>", 415, Some("file_name")),
        (&format!("{kind}&file_name=a.pdf"), "", 422, None),
        (&format!("{kind}&file_name=a.pdf"), &format!("%PDF-1.7\n{LEVY}{LEVY}"), 413, None),
        (&format!("{kind}&file_name=a.pdf&event_id=7"), LEVY, 422, Some("event_id")),
        (&format!("{kind}&file_name=a.pdf&storage_path=x"), LEVY, 422, None),
        ("doc_kind=%00&file_name=a.pdf", LEVY, 422, Some("doc_kind")),
        ("doc_kind=&file_name=a.pdf", LEVY, 422, Some("doc_kind")),
        (&long_kind, LEVY, 422, Some("doc_kind")),
        ("file_name=a.pdf", LEVY, 422, None),
        (&foreign_event, LEVY, 404, None),
    ] {
        let answer = upload(&firm.operator, case_id, query, content).await;
        assert_eq!(answer.status.as_u16(), status, "{query}: {}", answer.text());
        let problem: contract::Problem = serde_json::from_str(&answer.text()).unwrap();
        assert_eq!(problem.field.as_deref(), field, "{query}: {}", answer.text());
    }
    let query = format!("{kind}&file_name=a.pdf");
    upload(&firm.viewer, case_id, &query, LEVY).await.refused(403, "forbidden");
    upload(&neighbour.operator, case_id, &query, LEVY).await.refused(404, "not_found");
    upload(&firm.operator, Uuid::from_u128(7), &query, LEVY).await.refused(404, "not_found");
    upload(&app.nobody(), case_id, &query, LEVY).await.refused(401, "unauthenticated");
    assert_eq!(files(home.path()), 0);
    assert_eq!(app.number("select count(*) from public.enforcement_documents").await, 0);
}

#[tokio::test]
async fn nobody_gets_a_file_of_others_or_one_that_is_not_what_it_was() {
    let (app, home) = app(1000).await;
    let firm = app.firm("firm").await;
    let neighbour = app.firm("neighbour").await;
    let case_id = open(&app, &firm).await;
    let query = "doc_kind=bank_levy&file_name=levy.pdf";
    let stored: StoredDocument = upload(&firm.operator, case_id, query, LEVY).await.json();
    let path = format!("/api/documents/{}", stored.id);
    neighbour.admin.get(&path).await.refused(404, "not_found");
    app.nobody().get(&path).await.refused(401, "unauthenticated");

    // To name a place is not to own what lies there.
    let theirs = open(&app, &neighbour).await;
    let named = json!({ "case_id": theirs, "doc_kind": "x", "storage_path": stored.storage_path });
    let problem =
        neighbour.operator.post("/rpc/add_enforcement_document", named).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("storage_path"));
    let id = Uuid::new_v4();
    app.execute(&format!(
        "insert into public.enforcement_documents (id, org_id, enforcement_case_id, doc_kind, storage_path, uploaded_by)
         values ('{id}', '{}', '{theirs}', 'x', '{}', 'older rows were not asked')",
        neighbour.id, stored.storage_path
    ))
    .await;
    neighbour.admin.get(&format!("/api/documents/{id}")).await.refused(404, "not_found");
    let claimed = json!({ "p_document": { "id": id, "case_id": theirs } });
    neighbour.operator.post("/rpc/store_enforcement_document", claimed).await.refused(404, "not_found");

    let file = home.path().join(&stored.storage_path);
    std::fs::write(&file, "%PDF-1.7\nshort").unwrap();
    firm.viewer.get(&path).await.refused(404, "not_found");
    std::fs::remove_file(&file).unwrap();
    firm.viewer.get(&path).await.refused(404, "not_found");
    assert_eq!(firm.viewer.get(&format!("/api/documents/{case_id}")).await.status, StatusCode::NOT_FOUND);
}
