//! Where the draft and the published policy differ, for every judgment that there could be, in words.

use super::tier_badge::TierBadge;
use crate::format;
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::analysis::{DifferenceRegion, SemanticDifference};

/// More regions are listed on demand.
const LISTED: usize = 6;

#[component]
pub fn Difference(workbench: Workbench) -> impl IntoView {
    let has_edits = Memo::new(move |_| workbench.edits.with(|edits| !edits.is_empty()));
    let Study { answer, error, is_busy } =
        Study::new(workbench.studies, from_json::<SemanticDifference>, move || {
            has_edits.get().then(|| Question::new("semanticDiff", &[workbench.before(), workbench.after()]))
        });
    let shows_all = RwSignal::new(false);
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
        let (answer, error) = (answer.get(), error.get());
        (answer.is_some() || error.is_some()).then(|| view! {
            <section class="panel difference" aria-labelledby="difference-title" data-test="difference" aria-busy=move || is_busy.get().to_string()>
                <header>
                    <h2 id="difference-title">"What the draft changes"</h2>
                    <span class="muted">"for every judgment that there could be"</span>
                </header>
                {match (error, answer) {
                    (Some(error), _) => view! { <p class="none">{format!("{error}.")}</p> }.into_any(),
                    (None, Some(difference)) if difference.is_equivalent => view! {
                        <p class="none" data-test="equivalent">"Nothing: under the draft every judgment that there could be keeps its tier. The two policies are equivalent."</p>
                    }.into_any(),
                    (None, difference) => difference.map(|difference| listed(&difference.regions)).into_any(),
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
        let counted = workbench.settled.with_untracked(|simulation| simulation.after.assets());
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
