//! Log lines on standard error: time, level, event, then key=value

use std::fmt::{self, Write as _};

use chrono::{SecondsFormat, Utc};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Begins to log; `default` is what `DRAGONFLY_LOG` can override, such as `info`
pub(crate) fn init(default: &str) {
    let chosen = std::env::var("DRAGONFLY_LOG").ok().filter(|text| !text.trim().is_empty());
    let filter = chosen
        .as_deref()
        .map(EnvFilter::try_new)
        .and_then(Result::ok)
        .unwrap_or_else(|| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Where standard error is gone there is nobody to tell, and telling would panic.
        .log_internal_errors(false)
        .event_format(Logfmt)
        .finish();
    // Only a test could have set one before.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        writeln!(writer, "{now} {} {}{}", event.metadata().level(), one_line(&line.name), line.fields)
    }
}

#[derive(Default)]
struct Line {
    name: String,
    fields: String,
}

impl Line {
    fn push(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.name),
            name => {
                let name = name.strip_prefix("r#").unwrap_or(name);
                // Writing to a string does not fail.
                let _ = write!(self.fields, " {name}={}", quoted(value));
            }
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, &format!("{value:?}"));
    }
}

/// A value that is no bare word stands in quotes, on one line
fn quoted(value: &str) -> String {
    let is_bare = !value.is_empty()
        && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '='));
    if is_bare {
        return value.to_owned();
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bare_words_or_quoted_on_one_line() {
        for (value, expect) in [
            ("tier_assignment", "tier_assignment"),
            ("t1/0", "t1/0"),
            ("", "\"\""),
            ("collectability_score=65 in [60,80)", "\"collectability_score=65 in [60,80)\""),
            ("say \"hi\"\nthere", "\"say \\\"hi\\\"\\nthere\""),
        ] {
            assert_eq!(quoted(value), expect);
        }
    }
}
