//! What outlives a page, and what computes without a view.

pub mod clock;
pub mod decision_table;
pub mod desk;
pub mod download;
pub mod draft;
pub mod focus;
pub mod leave_guard;
pub mod link;
pub mod live;
pub mod page;
pub mod page_rules;
pub mod pool_lab;
pub mod pools;
pub mod remote;
pub mod screen;
pub mod session;
pub mod settled;
pub mod simulation;
pub mod studies;
pub mod theme;
pub mod toasts;
pub mod url;
pub mod workbench;
pub mod workload;
