//! What the pages of cases share: forms, the timeline, plans for many cases, recent events.

pub mod bulk;
pub mod form;
pub mod recent;
pub mod row;
pub mod timeline;
