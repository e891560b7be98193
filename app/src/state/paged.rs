//! A list that is read page by page: what has arrived so far, and how to get more.

use super::live::follow;
use crate::api::ApiError;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::future::Future;
use std::pin::Pin;

/// What one question gave
pub struct Chunk<Row, Rest> {
    pub rows: Vec<Row>,
    pub next: Option<String>,
    /// What the answer says beside its rows.
    pub rest: Rest,
}

type Answer<Row, Rest> = Pin<Box<dyn Future<Output = Result<Chunk<Row, Rest>, ApiError>>>>;
type Fetch<Row, Rest> = Box<dyn Fn(String) -> Answer<Row, Rest>>;

/// The rows of one query; another query begins anew
pub struct Paged<Row: Send + Sync + 'static, Rest: Send + Sync + 'static> {
    query: Memo<String>,
    /// `None` until the first page has arrived.
    pub rows: RwSignal<Option<Vec<Row>>>,
    pub rest: RwSignal<Option<Rest>>,
    next: RwSignal<Option<String>>,
    pub error: RwSignal<Option<ApiError>>,
    /// The query whose rows are shown.
    shown: RwSignal<Option<String>>,
    /// Whether the next page is on its way.
    is_growing: RwSignal<bool>,
    is_asking: StoredValue<bool>,
    /// Whether it was to be fetched again while an answer was on its way.
    is_missed: StoredValue<bool>,
    /// Whether more than the first page is shown.
    has_grown: StoredValue<bool>,
    turn: StoredValue<u32>,
    fetch: StoredValue<Fetch<Row, Rest>, LocalStorage>,
    rows_max: usize,
    /// What the server calls the place where a page begins.
    cursor: &'static str,
}

impl<Row: Send + Sync + 'static, Rest: Send + Sync + 'static> Clone for Paged<Row, Rest> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Row: Send + Sync + 'static, Rest: Send + Sync + 'static> Copy for Paged<Row, Rest> {}

impl<Row: Clone + Send + Sync + 'static, Rest: Send + Sync + 'static> Paged<Row, Rest> {
    /// Fetches the first page now and whenever `query` changes; `fetch` takes the whole query string.
    ///
    /// `rows_max` is the most that the server answers at once.
    pub fn new<Fetching>(
        query: Memo<String>,
        rows_max: usize,
        fetch: impl Fn(String) -> Fetching + 'static,
    ) -> Self
    where
        Fetching: Future<Output = Result<Chunk<Row, Rest>, ApiError>> + 'static,
    {
        Self::by("after", query, rows_max, fetch)
    }

    /// The same, of a list that calls the place where a page begins otherwise.
    pub fn by<Fetching>(
        cursor: &'static str,
        query: Memo<String>,
        rows_max: usize,
        fetch: impl Fn(String) -> Fetching + 'static,
    ) -> Self
    where
        Fetching: Future<Output = Result<Chunk<Row, Rest>, ApiError>> + 'static,
    {
        let paged = Self {
            query,
            rows: RwSignal::new(None),
            rest: RwSignal::new(None),
            next: RwSignal::new(None),
            error: RwSignal::new(None),
            shown: RwSignal::new(None),
            is_growing: RwSignal::new(false),
            is_asking: StoredValue::new(false),
            is_missed: StoredValue::new(false),
            has_grown: StoredValue::new(false),
            turn: StoredValue::new(0),
            fetch: StoredValue::new_local(Box::new(move |query| Box::pin(fetch(query)))),
            rows_max,
            cursor,
        };
        Effect::new(move |_| {
            query.track();
            paged.is_missed.set_value(false);
            paged.ask(None, None);
        });
        paged
    }

    /// Fetches again what is shown whenever one of these has counted up.
    pub fn following<const N: usize>(self, counts: [RwSignal<u32>; N]) -> Self {
        follow(counts, move || self.reload());
        self
    }

    /// Whether there is more than what is shown.
    pub fn has_more(self) -> bool {
        self.next.with(Option::is_some)
    }

    /// Whether what is shown is on its way out.
    pub fn is_stale(self) -> bool {
        self.query.with(|query| self.shown.with(|shown| shown.as_ref() != Some(query)))
    }

    /// Tracks whether the next page is on its way.
    pub fn is_growing(self) -> bool {
        self.is_growing.get()
    }

    /// Appends the next page.
    pub fn more(self) {
        if let Some(next) = self.next.get_untracked()
            && !self.is_growing.get_untracked()
        {
            // What is overtaken is asked again afterwards.
            self.is_missed.set_value(self.is_asking.get_value());
            self.ask(Some(next), None);
        }
    }

    /// Fetches again what is shown, all of it, after the answer that is on its way.
    pub fn reload(self) {
        if self.is_asking.get_value() {
            return self.is_missed.set_value(true);
        }
        let shown = self.rows.with_untracked(|rows| rows.as_ref().map_or(0, Vec::len));
        self.ask(None, self.has_grown.get_value().then_some(shown));
    }

    /// Asks for what comes after a place, so many rows if that is said.
    async fn page(
        self,
        query: String,
        after: Option<String>,
        limit: Option<usize>,
    ) -> Result<Chunk<Row, Rest>, ApiError> {
        let mut asked = query;
        let limit = limit.map(|limit| limit.min(self.rows_max).to_string());
        for (name, value) in [(self.cursor, after), ("limit", limit)] {
            if let Some(value) = value {
                asked = format!("{asked}&{name}={}", super::url::encode(&value));
            }
        }
        match self.fetch.try_with_value(|fetch| fetch(asked)) {
            Some(answer) => answer.await,
            // The page has been left; nobody reads this.
            None => Err(ApiError::Unreachable),
        }
    }

    fn ask(self, after: Option<String>, wanted: Option<usize>) {
        let turn = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(turn);
        let query = self.query.get_untracked();
        self.is_asking.set_value(true);
        self.is_growing.set(after.is_some());
        spawn_local(async move {
            let mut answer = self.page(query.clone(), after.clone(), wanted).await;
            // More than one answer holds is asked for in several.
            while let (Ok(chunk), Some(wanted)) = (&mut answer, wanted)
                && chunk.rows.len() < wanted
                && let Some(next) = chunk.next.take()
                && self.turn.try_get_value() == Some(turn)
            {
                let rest = wanted - chunk.rows.len();
                match self.page(query.clone(), Some(next), Some(rest)).await {
                    Ok(more) => {
                        chunk.rows.extend(more.rows);
                        chunk.next = more.next;
                    }
                    Err(error) => answer = Err(error),
                }
            }
            // An answer that a later question has overtaken, or whose page has been left.
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            self.is_asking.set_value(false);
            self.is_growing.set(false);
            match answer {
                Ok(Chunk { rows, next, rest }) => {
                    self.error.set(None);
                    self.next.set(next);
                    self.rest.set(Some(rest));
                    self.shown.set(Some(query));
                    self.has_grown.set_value(after.is_some() || wanted.is_some());
                    self.rows.update(|shown| match shown {
                        Some(shown) if after.is_some() => shown.extend(rows),
                        shown => *shown = Some(rows),
                    });
                }
                Err(error) => self.error.set(Some(error)),
            }
            if self.is_missed.get_value() {
                self.is_missed.set_value(false);
                self.reload();
            }
        });
    }
}
