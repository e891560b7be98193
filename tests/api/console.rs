//! The console's files, or the page that stands in for them.

use crate::support::TestApp;

#[tokio::test]
async fn every_path_of_the_console_is_its_page() {
    let app = TestApp::new().await;
    for path in ["/", "/index.html", "/tiers", "/judgments/0190b2d0-0000-7000-8000-000000000000", "/welcome"]
    {
        let answer = app.nobody().get(path).await;
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert!(
            answer.header("content-security-policy").starts_with("default-src 'self'; script-src 'self'")
        );
        assert!(!answer.text().contains("__TRUNK_NONCE__"));
    }
}

#[tokio::test]
async fn a_nonce_is_used_once() {
    let app = TestApp::new().await;
    let policy = async || app.nobody().get("/").await.header("content-security-policy").to_owned();
    let (first, second) = (policy().await, policy().await);
    // Without a built console there is nothing to allow.
    assert!(first != second || !first.contains("nonce"));
}

#[tokio::test]
async fn a_missing_file_is_not_answered_with_a_page() {
    let app = TestApp::new().await;
    for path in ["/app-0000000000000000.js", "/nothing.css", "/a/b.wasm"] {
        app.nobody().get(path).await.refused(404, "not_found");
    }
    for path in ["/../Cargo.toml", "/..%2fCargo.toml", "/%2e%2e/Cargo.toml"] {
        assert!(!app.nobody().get(path).await.text().contains("[workspace]"));
    }
}
