//! The looks of what is fetched: a skeleton, an error with a way out, or the value.

use super::notice::{Notice, Tone};
use crate::api::ApiError;
use crate::state::remote::Remote;
use leptos::prelude::*;

/// Shows the newest value of `remote` and keeps what it shows while a newer one is on its way
///
/// `children` runs once, at the first value, and gets a signal of the newest: a page that is refetched
/// keeps its scroll position, its focus and its inputs. A refetch that fails leaves the last value in place,
/// under a line that says so.
#[component]
pub fn Loaded<T, V>(
    remote: Remote<T>,
    #[prop(into)] skeleton: ViewFn,
    children: impl Fn(Signal<T>) -> V + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let Remote { value, error, .. } = remote;
    let has_value = Memo::new(move |_| value.with(Option::is_some));
    let has_failed = Memo::new(move |_| error.with(Option::is_some));
    let body = move || match has_value.get().then(|| value.get_untracked()).flatten() {
        Some(first) => {
            let newest = Memo::new(move |_| value.get().unwrap_or_else(|| first.clone()));
            children(newest.into()).into_any()
        }
        None if has_failed.get() => ().into_any(),
        None => {
            let skeleton = skeleton.run();
            view! { <Loading>{skeleton}</Loading> }.into_any()
        }
    };
    view! {
        {move || error.get().map(|error| view! { <LoadFailed error on_retry=move |()| remote.refetch()/> })}
        {body}
    }
}

#[component]
fn Loading(children: Children) -> impl IntoView {
    view! { <div aria-busy="true"><span class="visually-hidden" role="status">"Loading"</span>{children()}</div> }
}

#[component]
pub fn LoadFailed(error: ApiError, #[prop(into)] on_retry: Callback<()>) -> impl IntoView {
    view! {
        <Notice tone=Tone::Error>
            <div class="load-failed" data-test="load-failed">
                <span>{error.to_string()}</span>
                <button class="button small" on:click=move |_| on_retry.run(())>"Try again"</button>
            </div>
        </Notice>
    }
}

/// Grey bars where rows will be.
#[component]
pub fn RowsSkeleton(rows: usize) -> impl IntoView {
    view! { <div class="skeleton">{(0..rows).map(|_| view! { <div class="bar"></div> }).collect_view()}</div> }
}

/// Grey blocks where cards will be.
#[component]
pub fn CardsSkeleton(cards: usize) -> impl IntoView {
    view! { <div class="skeleton cards">{(0..cards).map(|_| view! { <div class="block"></div> }).collect_view()}</div> }
}
