//! The cases of one query that have arrived: page after page, as they come into sight.

use super::live::{follow, use_live};
use crate::api::{self, ApiError};
use contract::CaseRow;
use leptos::prelude::*;
use leptos::task::spawn_local;

const PAGE_ROWS: usize = 100;
const PAGE_ROWS_MAX: usize = 500;
/// The next page is fetched when so few rows are left below the sight.
const AHEAD: usize = 60;

#[derive(Clone, Copy)]
pub struct CaseList {
    pub query: Memo<String>,
    pub shown: RwSignal<Shown>,
    pub error: RwSignal<Option<ApiError>>,
    pub in_sight: RwSignal<(u32, u32)>,
    /// Counts the lists: the grid goes back to the top with each.
    pub generation: RwSignal<u32>,
    /// Counts the questions: an answer to an older one is dropped.
    turn: StoredValue<u32>,
    is_asking: StoredValue<bool>,
}

#[derive(Clone, Default, PartialEq)]
pub struct Shown {
    /// `None` until the first page has arrived.
    pub query: Option<String>,
    pub total: u64,
    pub balance: String,
    pub rows: Vec<CaseRow>,
    next_cursor: Option<String>,
}

impl CaseList {
    pub fn new(query: Memo<String>) -> Self {
        let list = Self {
            query,
            shown: RwSignal::new(Shown::default()),
            error: RwSignal::new(None),
            in_sight: RwSignal::new((0, 0)),
            generation: RwSignal::new(0),
            turn: StoredValue::new(0),
            is_asking: StoredValue::new(false),
        };
        Effect::new(move |_| {
            query.track();
            list.load(PAGE_ROWS, true);
        });
        // What somebody else has done shows where it is, without a jump.
        follow([use_live().cases], move || list.reload());
        Effect::new(move |_| {
            let (_, below) = list.in_sight.get();
            list.load_ahead(below as usize);
        });
        list
    }

    pub fn is_stale(self) -> bool {
        self.query.with(|query| self.shown.with(|shown| shown.query.as_ref() != Some(query)))
    }

    /// Rows that have arrived, and some that are on their way while there are more.
    pub fn row_count(self) -> u32 {
        self.shown.with(|shown| {
            let more = if shown.next_cursor.is_some() { AHEAD } else { 0 };
            let known = usize::try_from(shown.total).unwrap_or(usize::MAX).max(shown.rows.len());
            u32::try_from((shown.rows.len() + more).min(known)).unwrap_or(u32::MAX)
        })
    }

    /// Tracks the list; `None` while the row is on its way.
    pub fn row(self, row: u32) -> Option<CaseRow> {
        self.shown.with(|shown| shown.rows.get(row as usize).cloned())
    }

    pub fn retry(self) {
        self.error.set(None);
        self.load(PAGE_ROWS, true);
    }

    /// Fetches what is in sight anew.
    pub fn reload(self) {
        let (_, below) = self.in_sight.get_untracked();
        let wanted = (below as usize + AHEAD).div_ceil(PAGE_ROWS) * PAGE_ROWS;
        self.load(wanted.clamp(PAGE_ROWS, PAGE_ROWS_MAX), false);
    }

    fn load(self, limit: usize, begins_list: bool) {
        let query = self.query.get_untracked();
        let path = joined(&query, &format!("limit={limit}"));
        self.ask(path, move |list, page| {
            list.shown.set(Shown {
                query: Some(query),
                total: page.total.unwrap_or(0),
                balance: page.total_balance.unwrap_or_default(),
                rows: page.rows,
                next_cursor: page.next_cursor,
            });
            if begins_list {
                list.generation.update(|generation| *generation += 1);
            }
        });
    }

    fn load_ahead(self, below: usize) {
        let wanted = self.shown.with_untracked(|shown| {
            let is_near = below + AHEAD > shown.rows.len();
            shown.next_cursor.clone().filter(|_| is_near).zip(shown.query.clone())
        });
        let Some((cursor, query)) = wanted else { return };
        if self.is_asking.get_value() || self.query.with_untracked(|now| *now != query) {
            return;
        }
        let cursor = super::url::encode(&cursor);
        self.ask(joined(&query, &format!("limit={PAGE_ROWS}&cursor={cursor}")), |list, page| {
            list.shown.update(|shown| {
                shown.rows.extend(page.rows);
                shown.next_cursor = page.next_cursor;
            });
        });
    }

    fn ask(self, query: String, take: impl FnOnce(Self, contract::CasePage) + 'static) {
        let turn = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(turn);
        self.is_asking.set_value(true);
        spawn_local(async move {
            let answer = api::cases(&query).await;
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            self.is_asking.set_value(false);
            match answer {
                Ok(page) => {
                    self.error.set(None);
                    take(self, page);
                    // A quick scroll may have gone past what has arrived.
                    self.load_ahead(self.in_sight.get_untracked().1 as usize);
                }
                Err(error) => self.error.set(Some(error)),
            }
        });
    }
}

fn joined(query: &str, rest: &str) -> String {
    if query.is_empty() { rest.to_owned() } else { format!("{query}&{rest}") }
}
