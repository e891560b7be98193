//! How far a set-based refresh is.

use crate::format;
use contract::{RefreshRun, RefreshState};
use leptos::prelude::*;

#[component]
pub fn RefreshProgress(#[prop(into)] run: Signal<RefreshRun>) -> impl IntoView {
    let words = move || {
        run.with(|run| match run.state {
            RefreshState::Running => format!("Re-tiering under revision {}", run.policy_revision),
            RefreshState::Done => format!("Re-tiered under revision {}", run.policy_revision),
            RefreshState::Failed => format!("Re-tiering under revision {} failed", run.policy_revision),
        })
    };
    view! {
        <div
            class="refresh-progress"
            data-test="refresh-progress"
            data-state=move || run.with(|run| match run.state { RefreshState::Running => "running", RefreshState::Done => "done", RefreshState::Failed => "failed" })
        >
            <div class="line">
                <span>{words}</span>
                <span class="number">{move || run.with(|run| format!("{} of {} · {}", format::count(run.done), format::count(run.total), format::percent(run.done, run.total)))}</span>
            </div>
            <progress
                aria-label="Judgments re-tiered"
                max=move || run.with(|run| run.total.max(1).to_string())
                prop:value=move || run.with(|run| run.done as f64)
            ></progress>
            {move || run.with(|run| run.error.clone()).map(|error| view! { <p class="field-error">{error}</p> })}
        </div>
    }
}
