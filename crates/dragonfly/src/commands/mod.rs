//! One file a command: its arguments, its help and what it does

pub(crate) mod backup;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod import;
pub(crate) mod migrate;
pub(crate) mod pool;
pub(crate) mod queue;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod smoke;
pub(crate) mod tier;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod worker;
