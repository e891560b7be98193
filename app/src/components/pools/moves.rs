//! What one move is worth: every single change of one member's rank.

use super::simulation::{changed, points};
use crate::components::rank::RankBadge;
use crate::format::share;
use crate::state::pool_lab::{Move, Moves, PoolLab};
use crate::state::studies::{Question, Study, from_json};
use leptos::prelude::*;

/// More are behind “Show all”.
const SHOWN: usize = 8;

#[component]
pub fn MovesStudy(lab: PoolLab) -> impl IntoView {
    let moves = Study::<Moves>::new(lab.studies, from_json, move || {
        lab.scenario.get().ok().map(|scenario| Question::new("moves", &(scenario,)))
    });
    let is_all = RwSignal::new(false);
    let row = move |it: Move| {
        let names = it.agents.iter().map(|id| lab.bench.name_of(id)).collect::<Vec<_>>();
        let who = match names.as_slice() {
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} (or {} like it)", rest.len()),
            [] => String::new(),
        };
        let (id, to) = (it.agents.first().cloned().unwrap_or_default(), it.to);
        view! {
            <tr data-test="move">
                <th scope="row" title=names.join(", ")>{who.clone()}</th>
                <td><RankBadge rank=it.from/>" → "<RankBadge rank=to/></td>
                <td class="number change">{changed(it.lost, points)}</td>
                <td class="number change">{changed(it.overflow, points)}</td>
                <td class="number change">{changed(it.occupancy, points)}</td>
                <td class="number change">{points(it.occupancy_max)}</td>
                <td><button type="button" class="button quiet small" data-test="take-move" aria-label=format!("Draft: {who} to {}", to.label()) on:click=move |_| lab.bench.set_rank(&id, to)>"Draft"</button></td>
            </tr>
        }
    };
    view! {
        <div data-test="moves" aria-busy=move || moves.is_busy.get().to_string()>
            {move || moves.error.get().map(|words| view! { <p class="field-error" role="alert">{words}</p> })}
            {move || moves.answer.get().map(|found| {
                let total = found.moves.len();
                let shown = if is_all.get() { total } else { SHOWN };
                view! {
                    <table class="figures">
                        <caption class="visually-hidden">"Every single change of one member’s rank"</caption>
                        <thead><tr><th scope="col">"Agent"</th><th scope="col">"From → to"</th><th scope="col" class="number">"Lost"</th><th scope="col" class="number">"Go past the best rank"</th><th scope="col" class="number">"The agent’s occupancy"</th><th scope="col" class="number">"Busiest agent"</th><th scope="col"><span class="visually-hidden">"Take over"</span></th></tr></thead>
                        <tbody>{found.moves.iter().take(shown).cloned().map(row).collect_view()}</tbody>
                    </table>
                    <p class="note muted">
                        {if found.method == "exact" { "By formula, from the saved ranks; in percentage points. " } else { "Simulated before the same leads, from the saved ranks; in percentage points. " }}
                        {found.theorem.applies.then(|| format!("No move can change what is lost: {}. ", found.theorem.reason))}
                        {(total > SHOWN).then(|| view! { <button type="button" class="link" on:click=move |_| is_all.update(|all| *all = !*all)>{if is_all.get() { "Show the first 8".to_owned() } else { format!("Show all {total}") }}</button> })}
                    </p>
                }
            })}
        </div>
    }
}

/// What a goal's target is called, and its figure
pub fn target_words(target: &str, value: f64) -> String {
    match target {
        "tier1_share" => format!("Primary takes {}", share(value)),
        "occupancy" => format!("busiest agent {}", share(value)),
        _ => format!("Backup takes {}", share(value)),
    }
}
