//! What is fetched: the newest answer, kept while a newer one is on its way.

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

    fn boxed(fetch: Box<dyn Fn() -> Answer<T>>) -> Self {
        let remote =
            Self { value: RwSignal::new(None), error: RwSignal::new(None), again: RwSignal::new(()) };
        let turns = StoredValue::new(0_u32);
        Effect::new(move |_| {
            remote.again.track();
            let answer = fetch();
            let turn = turns.get_value().wrapping_add(1);
            turns.set_value(turn);
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
    }

    /// Fetches again; the value stays until the answer has come.
    pub fn refetch(self) {
        let _ = self.again.try_set(());
    }
}
