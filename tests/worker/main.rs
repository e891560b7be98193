//! The worker on a real PostgreSQL: queue, assignments, refreshes, nights.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerts;
mod assignments;
mod casework;
mod faults;
mod leads;
mod lines;
mod loopback;
mod nights;
mod queue;
mod refreshes;
mod running;
mod schedules;
mod shadows;
mod support;
