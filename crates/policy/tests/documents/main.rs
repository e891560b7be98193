//! Policies that are malformed, huge or hostile: a clear error, and nothing else.

#![allow(clippy::unwrap_used)] // the helpers of tests stand outside of tests

mod check;

use check::check;
use policy::sample;
use policy::tier::{JudgmentFacts, TierPolicy};
use proptest::prelude::*;

/// What mutation puts where it does not belong
const TOKENS: [&str; 40] = [
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"x\"",
    "0",
    "-0",
    "-1",
    "1",
    "4",
    "5",
    "255",
    "256",
    "0.001",
    "100.01",
    "1e2",
    "1e999",
    "-1e-999",
    "99999999999999999999999999999999",
    "\"80.00\"",
    "\"score_3\"",
    "\"1e2\"",
    "\"٣\"",
    "[[[[[[[[",
    "]]]]",
    "{\"",
    "\"}",
    ",",
    ":",
    "\"limits\":{},",
    "\"rules\":[],",
    "\"fallback\":1,",
    "\"any\":[{}],",
    "\"signals_min\":2,",
    "\"score_below\":\"0.01\",",
    "\"asset_signals\":[],",
    "\\u0000",
    "\u{202E}",
    "\u{FEFF}",
];

/// One change of a text: `length` bytes from a place on make way for a token, or for a piece of the text itself
#[derive(Debug, Clone)]
struct Mutation {
    at: prop::sample::Index,
    length: usize,
    put: Put,
}

#[derive(Debug, Clone)]
enum Put {
    Nothing,
    Token(&'static str),
    Piece(prop::sample::Index, usize),
}

impl Mutation {
    fn apply(&self, text: &str) -> String {
        let place = |index: &prop::sample::Index| text.floor_char_boundary(index.index(text.len() + 1));
        let start = place(&self.at);
        let end = text.floor_char_boundary((start + self.length).min(text.len()));
        let put = match &self.put {
            Put::Nothing => "",
            Put::Token(token) => token,
            Put::Piece(from, length) => {
                let from = place(from);
                &text[from..text.floor_char_boundary((from + length).min(text.len()))]
            }
        };
        [&text[..start], put, &text[end..]].concat()
    }
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let put = prop_oneof![
        1 => Just(Put::Nothing),
        3 => prop::sample::select(&TOKENS[..]).prop_map(Put::Token),
        2 => (any::<prop::sample::Index>(), 1..200_usize).prop_map(|(from, length)| Put::Piece(from, length)),
    ];
    let mutation = (any::<prop::sample::Index>(), prop_oneof![Just(0_usize), 0..8_usize, 0..120_usize], put)
        .prop_map(|(at, length, put)| Mutation { at, length, put });
    proptest::collection::vec(mutation, 1..6)
}

fn documents() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(TierPolicy::revision_1().document().to_json()),
        Just(TierPolicy::monotone_draft().document().to_json()),
        any::<u64>().prop_map(|seed| sample::policy_document(seed).to_json()),
    ]
}

proptest! {
    #[test]
    fn whatever_becomes_of_a_document_is_a_policy_or_a_clear_error(document in documents(), mutations in mutations()) {
        check(&mutations.iter().fold(document, |text, mutation| mutation.apply(&text)));
    }

    /// Values of a document exchanged for others leave it JSON, which reaches further than torn text.
    #[test]
    fn odd_values_are_refused_where_they_stand(document in documents(), at in any::<prop::sample::Index>(), token in prop::sample::select(&TOKENS[..20])) {
        let mut value: serde_json::Value = serde_json::from_str(&document).unwrap();
        let mut places = Vec::new();
        collect(&value, String::new(), &mut places);
        let place = at.get(&places);
        if let Ok(odd) = serde_json::from_str(token) {
            *value.pointer_mut(place).unwrap() = odd;
        }
        check(&value.to_string());
    }
}

/// The pointers of all values.
fn collect(value: &serde_json::Value, place: String, places: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| collect(field, format!("{place}/{name}"), places));
        }
        serde_json::Value::Array(items) => {
            items
                .iter()
                .zip(0..)
                .for_each(|(item, number): (_, u32)| collect(item, format!("{place}/{number}"), places));
        }
        _ => {}
    }
    places.push(place);
}

#[track_caller]
fn refused(json: &str, expect: &str) {
    check(json);
    assert_eq!(TierPolicy::from_json(json).unwrap_err().to_string(), expect);
}

fn with_rules(count: usize, rule: impl Fn(usize) -> String) -> String {
    let rules: Vec<String> = (0..count).map(rule).collect();
    format!(r#"{{"rules": [{}], "fallback": 0}}"#, rules.join(","))
}

fn with_arm(arm: &str) -> String {
    with_rules(1, |_| format!(r#"{{"id": "a", "tier": 1, "any": [{arm}]}}"#))
}

#[test]
fn huge_documents_are_refused_by_what_is_too_much() {
    let rule = |number: usize| format!(r#"{{"id":"r{number}","tier":1,"any":[{{"score_from":"1"}}]}}"#);
    refused(&with_rules(10_000, rule), "rules: 10000 rules are more than 200");
    refused(&with_rules(100_000, rule), "policy: is longer than 1048576 bytes");
    let arms = vec![r#"{"score_from":"1"}"#; 10_000].join(",");
    refused(
        &with_rules(1, |_| format!(r#"{{"id":"a","tier":1,"any":[{arms}]}}"#)),
        "rules[0].any: 10000 arms are more than 32",
    );
    let limits: Vec<String> = (0..10_000).map(|number| format!(r#""l{number}":"1""#)).collect();
    refused(
        &format!(r#"{{"limits":{{{}}},"rules":[],"fallback":0}}"#, limits.join(",")),
        "limits: 10000 limits are more than 1000",
    );
    let signals = vec![r#""bank_name""#; 50_000].join(",");
    refused(
        &format!(r#"{{"asset_signals":[{signals}],"rules":[],"fallback":0}}"#),
        "asset_signals[1]: duplicate asset signal `bank_name`",
    );
}

/// How soon is measured: `findings_largest_wasm`
#[test]
fn a_policy_as_large_as_there_may_be_decides_as_its_rules_say() {
    let arm = |number: usize| {
        let (score, balance) = (number % 240, number * 7 % 240);
        format!(
            r#"{{"score_from":"{}","score_below":"{}","balance_from":"{}","balance_below":"{}"{}}}"#,
            score as f64 * 0.25,
            (score + 9) as f64 * 0.25,
            balance * 2_000 + 100,
            (balance + 11) * 2_000 + 100,
            [r#","signals_min":1"#, r#","signals_min":2"#, ""][number % 3]
        )
    };
    let rule = |rule: usize| {
        let arms: Vec<String> = (0..5).map(|place| arm(rule * 5 + place)).collect();
        format!(r#"{{"id":"r{rule}","tier":{},"any":[{}]}}"#, 3 - rule % 3, arms.join(","))
    };
    let json = with_rules(200, rule);
    assert!(TierPolicy::from_json(&json).is_ok());
    check(&json);
}

#[test]
fn deep_nesting_is_refused_before_it_is_followed() {
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    refused(&deep, "policy: invalid type: sequence, expected a policy");
    refused(
        &format!(r#"{{"rules": {deep}, "fallback": 0}}"#),
        "rules[0]: invalid type: sequence, expected a rule",
    );
    refused(
        &format!(r#"{{"limits": {{"a": {deep}}}, "rules": [], "fallback": 0}}"#),
        "limits.a: invalid type: sequence, expected a decimal string or a number",
    );
    refused(&"{\"rules\":".repeat(100_000), "rules: invalid type: map, expected a sequence");
    // What is ignored may be anything.
    assert_eq!(JudgmentFacts::from_json(&format!(r#"{{"id": {deep}}}"#)), Ok(JudgmentFacts::default()));
}

#[test]
fn giant_texts_are_quoted_in_short() {
    let giant = "x".repeat(500_000);
    let (short, longer) = ("x".repeat(40), "x".repeat(200));
    refused(
        &with_rules(1, |_| format!(r#"{{"id": "{giant}", "tier": 1, "any": [{{"score_from": "1"}}]}}"#)),
        &format!("rules[0].id: `{short}…` is not 1 to 64 of letters, digits, `_`, `.` and `-`"),
    );
    refused(
        &with_arm(&format!(r#"{{"score_from": "{giant}"}}"#)),
        &format!("rules[0].any[0].score_from: unknown limit `{short}…`"),
    );
    refused(
        &format!(r#"{{"limits": {{"{giant}": "1"}}, "rules": [], "fallback": 0}}"#),
        &format!("limits.{short}…: `{short}…` is not 1 to 64 of letters, digits, `_`, `.` and `-`"),
    );
    refused(
        &format!(r#"{{"limits": {{"{giant}": null}}, "rules": [], "fallback": 0}}"#),
        &format!("limits.{}…: invalid type: null, expected a decimal string or a number", &longer[7..]),
    );
    refused(
        &format!(r#"{{"{giant}": 1}}"#),
        &format!("{longer}…: unknown field `{}…", "x".repeat(300 - "unknown field `".len())),
    );
}

#[test]
fn enormous_numbers_are_refused_not_rounded() {
    let digits = "9".repeat(500_000);
    let short = "9".repeat(40);
    for (number, expect) in [
        (digits.as_str(), format!("`{short}…` has too many digits")),
        (&format!("-{digits}"), format!("`-{}…` has too many digits", &short[1..])),
        (&format!("0.{digits}"), format!("`0.{}…` has too many digits", &short[2..])),
        ("1e999", "`1e999` is not a decimal number".to_owned()),
        ("1e-999", "`1e-999` is not a decimal number".to_owned()),
        (
            "1e400000000000000000000000000",
            "`1e400000000000000000000000000` is not a decimal number".to_owned(),
        ),
        ("18446744073709551616", "`18446744073709551616` has too many digits".to_owned()),
        ("1000000000000", "`1000000000000` is outside 0 to 999,999,999,999.99".to_owned()),
    ] {
        refused(
            &format!(r#"{{"limits": {{"a": {number}}}, "rules": [], "fallback": 0}}"#),
            &format!("limits.a: {expect}"),
        );
    }
    refused(&with_arm(r#"{"signals_min": 1e400}"#), "policy: number out of range at line 1 column 63");
    refused(
        &with_arm(r#"{"signals_min": 18446744073709551617}"#),
        "rules[0].any[0].signals_min: invalid type: floating point `1.8446744073709552e+19`, expected a number of asset signals from 1 to 4",
    );
}

#[test]
fn keys_that_stand_twice_are_refused() {
    refused(r#"{"rules": [], "rules": [], "fallback": 0}"#, "policy: duplicate field `rules`");
    refused(
        r#"{"limits": {"a": "1", "\u0061": "1"}, "rules": [], "fallback": 0}"#,
        "limits: duplicate limit `a`",
    );
    refused(
        &with_arm(r#"{"score_from": "1", "score_from": "2"}"#),
        "rules[0].any[0]: duplicate field `score_from`",
    );
    refused(
        &with_rules(2, |_| r#"{"id": "a", "tier": 1, "any": [{"score_from": "1"}]}"#.to_owned()),
        "rules[1].id: duplicate rule id `a`",
    );
}
