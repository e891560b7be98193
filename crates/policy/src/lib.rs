//! The domain of Dragonfly, pure: no clock, no I/O, no randomness of its own, no hash order.
//!
//! [`tier`] decides the enforcement tier of one judgment under a policy; [`portfolio`] does the same for
//! many judgments in columns and compares two policies over them. [`analysis`] says what is wrong with a policy
//! and where two differ, for all judgments that there could be. [`receipt`] vouches for a preview. The worker,
//! the server and the browser run this very code, so that what a preview shows is what a publish does.
//! [`replay`] runs a policy over past days, from the changes of facts. [`routing`] decides who takes the next lead,
//! and [`simulation`] shows what ranks do to load, overflow and losses. [`sample`] makes up inputs for tests and measurements.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(missing_docs)]

pub mod analysis;
pub mod assertions;
mod cells;
pub mod portfolio;
pub mod receipt;
pub mod replay;
pub mod routing;
pub mod sample;
pub mod simulation;
pub mod study;
pub mod tier;

/// SHA-256 of this crate's sources, as 64 lower-case hexadecimal digits
///
/// The same natively and in the browser, whatever the target, the profile or the place of the sources: two
/// programs that have the same one decide by the same code.
pub const BUILD: &str = env!("POLICY_BUILD");
