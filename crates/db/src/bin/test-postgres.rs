//! Starts or stops the PostgreSQL that tests share: `test-postgres start | stop`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("start") => db::testing::prepare_server().await,
        Some("stop") => db::testing::stop_server().await,
        _ => Err("usage: test-postgres start | stop".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("test-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}
