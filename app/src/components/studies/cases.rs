//! Judgments that show all that a policy does, the published one or the draft, and what the other makes of them.

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
    let is_of_draft = RwSignal::new(false);
    // Those that were kept when it was published, with the facts of then; where there are none, those of today.
    let kept = Memo::new(move |_| {
        let is_published = !is_of_draft.get() && workbench.against.with(Option::is_none);
        let kept = workbench.inputs.with(|inputs| inputs.published.witnesses.clone());
        (is_published && !kept.is_empty()).then(|| Arc::new(kept))
    });
    let study = Study::new(workbench.studies, from_json::<Vec<WitnessCase>>, move || {
        let policy = if is_of_draft.get() { workbench.after() } else { workbench.before() };
        kept.with(Option::is_none).then(|| Question::new("witnessCases", &[policy]))
    });
    view! {
        <p class="lead">"For each condition of a policy, and each side of each limit, the smallest judgment that there could be and a real one, with the tiers before and under the draft. Those of the draft follow each edit, and are kept with it when it is published."</p>
        <div class="segments" role="group" aria-label="Whose witness cases">
            {[("Policy before", false), ("Draft", true)].map(|(name, choice)| view! {
                <button type="button" data-test=format!("cases-of-{}", if choice { "draft" } else { "before" }) aria-pressed=move || (is_of_draft.get() == choice).to_string() on:click=move |_| is_of_draft.set(choice)>{name}</button>
            })}
        </div>
        {move || match kept.get() {
            Some(cases) => view! { <p class="none" data-test="witnesses-kept">"Kept since it was published, with the facts of that day."</p><Cases cases workbench is_of_draft=false/> }.into_any(),
            None => answered(study, move |cases| view! { <Cases cases workbench is_of_draft=is_of_draft.get_untracked()/> }.into_any()).into_any(),
        }}
    }
}

#[component]
fn Cases(cases: Arc<Vec<WitnessCase>>, workbench: Workbench, is_of_draft: bool) -> impl IntoView {
    let only_changed = RwSignal::new(false);
    let links = Links::to(cases.iter().filter_map(|case| case.judgment_no).collect());
    let count = cases.len() as u64;
    // Each with the tier before and that under the draft.
    let tiered = Memo::new(move |_| {
        workbench.settled.with(|simulation| {
            let other = if is_of_draft { &simulation.before.policy } else { &simulation.after };
            let tiers = cases.iter().map(|case| {
                let other = other.evaluate(&case.facts()).tier;
                if is_of_draft { (case.clone(), other, case.tier) } else { (case.clone(), case.tier, other) }
            });
            tiers.collect::<Vec<_>>()
        })
    });
    let changed =
        move || tiered.with(|cases| cases.iter().filter(|(_, before, after)| before != after).count());
    let rows = move || {
        tiered.with(|cases| {
            let shown = cases.iter().filter(|(_, before, after)| !only_changed.get() || before != after);
            shown.map(|(case, before, after)| row(case, *before, *after, links)).collect_view()
        })
    };
    view! {
        <div class="answer">
            <span role="status" data-test="cases-changed">{move || format!("{} of {} get another tier under the draft.", format::count(changed() as u64), format::count(count))}</span>
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

fn row(case: &WitnessCase, before: Tier, after: Tier, links: Links) -> AnyView {
    let signals: Vec<&str> = case.signals.iter().map(|signal| format::signal(signal.name())).collect();
    let score = case.collectability_score.map(|score| score.to_decimal().to_string());
    view! {
        <tr data-test="witness-case" data-changed=(before != after).to_string()>
            <th scope="row">{words(&case.of)}</th>
            <td>{match case.judgment_no {
                Some(number) => links.link(number).into_any(),
                None => view! { <span class="muted">"made up"</span> }.into_any(),
            }}</td>
            <td class="number">{format::score(score.as_deref(), 2)}</td>
            <td class="number">{case.balance.map_or_else(|| "–".to_owned(), |balance| format::cents(balance.cents()))}</td>
            <td>{if signals.is_empty() { "none".to_owned() } else { signals.join(", ") }}</td>
            <td><TierBadge tier=before short=true/></td>
            <td>{if before == after { view! { <span class="muted">"the same"</span> }.into_any() } else { view! { <TierBadge tier=after short=true/> }.into_any() }}</td>
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
