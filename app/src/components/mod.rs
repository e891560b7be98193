//! What several pages use, on native elements.

pub mod approval;
pub mod assertions;
pub mod difference;
pub mod empty;
pub mod findings;
pub mod frame;
pub mod icon;
pub mod jump_dialog;
pub mod leave_dialog;
pub mod loaded;
pub mod migration_matrix;
pub mod modal;
pub mod notice;
pub mod page_header;
pub mod policy_editor;
pub mod policy_map;
pub mod publish_dialog;
pub mod reconciliation;
pub mod refresh_progress;
pub mod studies;
pub mod swap_set;
pub mod tier_badge;
pub mod tier_totals;
pub mod time;
pub mod toasts;
pub mod virtual_grid;
