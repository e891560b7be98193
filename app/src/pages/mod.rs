//! One file a route: it loads, then hands plain data to an inner component that computes and emits.

pub mod alerts;
pub mod calls;
pub mod case;
pub mod cases;
pub mod desk;
pub mod judgment;
pub mod judgments;
pub mod not_found;
pub mod page_rules;
pub mod parts;
pub mod pipeline;
pub mod plaintiff;
pub mod plaintiffs;
pub mod policy;
pub mod policy_history;
pub mod pool_statistics;
pub mod pools;
pub mod queues;
pub mod review;
pub mod set_password;
pub mod sign_in;
pub mod stages;
pub mod tiers;
pub mod today;
pub mod welcome;
