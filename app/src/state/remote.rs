//! What is fetched: the newest answer, kept while a newer one is on its way.

use super::live::follow;
use crate::api::ApiError;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::future::Future;
use std::pin::Pin;

/// A value of the server's, fetched anew whenever what its fetcher reads has changed
///
/// One small function a type: Leptos' own resource does more (suspense, hydration) and is several times larger
/// in what the browser downloads.
pub struct Remote<T: Send + Sync + 'static> {
    /// The newest value that has arrived.
    pub value: RwSignal<Option<T>>,
    /// Why the last fetch gave nothing; the value before it still stands.
    pub error: RwSignal<Option<ApiError>>,
    again: RwSignal<()>,
    is_asking: StoredValue<bool>,
    /// Whether it was asked for again while an answer was on its way.
    is_missed: StoredValue<bool>,
}

impl<T: Send + Sync + 'static> Clone for Remote<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Remote<T> {}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl<T: PartialEq + Send + Sync + 'static> Remote<T> {
    /// Fetches now; what `fetch` reads before it first waits is tracked.
    pub fn new<Fetch>(fetch: impl Fn() -> Fetch + 'static) -> Self
    where
        Fetch: Future<Output = Result<T, ApiError>> + 'static,
    {
        Self::boxed(Box::new(move || Box::pin(fetch())))
    }

    /// The same, and again whenever one of these has counted up.
    pub fn live<Fetch, const N: usize>(
        counts: [RwSignal<u32>; N],
        fetch: impl Fn() -> Fetch + 'static,
    ) -> Self
    where
        Fetch: Future<Output = Result<T, ApiError>> + 'static,
    {
        let remote = Self::new(fetch);
        follow(counts, move || remote.refetch());
        remote
    }

    fn boxed(fetch: Box<dyn Fn() -> Answer<T>>) -> Self {
        let remote = Self {
            value: RwSignal::new(None),
            error: RwSignal::new(None),
            again: RwSignal::new(()),
            is_asking: StoredValue::new(false),
            is_missed: StoredValue::new(false),
        };
        let turns = StoredValue::new(0_u32);
        Effect::new(move |_| {
            remote.again.track();
            let answer = fetch();
            let turn = turns.get_value().wrapping_add(1);
            turns.set_value(turn);
            remote.is_asking.set_value(true);
            remote.is_missed.set_value(false);
            spawn_local(async move {
                let answer = answer.await;
                // An answer that a later question has overtaken, or whose page has been left.
                if turns.try_get_value() == Some(turn) {
                    remote.settle(answer);
                }
            });
        });
        remote
    }

    fn settle(self, answer: Result<T, ApiError>) {
        self.is_asking.set_value(false);
        match answer {
            Ok(value) => {
                self.error.set(None);
                // What is the same as before is not shown again.
                if self.value.with_untracked(|shown| shown.as_ref() != Some(&value)) {
                    self.value.set(Some(value));
                }
            }
            Err(error) => self.error.set(Some(error)),
        }
        if self.is_missed.get_value() {
            self.again.set(());
        }
    }

    /// Fetches again, after the answer that is on its way; the value stays until the answer has come.
    ///
    /// However often something changes, an answer that takes its time arrives.
    pub fn refetch(self) {
        if self.is_asking.try_get_value() == Some(true) {
            let _ = self.is_missed.try_set_value(true);
        } else {
            let _ = self.again.try_set(());
        }
    }
}

/// A part of a value: what shows it stays as it is when another part has changed
pub fn part<T, Part>(whole: Signal<T>, read: fn(&T) -> Part) -> Memo<Part>
where
    T: Send + Sync + 'static,
    Part: PartialEq + Send + Sync + 'static,
{
    Memo::new(move |_| whole.with(read))
}
