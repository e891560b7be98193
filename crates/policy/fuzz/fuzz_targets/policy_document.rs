//! Any text as a policy; `cargo +nightly fuzz run policy_document fuzz/corpus/policy_document src/tier` in
//! crates/policy begins from the shipped policies. `cargo xtask soak` drives the same check on stable.

#![no_main]

#[path = "../../tests/documents/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|json: &str| check::check(json));
