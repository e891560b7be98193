//! How a command ends: its exit code, and what is said on standard error

use std::error::Error;
use std::io;
use std::process::ExitCode;

/// What a command answers; an exit code other than 0 has told its reason itself
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Why a command could not do its work
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 2: the command line or the configuration cannot be used.
    Usage(String),
    /// Exit code 1.
    Work(anyhow::Error),
}

impl Failure {
    pub(crate) fn usage(message: impl ToString) -> Failure {
        Failure::Usage(message.to_string())
    }

    pub(crate) fn refused(message: impl ToString) -> Failure {
        Failure::Work(anyhow::Error::msg(message.to_string()))
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Work(error.into())
    }
}

/// Says why a command failed, if it did, and answers the code to exit with
pub(crate) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(Failure::Usage(message)) => {
            say(&message);
            ExitCode::from(2)
        }
        // Whoever reads our output has enough of it: `dragonfly … | head`.
        Err(Failure::Work(error)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(Failure::Work(error)) => {
            say(&describe(&error));
            ExitCode::FAILURE
        }
    }
}

fn say(message: &str) {
    tell("error", message);
}

/// Says on standard error what is odd and stops nothing
pub(crate) fn note(message: &str) {
    tell("note", message);
}

fn tell(what: &str, message: &str) {
    use io::Write;
    // Standard error may be gone too, and then there is nobody to tell.
    let _ = writeln!(io::stderr(), "{what}: {message}");
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}

/// The causes in one line, outermost first, each once
fn describe(error: &anyhow::Error) -> String {
    let mut line = String::new();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        let text = error.to_string();
        if let Some(refusal) = error.downcast_ref::<db::SqlError>().and_then(db::Refusal::of) {
            let hint = refusal.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            return format!("{}{hint}", refusal.message);
        }
        // Some errors repeat their cause in their own text.
        if !line.contains(&text) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}
