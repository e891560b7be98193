//! Where the draft and the published policy differ, for every judgment that there could be, in words.

use super::tier_badge::TierBadge;
use crate::format;
use crate::state::simulation::Simulation;
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::analysis::{DifferenceError, DifferenceRegion, SemanticDifference};
use std::sync::Arc;
use std::time::Duration;

/// More regions are listed on demand.
const LISTED: usize = 6;

type Outcome = Result<SemanticDifference, DifferenceError>;

#[component]
pub fn Difference(workbench: Workbench) -> impl IntoView {
    let difference = RwSignal::new(None::<Arc<Outcome>>);
    // After the frame that shows the edit: a drag never waits for it.
    let mut compare_last = debounce(Duration::from_millis(30), move |simulation: Arc<Simulation>| {
        let (before, after) = (&simulation.before.policy, &simulation.after);
        let outcome = SemanticDifference::between(before, after, Some(simulation.portfolio()));
        difference.set(Some(Arc::new(outcome)));
    });
    Effect::new(move |_| compare_last(workbench.simulation.get()));
    let shows_all = RwSignal::new(false);
    let has_edits = Memo::new(move |_| workbench.edits.with(|edits| !edits.is_empty()));
    let listed = move |regions: &[DifferenceRegion]| {
        let most = if shows_all.get() { regions.len() } else { LISTED };
        let more = regions.len().saturating_sub(most);
        view! {
            <ul>{regions.iter().take(most).map(|region| view! { <Entry region=region.clone() workbench/> }).collect_view()}</ul>
            {(more > 0).then(|| view! {
                <button class="button quiet small" on:click=move |_| shows_all.set(true)>{format!("Show {} more", format::count(more as u64))}</button>
            })}
        }
    };
    move || {
        let outcome = difference.get()?;
        has_edits.get().then(|| view! {
            <section class="panel difference" aria-labelledby="difference-title" data-test="difference">
                <header>
                    <h2 id="difference-title">"What the draft changes"</h2>
                    <span class="muted">"for every judgment that there could be"</span>
                </header>
                {match &*outcome {
                    Ok(difference) if difference.is_equivalent => view! {
                        <p class="none" data-test="equivalent">"Nothing: under the draft every judgment that there could be keeps its tier. The two policies are equivalent."</p>
                    }.into_any(),
                    Ok(difference) => listed(&difference.regions).into_any(),
                    Err(error) => view! { <p class="none">{format!("{error}.")}</p> }.into_any(),
                }}
            </section>
        })
    }
}

#[component]
fn Entry(region: DifferenceRegion, workbench: Workbench) -> impl IntoView {
    let DifferenceRegion { region, before, after, portfolio, .. } = region;
    let words = capital(&region.words);
    let outlined = StoredValue::new(region);
    let show = move |_| {
        let counted = workbench.simulation.with_untracked(|simulation| simulation.after.assets());
        workbench.map.mark(vec![outlined.get_value()], counted);
    };
    view! {
        <li data-test="difference-region">
            <button type="button" class="words" title="Outline it on the map" on:click=show>{words}</button>
            <span class="tiers"><TierBadge tier=before short=true/>"→"<TierBadge tier=after short=true/></span>
            <span class="number">{portfolio.map(|share| match share.count {
                0 => "none today".to_owned(),
                count => format!("{} · {}", format::counted(count.into(), "judgment", "judgments"), format::money(&share.balance.to_string())),
            })}</span>
        </li>
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
