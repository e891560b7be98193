//! The parts of the Pools page: who is in a pool, and what other ranks would do.

pub mod dialogs;
pub mod goal;
pub mod members;
pub mod moves;
pub mod next_leads;
pub mod replay;
pub mod scenario;
pub mod simulation;
pub mod stress;
