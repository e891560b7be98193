//! A rule in the table: its tier, its id and its conditions.

use super::bound_field::FactRow;
use super::grip::{Grip, drop_mark, item_id};
use super::icon::{Icon, IconView};
use super::policy_editor::{Table, sentence};
use super::tier_badge::tier_key;
use crate::state::decision_table::{Bound, Fact, Item, Place, add_arm};
use crate::state::seen::seen;
use crate::state::table_view::{ArmView, RuleView};
use leptos::ev::FocusEvent;
use leptos::html;
use leptos::prelude::*;
use policy::tier::{PolicyError, Tier};
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// Tables of so many rules or fewer are there as a whole; of longer ones the conditions come when they are near.
const RULES_AT_ONCE: usize = 30;
/// About what a condition takes, in pixels.
const ARM_HEIGHT: usize = 118;

/// A tier to choose, in its hue
#[component]
pub fn TierSelect(
    #[prop(into)] label: Signal<String>,
    tier: Signal<Tier>,
    #[prop(into)] test: String,
    #[prop(into)] on_choose: Callback<Tier>,
) -> impl IntoView {
    let choose = move |text: String| {
        if let Some(tier) = text.parse().ok().and_then(|number: u8| Tier::try_from(number).ok()) {
            on_choose.run(tier);
        }
    };
    view! {
        <select
            class="input tier-select"
            aria-label=move || label.get()
            data-test=test
            prop:value=move || tier_key(Some(tier.get()))
            on:change:target=move |event| choose(event.target().value())
        >
            {Tier::ALL.into_iter().rev().map(|choice| view! {
                <option value=tier_key(Some(choice)) selected=tier.get_untracked() == choice>{format!("{} {}", choice.number(), choice.label())}</option>
            }).collect_view()}
        </select>
    }
}

#[component]
pub fn RuleRow(table: Table, rule: usize) -> impl IntoView {
    let draft = table.workbench.draft;
    let item = Item::Rule(rule);
    let view = table.rule(rule);
    let id = Memo::new(move |_| view.with(|view| view.id.clone()));
    let tier = Memo::new(move |_| view.with(|view| view.tier));
    let arms = Memo::new(move |_| view.with(|view| view.arms.len()));
    let error = Memo::new(move |_| view.with(|view| view.problem.as_ref().map(in_words)));
    let row = NodeRef::<html::Li>::new();
    let is_short = draft.document.with_untracked(|document| document.rules.len() <= RULES_AT_ONCE);
    let is_near = if is_short { Signal::from(true) } else { seen(row).into() };
    let is_here = Memo::new(move |previous: Option<&bool>| {
        previous == Some(&true) || is_near.get() || view.with(|view| view.has_problem())
    });
    let choose = move |tier: Tier| {
        table.act(&mut |document| {
            if let Some(rule) = document.rules.get_mut(rule) {
                rule.tier = tier;
            }
            None
        });
    };
    let rename = move |text: String| {
        draft.edit(&format!("name {rule}"), |document| {
            if let Some(rule) = document.rules.get_mut(rule) {
                rule.id = text;
            }
        });
    };
    let add =
        move |_| table.act(&mut |document| add_arm(document, rule).map(|(item, words)| (Some(item), words)));
    view! {
        <li
            class="rule"
            node_ref=row
            id=item_id(item)
            data-tier=move || tier_key(Some(tier.get()))
            data-test=move || format!("rule-{}", id.get())
            data-drop=move || drop_mark(table, item)
        >
            <div class="head">
                <Grip table item words=Signal::derive(move || view.with(|view| view.words.clone()))/>
                <TierSelect label=Signal::derive(move || format!("Tier of rule {}", id.get())) tier=tier.into() test=format!("tier-{rule}") on_choose=choose/>
                <input
                    class="input rule-id"
                    aria-label="Id of the rule"
                    autocomplete="off"
                    spellcheck="false"
                    maxlength="64"
                    data-test=format!("rule-id-{rule}")
                    aria-invalid=move || error.with(Option::is_some).to_string()
                    prop:value=move || id.get()
                    on:input:target=move |event| rename(event.target().value())
                    on:blur=move |_| draft.end_gesture()
                />
                <span class="was">{move || view.with(|view| view.was.clone())}</span>
            </div>
            {move || error.get().map(|words| view! { <p class="field-error" role="alert" data-test=format!("error-rule-{rule}")>{words}</p> })}
            <Show when=move || is_here.get() fallback=move || view! { <div style:height=move || format!("{}px", arms.get() * ARM_HEIGHT)></div> }>
                <ol class="arms">
                    <For each=move || 0..arms.get() key=|arm| *arm let:arm>
                        <ArmRow table place=Place { rule, arm } rule=view/>
                    </For>
                </ol>
            </Show>
            <button type="button" class="add" data-test=format!("add-arm-{rule}") disabled=move || !view.with(|view| view.has_room) on:click=add><IconView icon=Icon::Plus/>"or …"</button>
        </li>
    }
}

fn in_words(problem: &PolicyError) -> String {
    sentence(&problem.message)
}

#[component]
fn ArmRow(table: Table, place: Place, rule: Memo<Arc<RuleView>>) -> impl IntoView {
    let item = Item::Arm(place);
    let view = Memo::new(move |_| rule.with(|rule| rule.arms.get(place.arm).cloned()).unwrap_or_default());
    let error = Memo::new(move |_| view.with(|view| view.problem.as_ref().map(in_words)));
    let signals = Memo::new(move |_| view.with(|view| view.signals));
    let choose = move |text: String| {
        table.act(&mut |document| {
            if let Some(arm) = place.slot(document) {
                arm.signals_min = text.parse().ok();
            }
            None
        });
    };
    let id = format!("signals-{}", item.key());
    view! {
        <li class="arm" id=item_id(item) data-drop=move || drop_mark(table, item)>
            <Grip table item words=Signal::derive(move || view.with(|view| view.words.clone()))/>
            <div class="conditions" role="group" aria-label=format!("Condition {}", place.arm + 1)>
                <FactSlot table place fact=Fact::Score arm=view/>
                <FactSlot table place fact=Fact::Balance arm=view/>
                <div class="assets">
                    <label for=id.clone()>"assets ≥"</label>
                    <select
                        id=id.clone()
                        class="input"
                        data-test=id.clone()
                        aria-invalid=move || error.with(Option::is_some).to_string()
                        prop:value=move || signals.get().map(|signals| signals.to_string()).unwrap_or_default()
                        on:change:target=move |event| choose(event.target().value())
                    >
                        <option value="" selected=signals.get_untracked().is_none()>"any"</option>
                        {(1..=4_u8).map(|number| view! { <option value=number.to_string() selected=signals.get_untracked() == Some(number)>{number}</option> }).collect_view()}
                    </select>
                    <span class="was">{move || view.with(|view| view.was.clone())}</span>
                    <AddFact table place fact=Fact::Score arm=view/>
                    <AddFact table place fact=Fact::Balance arm=view/>
                </div>
                {move || error.get().map(|words| view! { <p class="field-error" role="alert" data-test=format!("error-arm-{}", item.key())>{words}</p> })}
            </div>
        </li>
    }
}

/// The range of a fact, where the condition has one; it stays while somebody is in it
#[component]
fn FactSlot(table: Table, place: Place, fact: Fact, arm: Memo<ArmView>) -> impl IntoView {
    let is_held = RwSignal::new(false);
    let is_shown = Memo::new(move |_| is_held.get() || arm.with(|arm| arm.has(fact)));
    let leave = move |event: FocusEvent| {
        let inside = event.current_target().and_then(|row| row.dyn_into::<web_sys::Node>().ok());
        let next = event.related_target().and_then(|next| next.dyn_into::<web_sys::Node>().ok());
        if !inside.is_some_and(|row| row.contains(next.as_ref())) {
            is_held.set(false);
        }
    };
    view! {
        <div on:focusin=move |_| is_held.set(true) on:focusout=leave>
            {move || is_shown.get().then(|| view! { <FactRow table place fact arm/> })}
        </div>
    }
}

#[component]
fn AddFact(table: Table, place: Place, fact: Fact, arm: Memo<ArmView>) -> impl IntoView {
    let is_absent = Memo::new(move |_| !arm.with(|arm| arm.has(fact)));
    let add = move |_| {
        table.act(&mut |document| {
            Bound { place, fact, is_upper: false }.add(document);
            Some((None, format!("{} added", fact.name())))
        });
        table.focus(format!("bound-{}-{}-{}_from", place.rule, place.arm, fact.name()));
    };
    move || {
        is_absent.get().then(|| view! {
            <button type="button" class="add" data-test=format!("add-{}-{}", fact.name(), Item::Arm(place).key()) on:click=add>
                <IconView icon=Icon::Plus/>{fact.name()}
            </button>
        })
    }
}
