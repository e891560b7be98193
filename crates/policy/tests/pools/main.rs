//! What routing and simulation of pools promise, held against the plainest way of doing the same.

#![allow(clippy::unwrap_used)] // the helpers of tests stand outside of tests

mod naive;
mod routing;
mod simulation;
