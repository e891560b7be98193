//! The search the other way: from what the tiers should hold to the values of one or two limits.

use super::{answered, choice, field, first_limit, limits, tier_options, totals_table};
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::Workbench;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use policy::portfolio::TierTotal;
use policy::study::{Money, Sought, Total};
use serde_json::{Value, json};

#[component]
pub fn GoalStudy(workbench: Workbench) -> impl IntoView {
    let all = limits(workbench);
    let text = |value: &str| RwSignal::new(value.to_owned());
    let (limit, step) = (RwSignal::new(untrack(|| first_limit(workbench))), text(""));
    let (second, second_step) = (text(""), text(""));
    let (bound_tier, bound, most) = (text("3"), text("count_max"), text(""));
    let (best_tier, of, extreme) = (text("3"), text("balance"), text("most"));
    let others = Signal::derive(move || {
        let mut options = vec![(String::new(), "none".to_owned())];
        options.extend(all.get().into_iter().filter(|(name, _)| *name != limit.get()));
        options
    });
    let goal = RwSignal::new(None::<(Value, Value)>);
    let error = RwSignal::new(None::<String>);
    let search = move |event: SubmitEvent| {
        event.prevent_default();
        let plain =
            |field: RwSignal<String>| field.get_untracked().trim().trim_start_matches('$').replace(',', "");
        let turn = |limit: RwSignal<String>, step: RwSignal<String>| match plain(step).as_str() {
            "" => json!({ "limit": limit.get_untracked() }),
            step => json!({ "limit": limit.get_untracked(), "step": step }),
        };
        let mut turns = vec![turn(limit, step)];
        if !second.with_untracked(String::is_empty) {
            turns.push(turn(second, second_step));
        }
        let number = |field: RwSignal<String>| field.get_untracked().parse::<u8>().unwrap_or(3);
        let mut range = json!({ "tier": number(bound_tier) });
        let kind = bound.get_untracked();
        match (kind.as_str(), plain(most)) {
            ("", _) => {}
            ("count_max" | "count_min", amount) => match amount.parse::<u32>() {
                Ok(count) => range[kind.as_str()] = count.into(),
                Err(_) => return error.set(Some("Say how many judgments, in digits.".to_owned())),
            },
            (_, amount) => match amount.parse::<policy::tier::Cents>() {
                Ok(_) => range[kind.as_str()] = amount.into(),
                Err(_) => return error.set(Some("Give a sum in dollars, such as 500,000.".to_owned())),
            },
        }
        error.set(None);
        let best = json!({ "tier": number(best_tier), "of": of.get_untracked(), "extreme": extreme.get_untracked() });
        goal.set(Some((turns.into(), json!({ "within": [range], "best": best }))));
    };
    let study = Study::new(workbench.studies, from_json::<Option<Sought>>, move || {
        goal.get().map(|(turns, goal)| Question::new("seek", &(workbench.after(), turns, goal)))
    });
    let fixed = |options: &'static [(&'static str, &'static str)]| {
        Signal::stored(
            options.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect(),
        )
    };
    let tiers = Signal::stored(tier_options());
    view! {
        <p class="lead">"Say what a tier may hold, and the values of one or two limits that reach it best are found: every value is tried, none is guessed."</p>
        <form class="form" on:submit=search data-test="goal-form">
            <fieldset>
                <legend>"Turn"</legend>
                {choice("goal-limit", "Limit", limit, all.into())}
                {field("goal-step", "In steps of (all values if empty)", step)}
                {choice("goal-second", "And limit", second, others)}
                {move || (!second.with(String::is_empty)).then(|| field("goal-second-step", "In steps of", second_step))}
            </fieldset>
            <fieldset>
                <legend>"So that"</legend>
                {choice("goal-bound-tier", "Tier", bound_tier, tiers)}
                {choice("goal-bound", "Holds", bound, fixed(&[("count_max", "at most so many judgments"), ("count_min", "at least so many judgments"), ("balance_max", "at most so much money"), ("balance_min", "at least so much money"), ("", "anything")]))}
                {move || (!bound.with(String::is_empty)).then(|| field("goal-amount", if bound.with(|bound| bound.starts_with("count")) { "Judgments" } else { "Dollars" }, most))}
            </fieldset>
            <fieldset>
                <legend>"And then"</legend>
                {choice("goal-best-tier", "Tier", best_tier, tiers)}
                {choice("goal-extreme", "Holds the", extreme, fixed(&[("most", "most"), ("least", "least")]))}
                {choice("goal-of", "Of", of, fixed(&[("balance", "money"), ("count", "judgments")]))}
            </fieldset>
            <div class="buttons">
                <button type="submit" class="button" data-test="goal-search">"Search"</button>
                {move || error.get().map(|error| view! { <span class="field-error" role="alert">{error}</span> })}
            </div>
        </form>
        {move || goal.with(Option::is_some).then(|| answered(study, move |sought| found(workbench, sought.as_ref().as_ref())))}
    }
}

fn found(workbench: Workbench, sought: Option<&Sought>) -> AnyView {
    let Some(sought) = sought.cloned() else {
        return view! { <p class="none" role="status" data-test="goal-none">"No value of these limits reaches it. Allow more, or turn another limit."</p> }.into_any();
    };
    let now = workbench.settled.with_untracked(|simulation| simulation.flow.after_totals().map(total));
    let words: Vec<String> = sought
        .limits
        .iter()
        .map(|limit| {
            if limit.current == limit.value {
                format!("{} stays {}", limit.limit, limit.value)
            } else {
                format!("{} {} → {}", limit.limit, limit.current, limit.value)
            }
        })
        .collect();
    let values = sought.limits;
    let is_same = values.iter().all(|limit| limit.current == limit.value);
    let take = move |_| {
        workbench.draft.end_gesture();
        workbench.draft.edit("goal", |document| {
            for limit in &values {
                document.limits.insert(limit.limit.clone(), limit.value.to_string());
            }
        });
        workbench.draft.end_gesture();
    };
    view! {
        <div class="found" data-test="goal-found">
            <p class="answer" role="status"><strong>{words.join(", ")}</strong>
                {if is_same {
                    view! { <span class="muted">"The draft is there already."</span> }.into_any()
                } else {
                    view! { <button type="button" class="button small" data-test="goal-take" on:click=take>"Use these values"</button> }.into_any()
                }}
            </p>
            {totals_table(sought.tiers, now)}
        </div>
    }
    .into_any()
}

fn total(total: TierTotal) -> Total {
    Total { count: total.count, balance: Money::from_cents(total.balance_cents) }
}
