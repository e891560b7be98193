//! What is true of a policy for every judgment that there could be, found without data and without sampling.
//!
//! The limits of a policy cut score × balance × asset signals into cells, in each of which one arm or the
//! fallback decides. [`analyze`] looks at every cell and tells what is wrong with a policy in itself;
//! [`SemanticDifference`] tells where two policies give different tiers. Both are exact: cells end at a
//! hundredth of a point and at a cent, a missing score or balance is 0, and a number of signals is only
//! what the policy's asset signals can come to.

mod boxes;
mod difference;
mod findings;
mod region;
mod sorted;
mod words;

pub use difference::{DifferenceError, DifferenceRegion, PortfolioShare, REGIONS_MAX, SemanticDifference};
pub use findings::{ExampleJudgment, Finding, FindingCode, NamedRule, Severity, analyze};
pub use region::Region;
