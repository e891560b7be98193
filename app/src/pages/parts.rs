//! Pages that load when they are first opened.
//!
//! A person sees one page first, and the others would make that load longer. The code that is reached through one
//! of these functions alone leaves the console's main module, in parts that `cargo xtask stage` cuts: one for each
//! name in `wasm_split`, and one for what several of them share. Today, where everybody begins, is a part of its own.
//! Tiers and judgments stay in the main module: cut off, they took more from every other page than they saved.

use super::{
    alerts::{AlertsPage, AlertsPanel},
    calls::CallsPage,
    case::CasePage,
    cases::CasesPage,
    desk::DeskPage,
    page_rules::PageRulesPage,
    pipeline::PipelinePage,
    plaintiff::PlaintiffPage,
    plaintiffs::PlaintiffsPage,
    policy::PolicyPage,
    policy_history::PolicyHistoryPage,
    pool_statistics::PoolStatisticsPage,
    pools::PoolsPage,
    queues::QueuesPage,
    review::ReviewPage,
    stages::StagesPage,
    today::TodayPage,
};
use crate::api::ApiError;
use crate::components::loaded::{LoadFailed, RowsSkeleton};
use leptos::prelude::*;
use leptos::reactive::computed::ScopedFuture;
use leptos::task::spawn_local;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

impl From<SplitLoaderError> for ApiError {
    fn from(_: SplitLoaderError) -> Self {
        ApiError::PartMissing
    }
}

#[wasm_split(studio, fallible)]
pub fn policy_page() -> Result<AnyView, ApiError> {
    Ok(view! { <PolicyPage/> }.into_any())
}

#[wasm_split(studio, fallible)]
pub fn policy_history_page() -> Result<AnyView, ApiError> {
    Ok(view! { <PolicyHistoryPage/> }.into_any())
}

#[wasm_split(pools, fallible)]
pub fn pools_page() -> Result<AnyView, ApiError> {
    Ok(view! { <PoolsPage/> }.into_any())
}

#[wasm_split(operations, fallible)]
pub fn queues_page() -> Result<AnyView, ApiError> {
    Ok(view! { <QueuesPage/> }.into_any())
}

#[wasm_split(pools, fallible)]
pub fn desk_page() -> Result<AnyView, ApiError> {
    Ok(view! { <DeskPage/> }.into_any())
}

#[wasm_split(pools, fallible)]
pub fn page_rules_page() -> Result<AnyView, ApiError> {
    Ok(view! { <PageRulesPage/> }.into_any())
}

#[wasm_split(pools, fallible)]
pub fn pool_statistics_page() -> Result<AnyView, ApiError> {
    Ok(view! { <PoolStatisticsPage/> }.into_any())
}

#[wasm_split(today, fallible)]
pub fn today_page() -> Result<AnyView, ApiError> {
    Ok(view! { <TodayPage/> }.into_any())
}

#[wasm_split(casework, fallible)]
pub fn cases_page() -> Result<AnyView, ApiError> {
    Ok(view! { <CasesPage/> }.into_any())
}

#[wasm_split(casework, fallible)]
pub fn case_page(id: String) -> Result<AnyView, ApiError> {
    Ok(view! { <CasePage id/> }.into_any())
}

#[wasm_split(casework, fallible)]
pub fn calls_page() -> Result<AnyView, ApiError> {
    Ok(view! { <CallsPage/> }.into_any())
}

#[wasm_split(casework, fallible)]
pub fn pipeline_page() -> Result<AnyView, ApiError> {
    Ok(view! { <PipelinePage/> }.into_any())
}

#[wasm_split(casework, fallible)]
pub fn plaintiffs_page() -> Result<AnyView, ApiError> {
    Ok(view! { <PlaintiffsPage/> }.into_any())
}

#[wasm_split(casework, fallible)]
pub fn plaintiff_page() -> Result<AnyView, ApiError> {
    Ok(view! { <PlaintiffPage/> }.into_any())
}

#[wasm_split(casework, fallible)]
pub fn review_page() -> Result<AnyView, ApiError> {
    Ok(view! { <ReviewPage/> }.into_any())
}

#[wasm_split(casework, fallible)]
pub fn stages_page() -> Result<AnyView, ApiError> {
    Ok(view! { <StagesPage/> }.into_any())
}

#[wasm_split(alerts, fallible)]
pub fn alerts_page() -> Result<AnyView, ApiError> {
    Ok(view! { <AlertsPage/> }.into_any())
}

#[wasm_split(alerts, fallible)]
pub fn alerts_panel(is_open: RwSignal<bool>) -> Result<AnyView, ApiError> {
    Ok(view! { <AlertsPanel is_open/> }.into_any())
}

#[derive(Clone, PartialEq)]
enum Phase {
    Loading,
    Failed(ApiError),
    Arrived,
}

/// Shows one of the pages above as soon as its part is there
#[component]
pub fn Deferred<Page, Part>(page: Page) -> impl IntoView
where
    Page: Fn() -> Part + Send + Sync + 'static,
    Part: Future<Output = Result<AnyView, ApiError>> + 'static,
{
    arriving(Arc::new(move || Box::pin(page())))
}

type Arriving = Pin<Box<dyn Future<Output = Result<AnyView, ApiError>>>>;

/// One function for all pages: it stands in the main module, which loads first
fn arriving(page: Arc<dyn Fn() -> Arriving + Send + Sync>) -> AnyView {
    let phase = RwSignal::new(Phase::Loading);
    let arrived = StoredValue::new_local(None::<AnyView>);
    // What the page makes belongs to this component, and ends with it.
    let owner = Owner::current().unwrap_or_default();
    let load = move || {
        let part = owner.with(|| ScopedFuture::new(page()));
        spawn_local(async move {
            let outcome = part.await;
            // Nobody waits for it where the page has been left meanwhile.
            phase.try_set(match outcome {
                Ok(view) => {
                    arrived.try_set_value(Some(view));
                    Phase::Arrived
                }
                Err(error) => Phase::Failed(error),
            });
        });
    };
    load();
    let retry = move |()| {
        phase.set(Phase::Loading);
        load();
    };
    let shown = Memo::new(move |_| phase.get());
    let look = move || match shown.get() {
        Phase::Loading => {
            view! { <div class="page" aria-busy="true"><RowsSkeleton rows=8/></div> }.into_any()
        }
        Phase::Failed(error) => {
            view! { <div class="page"><LoadFailed error on_retry=retry.clone()/></div> }.into_any()
        }
        Phase::Arrived => arrived.try_update_value(Option::take).flatten().into_any(),
    };
    look.into_any()
}
