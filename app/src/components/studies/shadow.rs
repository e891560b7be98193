//! A draft that runs beside the published policy for some days, without effect.

use crate::api::{self, ApiError};
use crate::components::migration_matrix::{Cells, MigrationMatrix};
use crate::components::tier_badge::TierBadge;
use crate::components::time::Time;
use crate::format;
use crate::state::clock;
use crate::state::draft::Origin;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use crate::state::workbench::Workbench;
use contract::{Role, ShadowDetail, StartShadow};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The newest shadow, whole; there may be none.
async fn newest() -> Result<Option<ShadowDetail>, ApiError> {
    match api::shadows().await?.first() {
        Some(shadow) => api::shadow(&shadow.id).await.map(Some),
        None => Ok(None),
    }
}

#[component]
pub fn ShadowStudy(workbench: Workbench) -> impl IntoView {
    let live = use_live();
    let session = use_session();
    let toasts = use_toasts();
    let remote = Remote::new(move || {
        live.judgments.track();
        newest()
    });
    let days = RwSignal::new("14".to_owned());
    let is_busy = RwSignal::new(false);
    let is_running = Memo::new(move |_| {
        remote.value.with(|shadow| {
            shadow.as_ref().and_then(Option::as_ref).is_some_and(|detail| detail.shadow.is_running)
        })
    });
    let saved = Memo::new(move |_| match workbench.draft.origin.get() {
        Origin::Saved(saved) if !workbench.draft.is_unsaved() => Some(saved.id.clone()),
        _ => None,
    });
    let start = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(policy_id) = saved.get_untracked() else { return };
        let Ok(days) = days.get_untracked().trim().parse() else {
            return toasts.say("Say for how many days, from 1 to 60.");
        };
        is_busy.set(true);
        spawn_local(async move {
            match api::start_shadow(StartShadow { policy_id, days }).await {
                Ok(shadow) => toasts.say(format!("“{}” runs beside the published policy.", shadow.name)),
                Err(error) => toasts.fail(&error),
            }
            is_busy.set(false);
            remote.refetch();
        });
    };
    view! {
        <p class="lead">"A saved draft can run beside the published policy: whatever is tiered is tiered by it as well, nothing else happens, and day by day you see where the two part."</p>
        {move || (session.may(Role::Admin) && !is_running.get()).then(|| match saved.get() {
            Some(_) => view! {
                <form class="form" on:submit=start>
                    {super::field("shadow-days", "Days, 1 to 60", days)}
                    <button type="submit" class="button" data-test="shadow-start" disabled=move || is_busy.get()>"Run this draft as a shadow"</button>
                </form>
            }.into_any(),
            None => view! { <p class="none">"Save the draft to run it as a shadow."</p> }.into_any(),
        })}
        {move || remote.error.get().map(|error| view! { <p class="none" role="alert">{error.to_string()}</p> })}
        {move || remote.value.get().flatten().map(|detail| view! { <Shadow detail on_stopped=move || remote.refetch()/> })}
    }
}

#[component]
fn Shadow(detail: ShadowDetail, #[prop(into)] on_stopped: Callback<()>) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let ShadowDetail { shadow, days, judgments, differing, differing_balance, differing_most, .. } = detail;
    let id = StoredValue::new(shadow.id);
    let stop = move |_| {
        spawn_local(async move {
            match api::stop_shadow(&id.get_value()).await {
                Ok(_) => toasts.say("The shadow has ended; what it has decided stays."),
                Err(error) => toasts.fail(&error),
            }
            on_stopped.run(());
        });
    };
    let may_stop = move || shadow.is_running && session.may(Role::Admin);
    let rows = days.iter().rev().map(|day| {
        let counts = day.matrix.counts.as_flattened().iter().map(|count| u64::from(*count));
        let all: u64 = counts.clone().sum();
        // The diagonal of a matrix of four rows.
        let same: u64 = counts.step_by(5).sum();
        view! {
            <tr data-test="shadow-day">
                <th scope="row">{clock::day(&day.date)}</th>
                <td class="number">{format::count(all)}</td>
                <td class="number">{format::count(all - same)}</td>
                <td class="number">{format::percent(all - same, all)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    let newest = days.last().map(|day| (clock::day(&day.date), Cells::from(&day.matrix)));
    let most = differing_most.into_iter().take(10).map(|row| view! {
        <tr>
            <th scope="row"><a class="case" href=format!("/judgments/{}", row.judgment.id)>{row.judgment.case_number}</a></th>
            <td><span class="tiers"><TierBadge tier=row.published short=true/>"·"<TierBadge tier=row.shadow short=true/></span></td>
            <td class="number">{format::money(&row.balance)}</td>
        </tr>
    }).collect_view();
    view! {
        <p class="answer" data-test="shadow" data-running=shadow.is_running.to_string()>
            <strong>{shadow.name}</strong>
            <span>{if shadow.is_running { "runs until " } else { "ran until " }}<Time at=shadow.ended_at.unwrap_or(shadow.ends_at)/></span>
            {may_stop().then(|| view! { <button type="button" class="button small" data-test="shadow-stop" on:click=stop>"End it now"</button> })}
        </p>
        <p class="answer" role="status">{if judgments == 0 {
            "Nothing has been tiered since it began: changed facts and the nightly refresh will tell.".to_owned()
        } else {
            format!("{} of {} would have another tier, with {}.", format::count(differing), format::counted(judgments, "judgment", "judgments"), format::money(&differing_balance))
        }}</p>
        {newest.map(|(day, cells)| view! {
            <div class="side-by-side">
                <div class="scrolled">
                    <table class="table">
                        <thead><tr><th scope="col">"Day"</th><th scope="col" class="number">"Tiered"</th><th scope="col" class="number">"Otherwise"</th><th scope="col" class="number">"Share"</th></tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                    <table class="table">
                        <thead><tr><th scope="col">"Judgment"</th><th scope="col">"Published · shadow"</th><th scope="col" class="number">"Balance"</th></tr></thead>
                        <tbody>{most}</tbody>
                    </table>
                </div>
                <div><h3>{format!("{day}: published to shadow")}</h3><MigrationMatrix cells=Signal::stored(cells) caption="Tier under the published policy to tier under the shadow" prefix="shadow"/></div>
            </div>
        })}
    }
}
