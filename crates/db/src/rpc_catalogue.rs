//! The functions that people call, and what each takes, read from what is checked in: the contract says which there are, their
//! bodies in the schema how each field is read.

use crate::schema::{CHECKED_IN, CONTRACT};

/// A function that somebody with a session or a token may call
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedRpc {
    pub name: String,
    /// Of the roles that people have: `authenticated`, `enforcement_operator` or `admin`.
    pub role: String,
    /// What the function says of itself.
    pub comment: Option<String>,
    pub arguments: Vec<DescribedArgument>,
    /// Whether it may be sent a `request_id`.
    pub is_repeatable: bool,
}

/// An argument, or a field of the payload
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedArgument {
    pub name: String,
    pub kind: ArgumentKind,
    pub is_required: bool,
}

/// How an argument is read
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentKind {
    Uuid,
    /// Of so many characters at most.
    Text {
        length_max: u32,
    },
    /// One of these.
    Choice(Vec<String>),
    /// A decimal with two places, as text.
    Money,
    /// From 0 to 100, as text.
    Score,
    /// RFC 3339, or a date.
    Instant,
    Object,
    Flag,
    /// What only the function knows.
    Any,
}

/// What a text may be long where nothing else is said, as `rpc_text` has it
const LENGTH_MAX: u32 = 4000;

/// Every function that people may call, by name
pub fn described() -> Vec<DescribedRpc> {
    CONTRACT.lines().filter_map(of_line).collect()
}

fn of_line(line: &str) -> Option<DescribedRpc> {
    let (name, rest) = line.strip_prefix("function public.")?.split_once('(')?;
    let (arguments, rest) = rest.split_once(") returns ")?;
    let (_, roles) = rest.rsplit_once(": ")?;
    let role =
        roles.split(", ").find(|role| ["authenticated", "enforcement_operator", "admin"].contains(role))?;
    let body = body_of(name)?;
    let arguments = if arguments == "payload jsonb" {
        fields(name, body)
    } else {
        arguments.split(", ").filter(|argument| !argument.is_empty()).map(argument).collect()
    };
    let comment =
        CHECKED_IN.split_once(&format!("COMMENT ON FUNCTION public.{name}(")).and_then(|(_, rest)| {
            let text = rest.split_once(" IS '")?.1.split_once("';\n")?.0;
            Some(text.replace("''", "'"))
        });
    Some(DescribedRpc {
        name: name.to_owned(),
        role: role.to_owned(),
        comment,
        arguments,
        is_repeatable: body.contains("begin_rpc("),
    })
}

/// The text of a function, from its name to its end
fn body_of(name: &str) -> Option<&'static str> {
    let (_, rest) = CHECKED_IN.split_once(&format!("CREATE FUNCTION public.{name}("))?;
    Some(rest.split_once("\nCREATE ").map_or(rest, |(body, _)| body))
}

/// `follow_up_at timestamp with time zone DEFAULT NULL::…`
fn argument(text: &str) -> DescribedArgument {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (of_type, default) =
        rest.split_once(" DEFAULT ").map_or((rest, None), |(of_type, it)| (of_type, Some(it)));
    let kind = match of_type {
        "uuid" => ArgumentKind::Uuid,
        "text" => ArgumentKind::Text { length_max: LENGTH_MAX },
        "timestamp with time zone" => ArgumentKind::Instant,
        "boolean" => ArgumentKind::Flag,
        _ => ArgumentKind::Any,
    };
    DescribedArgument { name: name.to_owned(), kind, is_required: default.is_none() }
}

/// The fields that `begin_rpc` lets through, each as the first of our readers takes it
fn fields(name: &str, body: &str) -> Vec<DescribedArgument> {
    let listed = body
        .split_once(&format!("begin_rpc('{name}', payload,"))
        .and_then(|(_, rest)| rest.split_once("array["))
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or_else(Vec::new, |(list, _)| quoted(list));
    if listed.is_empty() {
        // It reads its fields by itself.
        return quoted_keys(body);
    }
    listed
        .into_iter()
        .map(|field| {
            let read = body.match_indices("public.rpc_").find_map(|(at, _)| {
                let (reader, rest) = body.get(at + "public.rpc_".len()..)?.split_once("(payload, '")?;
                let rest = rest.strip_prefix(field.as_str())?.strip_prefix('\'')?;
                let is_reader = reader.bytes().all(|byte| byte.is_ascii_lowercase());
                is_reader.then(|| (reader.to_owned(), closing(rest).to_owned()))
            });
            let (kind, is_required) = match &read {
                None => (ArgumentKind::Any, false),
                Some((reader, rest)) => {
                    (kind_of(reader, rest), rest.starts_with(", true") || rest.ends_with("], true"))
                }
            };
            DescribedArgument { name: field, kind, is_required }
        })
        .collect()
}

fn kind_of(reader: &str, rest: &str) -> ArgumentKind {
    match reader {
        "uuid" => ArgumentKind::Uuid,
        "choice" => ArgumentKind::Choice(quoted(rest)),
        "money" => ArgumentKind::Money,
        "score" => ArgumentKind::Score,
        "instant" => ArgumentKind::Instant,
        "object" => ArgumentKind::Object,
        "flag" => ArgumentKind::Flag,
        "text" => {
            let length_max = rest.rsplit_once(", ").and_then(|(_, last)| last.parse().ok());
            ArgumentKind::Text { length_max: length_max.unwrap_or(LENGTH_MAX) }
        }
        _ => ArgumentKind::Any,
    }
}

/// What stands before the bracket that closes a call
fn closing(rest: &str) -> &str {
    let mut depth = 0;
    for (at, c) in rest.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return rest.get(..at).unwrap_or(rest),
            ')' => depth -= 1,
            _ => {}
        }
    }
    rest
}

/// The texts in quotes
fn quoted(text: &str) -> Vec<String> {
    text.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `payload ->> 'kind'` and `payload -> 'payload'`
fn quoted_keys(body: &str) -> Vec<DescribedArgument> {
    let mut arguments: Vec<DescribedArgument> = Vec::new();
    for (at, _) in body.match_indices("payload -> '").chain(body.match_indices("payload ->> '")) {
        let Some((_, rest)) = body.get(at..).and_then(|rest| rest.split_once('\'')) else {
            continue;
        };
        let name = rest.split('\'').next().unwrap_or_default();
        if arguments.iter().all(|known| known.name != name) {
            arguments.push(DescribedArgument {
                name: name.to_owned(),
                kind: ArgumentKind::Any,
                is_required: false,
            });
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expect: &[(&str, ArgumentKind, bool)]) {
        let all = described();
        let rpc = all.iter().find(|rpc| rpc.name == name).expect("the function is described");
        for (name, kind, is_required) in expect {
            let argument =
                rpc.arguments.iter().find(|argument| argument.name == *name).expect("it takes that");
            assert_eq!((&argument.kind, argument.is_required), (kind, *is_required), "{name}");
        }
    }

    #[test]
    fn every_function_of_people_is_described_as_it_reads() {
        let choices = |all: &[&str]| ArgumentKind::Choice(all.iter().map(|one| (*one).to_owned()).collect());
        check(
            "close_enforcement_case",
            &[
                ("case_id", ArgumentKind::Uuid, true),
                ("status", choices(&["satisfied", "uncollectible", "withdrawn"]), true),
                ("note", ArgumentKind::Text { length_max: 4000 }, false),
            ],
        );
        check(
            "record_enforcement_payment",
            &[("amount", ArgumentKind::Money, true), ("credit", ArgumentKind::Flag, false)],
        );
        check("set_next_action", &[("next_action_at", ArgumentKind::Instant, true)]);
        check(
            "set_enforcement_stage",
            &[
                ("metadata", ArgumentKind::Object, false),
                ("stage", ArgumentKind::Text { length_max: 4000 }, true),
            ],
        );
        check(
            "log_call_outcome",
            &[("task_id", ArgumentKind::Uuid, true), ("follow_up_at", ArgumentKind::Instant, false)],
        );
        check("add_enforcement_document", &[("doc_kind", ArgumentKind::Text { length_max: 60 }, true)]);
        for rpc in described() {
            let takes_nothing = ["app_now", "current_org_id", "current_user_id", "queue_statistics"];
            assert!(takes_nothing.contains(&rpc.name.as_str()) || !rpc.arguments.is_empty(), "{}", rpc.name);
        }
    }
}
