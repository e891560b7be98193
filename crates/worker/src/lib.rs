//! Background work: jobs from the queue, set-based refreshes, the nightly schedule, scheduled policies, alerts.
//!
//! [`Worker::run`] does all of it until it is told to stop; any number of workers, in any number of
//! processes, may run against one database. [`Worker::once`] and [`Worker::drain`] only take jobs.

pub mod alerts;
pub mod chat;
mod failure;
mod job;
pub mod jobs;
pub mod mail;
pub mod nightly;
pub mod refresh;
mod runner;
pub mod schedule;
mod stop;

pub use job::{Job, Report, Verdict, Work};
pub use runner::{Options, Worker};
pub use stop::{Stop, Stopper, stop_channel};
