//! Past days under the draft, or under what it is compared with, from the facts as they were.

use super::{STACKED_BOX, choice, stacked};
use crate::api::{self, ApiError};
use crate::components::tier_badge::TierBadge;
use crate::format;
use crate::state::clock;
use crate::state::workbench::Workbench;
use contract::{ReplayReport, ReplayRequest};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::tier::Tier;

/// So many days back the form begins with.
const DAYS_BACK: i32 = 30;

#[component]
pub fn ReplayStudy(workbench: Workbench) -> impl IntoView {
    // Days of the organisation: the browser's may be tomorrow there.
    let to = RwSignal::new(clock::today());
    let from = RwSignal::new(clock::days_after(&clock::today(), -DAYS_BACK));
    let under = RwSignal::new("draft".to_owned());
    let is_busy = RwSignal::new(false);
    let outcome = RwSignal::new(None::<Result<ReplayReport, ApiError>>);
    let run = move |event: SubmitEvent| {
        event.prevent_default();
        is_busy.set(true);
        let policy = untrack(|| {
            if under.with(|under| under == "draft") { workbench.after() } else { workbench.before() }
        });
        let request = ReplayRequest {
            from: from.get_untracked(),
            to: to.get_untracked(),
            policy_id: None,
            policy: Some(policy),
        };
        spawn_local(async move {
            let answer = api::replay(request).await;
            let _ = outcome.try_set(Some(answer));
            let _ = is_busy.try_set(false);
        });
    };
    let day = |id: &'static str, label: &'static str, value: RwSignal<String>| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input id=id type="date" class="input" data-test=id required prop:value=move || value.get() on:input:target=move |event| value.set(event.target().value())/>
            </div>
        }
    };
    let policies = Signal::derive(move || {
        let other = workbench.against.with(|against| against.as_ref().map(|against| against.name.clone()));
        vec![
            ("draft".to_owned(), "the draft".to_owned()),
            ("before".to_owned(), other.unwrap_or_else(|| "the published policy".to_owned())),
        ]
    });
    view! {
        <p class="lead">"What a policy would have made of past days, each as it ended, from the facts that were known then: how the tiers would have stood, and how often judgments would have changed theirs."</p>
        <form class="form" on:submit=run>
            {choice("replay-under", "Under", under, policies)}
            {day("replay-from", "From", from)}
            {day("replay-to", "To", to)}
            <button type="submit" class="button" data-test="replay-run" disabled=move || is_busy.get()>{move || if is_busy.get() { "Replaying…" } else { "Replay" }}</button>
        </form>
        {move || outcome.get().map(|outcome| match outcome {
            Err(error) => view! { <p class="none" role="alert">{error.to_string()}</p> }.into_any(),
            Ok(report) => report_view(report),
        })}
    }
}

fn report_view(mut report: ReplayReport) -> AnyView {
    let asked = report.days.len();
    // Before the first import there is nothing to be seen.
    report.days.retain(|day| day.counts.iter().any(|count| *count > 0));
    let unknown = asked - report.days.len();
    let samples = report.days.iter().map(|day| day.counts.map(f64::from)).collect();
    let changes: u64 = report.days.iter().map(|day| u64::from(day.tier_changes)).sum();
    let never = report.flips.iter().find(|flips| flips.flips == 0).map_or(0, |flips| flips.judgments);
    let flipped = report.flips.iter().filter(|flips| flips.flips > 0).map(|flips| {
        let times = format::counted(flips.flips.into(), "time", "times");
        format!("{} {times}", format::count(flips.judgments.into()))
    });
    let flipped = flipped.collect::<Vec<_>>().join(", ");
    let days = report.days.iter().rev().map(|day| view! {
        <tr data-test="replay-day">
            <th scope="row">{clock::day(&day.date)}</th>
            {day.counts.iter().rev().map(|count| view! { <td class="number">{format::count((*count).into())}</td> }).collect_view()}
            <td class="number">{format::count(day.tier_changes.into())}</td>
        </tr>
    }).collect_view();
    let has_flipped = !report.most_flipped.is_empty();
    let most = report.most_flipped.into_iter().take(10).map(|row| view! {
        <tr>
            <th scope="row"><a class="case" href=format!("/judgments/{}", row.judgment.id)>{row.judgment.case_number}</a></th>
            <td class="number">{format::count(row.flips.into())}</td>
            <td><span class="tiers"><TierBadge tier=row.first_tier short=true/>"→"<TierBadge tier=row.last_tier short=true/></span></td>
        </tr>
    }).collect_view();
    view! {
        <p class="answer" role="status" data-test="replay-answer">{format!(
            "{} over {}. {} never changed tier{}.{}",
            format::counted(changes, "change of tier", "changes of tier"),
            format::counted(report.days.len() as u64, "day", "days"),
            format::counted(never.into(), "judgment", "judgments"),
            if flipped.is_empty() { String::new() } else { format!("; {flipped}") },
            if unknown == 0 { String::new() } else { format!(" Of {} no active judgment is known.", format::counted(unknown as u64, "day", "days")) },
        )}</p>
        <div class="plot" role="img" aria-label="Share of each tier, day by day">
            <svg viewBox=STACKED_BOX preserveAspectRatio="none" aria-hidden="true"><g inner_html=stacked(samples)></g></svg>
        </div>
        <div class="side-by-side">
            <div class="scrolled tall" tabindex="0" role="region" aria-label="Days">
                <table class="table">
                    <thead><tr><th scope="col">"Day"</th>{Tier::ALL.into_iter().rev().map(|tier| view! { <th scope="col" class="number"><TierBadge tier short=true/></th> }).collect_view()}<th scope="col" class="number">"Changes"</th></tr></thead>
                    <tbody>{days}</tbody>
                </table>
            </div>
            {has_flipped.then(|| view! {
                <div class="scrolled">
                    <table class="table">
                        <thead><tr><th scope="col">"Changed most often"</th><th scope="col" class="number">"Times"</th><th scope="col">"First → last"</th></tr></thead>
                        <tbody>{most}</tbody>
                    </table>
                </div>
            })}
        </div>
    }
    .into_any()
}
