//! The search the other way: targets, and the fewest changes of ranks that meet them.

use super::moves::target_words;
use crate::components::rank::RankBadge;
use crate::format;
use crate::state::pool_lab::{Goal, PoolLab, Sought};
use crate::state::studies::{Question, Study, from_json};
use leptos::prelude::*;

#[component]
pub fn GoalStudy(lab: PoolLab) -> impl IntoView {
    let (primary, busiest, backup) =
        (RwSignal::new("80".to_owned()), RwSignal::new("85".to_owned()), RwSignal::new("5".to_owned()));
    let asked = RwSignal::new(None::<Goal>);
    let error = RwSignal::new(None::<&'static str>);
    let sought = Study::<Sought>::new(lab.studies, from_json, move || {
        let goal = asked.get()?;
        lab.scenario.get().ok().map(|scenario| Question::new("goalSeek", &(scenario, goal)))
    });
    let search = move |_| {
        let target = |text: String| match text.trim() {
            "" => Ok(None),
            text => match text.trim_end_matches('%').trim().parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Some(percent / 100.0)),
                _ => Err("A target is a percentage from 0 to 100, or empty for none."),
            },
        };
        let goal = target(primary.get_untracked()).and_then(|tier1_share_min| {
            let goal = Goal {
                tier1_share_min,
                occupancy_max: target(busiest.get_untracked())?,
                backup_share_max: target(backup.get_untracked())?,
            };
            if goal == Goal::default() { Err("Set at least one target.") } else { Ok(goal) }
        });
        match goal {
            Ok(goal) => {
                error.set(None);
                asked.set(Some(goal));
            }
            Err(words) => error.set(Some(words)),
        }
    };
    let field = |id: &'static str, label: &'static str, value: RwSignal<String>| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <div class="with-unit"><input id=id class="input number" inputmode="decimal" autocomplete="off" placeholder="any" data-test=id prop:value=value on:input:target=move |event| value.set(event.target().value())/><span class="muted">"%"</span></div>
            </div>
        }
    };
    view! {
        <div data-test="pool-goal">
            <form class="scenario" on:submit=move |event| { event.prevent_default(); search(()) }>
                {field("goal-primary", "Primary takes at least", primary)}
                {field("goal-busiest", "Nobody busier than", busiest)}
                {field("goal-backup", "Backup takes at most", backup)}
                <div class="field"><span class="label">" "</span><button class="button" data-test="goal-search">"Search ranks"</button></div>
            </form>
            {move || error.get().map(|words| view! { <p class="field-error" role="alert">{words}</p> })}
            {move || sought.error.get().map(|words| view! { <p class="field-error" role="alert">{words}</p> })}
            {move || sought.is_busy.get().then(|| view! { <p class="note muted" role="status">"Searching…"</p> })}
            {move || sought.answer.get().map(|found| {
                let changes = found.changes.clone();
                let take = move |_| changes.iter().for_each(|change| lab.bench.set_rank(&change.agent_id, change.to));
                let tried = format::counted(found.tried, "way tried", "ways tried");
                view! {
                    <div class="found" role="status" data-test="goal-answer" data-met=found.is_met.to_string()>
                        <p><strong>{match (found.is_met, found.is_proof, found.changes.len()) {
                            (true, _, 0) => "The saved ranks meet it already.".to_owned(),
                            (true, true, n) => format!("{} meet it, and no fewer do.", format::counted(n as u64, "change of rank", "changes of rank")),
                            (true, false, n) => format!("{} meet it; the fewest that were found.", format::counted(n as u64, "change of rank", "changes of rank")),
                            (false, true, _) => "No ranks meet it: every way was tried by formula.".to_owned(),
                            (false, false, _) => "None that was tried meets it. These come nearest.".to_owned(),
                        }}</strong><span class="muted">{format!(" {tried}.")}</span></p>
                        <ul class="targets">{found.targets.iter().map(|target| view! {
                            <li class:missed={target.by > 0.0}>{target_words(&target.target, target.found)}<span class="muted">{if target.by > 0.0 { format!(", {:.1} points off", target.by * 100.0) } else { ", met".to_owned() }}</span></li>
                        }).collect_view()}</ul>
                        {(!found.changes.is_empty()).then(|| view! {
                            <ul class="changes">{found.changes.iter().map(|change| view! {
                                <li>{lab.bench.name_of(&change.agent_id)}": "<RankBadge rank=change.from/>" → "<RankBadge rank=change.to/></li>
                            }).collect_view()}</ul>
                            <button type="button" class="button" data-test="goal-take" on:click=take>"Take into the draft"</button>
                        })}
                    </div>
                }
            })}
        </div>
    }
}
