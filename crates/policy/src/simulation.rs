//! What ranks do to shares, load, overflow and losses of a pool: exactly where a formula is known, by simulation elsewhere.
//!
//! A [`Scenario`] is one pool: members with ranks and slots, arrivals at a constant rate or by the hour, handling
//! times, optionally a waiting list. Agents are chosen by the very tournament that [`routing`](crate::routing) decides with.
//!
//! # What can be trusted
//!
//! - The same scenario and seed give the same bits natively and in the browser: the generator is our own, and every
//!   function that is not exactly rounded by IEEE 754 comes from `libm`.
//! - Arrivals, handling times and patience are drawn per arrival from streams of their own, so that two scenarios
//!   that differ in their ranks meet the very same visitors (common random numbers) and a difference is not noise.
//! - Every figure has a 99.9 % confidence interval. With a constant rate it comes from the *means of 30 batches* of one long
//!   run, of which a 31st at the beginning is discarded: the pool starts empty, which a single run pays for once and
//!   replications would pay for 30 times. With arrivals by the hour or agents who are away there is no steady state to be
//!   long in, and it comes from 30 *replications* of the day. Figures are ratios (visitors per visitor, time per time), and their
//!   intervals those of the ratio estimator with Student's t at 29 degrees of freedom; that of a difference is of the
//!   paired batches. (Law, *Simulation Modeling and Analysis*, 5th edition, sections 9.4, 9.5 and 11.2.)
//! - Exact values stand beside them where [`exact`] knows them.

mod compare;
mod dice;
mod distribution;
mod engine;
mod erlang;
mod estimate;
mod exact;
mod moves;
mod outcome;
mod replay;
mod scenario;
mod seek;
mod stress;

pub use compare::{AgentDifference, Comparison, GroupDifference, compare};
pub use distribution::Distribution;
pub use erlang::{ErlangA, erlang_a, erlang_b, erlang_c};
pub use estimate::Estimate;
pub use exact::{Exact, ExactGroup, LossTheorem, exact, losses_ignore_ranks};
pub use moves::{Move, Moves, MovesMethod, moves};
pub use outcome::{AgentOutcome, GroupOutcome, Method, Outcome, simulate};
pub use replay::{
    MovedLead, RecordedArrival, RecordedStatus, Replay, ReplayDocument, ReplayedGroup, ReplayedLead, Replays,
    replay,
};
pub use scenario::{AwayDocument, GroupDocument, MemberDocument, Scenario, ScenarioDocument};
pub use seek::{Goal, Miss, RankChange, Sought, Target, seek};
pub use stress::{Stress, StressBin, StressGroup, StressPeak, stress};
