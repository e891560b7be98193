//! The HTTP API on a real server over a real database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerts;
mod approvals;
mod case_pages;
mod cases;
mod console;
mod documents;
mod events;
mod isolation;
mod judgments;
mod leads;
mod policies;
mod pools;
mod portfolio;
mod problems;
mod queues;
mod replay;
mod review;
mod rpc;
mod sessions;
mod shadows;
mod support;
mod tiers;
mod tokens;
mod vectors;
