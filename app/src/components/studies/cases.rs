//! Judgments that show all that the published policy does, and what the draft makes of them.

use super::{Links, answered};
use crate::components::tier_badge::TierBadge;
use crate::format;
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::study::{Fact, WitnessCase, Witnessed};
use policy::tier::Tier;
use std::sync::Arc;

#[component]
pub fn CasesStudy(workbench: Workbench) -> impl IntoView {
    // Those that were kept when it was published, with the facts of then; where there are none, those of today.
    let kept = Memo::new(move |_| {
        let is_published = workbench.against.with(Option::is_none);
        let kept = workbench.inputs.with(|inputs| inputs.published.witnesses.clone());
        (is_published && !kept.is_empty()).then(|| Arc::new(kept))
    });
    let study = Study::new(workbench.studies, from_json::<Vec<WitnessCase>>, move || {
        kept.with(Option::is_none).then(|| Question::new("witnessCases", &[workbench.before()]))
    });
    view! {
        <p class="lead">"For each condition of the policy that the draft is compared with, and each side of each limit, the smallest judgment that there could be and a real one. The last column says what the draft makes of them."</p>
        {move || match kept.get() {
            Some(cases) => view! { <p class="none" data-test="witnesses-kept">"Kept since it was published, with the facts of that day."</p><Cases cases workbench/> }.into_any(),
            None => answered(study, move |cases| view! { <Cases cases workbench/> }.into_any()).into_any(),
        }}
    }
}

#[component]
fn Cases(cases: Arc<Vec<WitnessCase>>, workbench: Workbench) -> impl IntoView {
    let only_changed = RwSignal::new(false);
    let links = Links::to(cases.iter().filter_map(|case| case.judgment_no).collect());
    let tiers = {
        let cases = Arc::clone(&cases);
        Memo::new(move |_| {
            workbench.settled.with(|simulation| {
                cases.iter().map(|case| simulation.after.evaluate(&case.facts()).tier).collect::<Vec<_>>()
            })
        })
    };
    let all = Arc::clone(&cases);
    let changed = Memo::new(move |_| {
        tiers.with(|tiers| all.iter().zip(tiers).filter(|(case, tier)| case.tier != **tier).count() as u64)
    });
    let count = cases.len() as u64;
    let rows = move || {
        let tiers = tiers.get();
        let shown = cases.iter().zip(tiers).filter(|(case, tier)| !only_changed.get() || case.tier != *tier);
        shown.map(|(case, tier)| row(case, tier, links)).collect_view()
    };
    view! {
        <div class="answer">
            <span role="status" data-test="cases-changed">{move || format!("{} of {} get another tier under the draft.", format::count(changed.get()), format::count(count))}</span>
            <label class="check"><input type="checkbox" data-test="cases-only-changed" prop:checked=move || only_changed.get() on:change:target=move |event| only_changed.set(event.target().checked())/>"Only these"</label>
        </div>
        <div class="scrolled tall" tabindex="0" role="region" aria-label="Witness cases">
            <table class="table">
                <thead><tr>
                    <th scope="col">"Shows"</th><th scope="col">"Judgment"</th>
                    <th scope="col" class="number">"Score"</th><th scope="col" class="number">"Balance"</th><th scope="col">"Assets"</th>
                    <th scope="col">"Before"</th><th scope="col">"Draft"</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn row(case: &WitnessCase, tier: Tier, links: Links) -> AnyView {
    let signals: Vec<&str> = case.signals.iter().map(|signal| format::signal(signal.name())).collect();
    let score = case.collectability_score.map(|score| score.to_decimal().to_string());
    view! {
        <tr data-test="witness-case" data-changed=(tier != case.tier).to_string()>
            <th scope="row">{words(&case.of)}</th>
            <td>{match case.judgment_no {
                Some(number) => links.link(number).into_any(),
                None => view! { <span class="muted">"made up"</span> }.into_any(),
            }}</td>
            <td class="number">{format::score(score.as_deref(), 2)}</td>
            <td class="number">{case.balance.map_or_else(|| "–".to_owned(), |balance| format::cents(balance.cents()))}</td>
            <td>{if signals.is_empty() { "none".to_owned() } else { signals.join(", ") }}</td>
            <td><TierBadge tier=case.tier short=true/></td>
            <td>{if tier == case.tier { view! { <span class="muted">"the same"</span> }.into_any() } else { view! { <TierBadge tier short=true/> }.into_any() }}</td>
        </tr>
    }
    .into_any()
}

fn words(of: &Witnessed) -> String {
    let fact = |fact: Fact| if fact == Fact::Balance { "balance" } else { "score" };
    match of {
        Witnessed::Arm { rule, arm } => format!("rule {rule}, condition {}", arm + 1),
        Witnessed::Fallback => "everything else".to_owned(),
        Witnessed::AtLimit { limit, fact: of } => format!("{} at {limit}", fact(*of)),
        Witnessed::BelowLimit { limit, fact: of } => format!("{} below {limit}", fact(*of)),
    }
}
