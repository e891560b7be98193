//! A rule in the table: its tier, its id and its conditions.

use super::bound_field::FactRow;
use super::grip::{Grip, drop_mark, item_id};
use super::icon::{Icon, IconView};
use super::policy_editor::Table;
use super::tier_badge::tier_key;
use crate::state::decision_table::{Bound, Fact, Item, Place, add_arm, base_arm, base_rule, signals_text};
use leptos::ev::FocusEvent;
use leptos::prelude::*;
use policy::tier::{Tier, TierRuleDocument};
use wasm_bindgen::JsCast;

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
    let read = move |read: fn(&TierRuleDocument) -> String| {
        draft.document.with(|document| document.rules.get(rule).map(read).unwrap_or_default())
    };
    let id = Memo::new(move |_| read(|rule| rule.id.clone()));
    let tier = Memo::new(move |_| {
        draft.document.with(|document| document.rules.get(rule).map_or(Tier::Monitor, |rule| rule.tier))
    });
    let arms =
        Memo::new(move |_| draft.document.with(|document| Item::Arm(Place { rule, arm: 0 }).count(document)));
    let has_room = Memo::new(move |_| {
        draft.document.with(|document| Item::Arm(Place { rule, arm: 0 }).has_room(document))
    });
    let was = Memo::new(move |_| {
        table.base(|published| {
            draft.document.with(|document| match base_rule(published, document, rule) {
                None => Some("new".to_owned()),
                Some(base) => {
                    let id = id.with(|id| (base.id != *id).then(|| base.id.clone()));
                    let tier = (base.tier != tier.get()).then(|| base.tier.number().to_string());
                    let parts: Vec<String> = tier.into_iter().chain(id).collect();
                    (!parts.is_empty()).then(|| format!("was {}", parts.join(" ")))
                }
            })
        })
    });
    let error = Memo::new(move |_| {
        let (id, any) = (format!("rules[{rule}].id"), format!("rules[{rule}].any"));
        table.problem(|field| field == id || field == any)
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
            id=item_id(item)
            data-tier=move || tier_key(Some(tier.get()))
            data-test=move || format!("rule-{}", id.get())
            data-drop=move || drop_mark(table, item)
        >
            <div class="head">
                <Grip table item/>
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
                <span class="was">{move || was.get()}</span>
            </div>
            {move || error.get().map(|words| view! { <p class="field-error" role="alert" data-test=format!("error-rule-{rule}")>{words}</p> })}
            <ol class="arms">
                {move || (0..arms.get()).map(|arm| view! { <ArmRow table place=Place { rule, arm }/> }).collect_view()}
            </ol>
            <button type="button" class="add" data-test=format!("add-arm-{rule}") disabled=move || !has_room.get() on:click=add><IconView icon=Icon::Plus/>"or …"</button>
        </li>
    }
}

#[component]
fn ArmRow(table: Table, place: Place) -> impl IntoView {
    let draft = table.workbench.draft;
    let item = Item::Arm(place);
    let error = Memo::new(move |_| {
        let own = place.path();
        let signals = format!("{own}.signals_min");
        table.problem(|field| field == own || field == signals)
    });
    let signals = Memo::new(move |_| {
        draft.document.with(|document| place.read(document).and_then(|arm| arm.signals_min))
    });
    let was = Memo::new(move |_| {
        table.base(|published| {
            draft.document.with(|document| {
                let was = base_arm(published, document, place)?.signals_min;
                (was != signals.get()).then(|| format!("was {}", signals_text(was)))
            })
        })
    });
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
            <Grip table item/>
            <div class="conditions" role="group" aria-label=format!("Condition {}", place.arm + 1)>
                <FactSlot table place fact=Fact::Score/>
                <FactSlot table place fact=Fact::Balance/>
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
                    <span class="was">{move || was.get()}</span>
                    <AddFact table place fact=Fact::Score/>
                    <AddFact table place fact=Fact::Balance/>
                </div>
                {move || error.get().map(|words| view! { <p class="field-error" role="alert" data-test=format!("error-arm-{}", item.key())>{words}</p> })}
            </div>
        </li>
    }
}

fn has_fact(table: Table, place: Place, fact: Fact) -> bool {
    table.workbench.draft.document.with(|document| {
        [false, true].into_iter().any(|is_upper| Bound { place, fact, is_upper }.value(document).is_some())
    })
}

/// The range of a fact, where the condition has one; it stays while somebody is in it
#[component]
fn FactSlot(table: Table, place: Place, fact: Fact) -> impl IntoView {
    let is_held = RwSignal::new(false);
    let is_shown = Memo::new(move |_| is_held.get() || has_fact(table, place, fact));
    let leave = move |event: FocusEvent| {
        let inside = event.current_target().and_then(|row| row.dyn_into::<web_sys::Node>().ok());
        let next = event.related_target().and_then(|next| next.dyn_into::<web_sys::Node>().ok());
        if !inside.is_some_and(|row| row.contains(next.as_ref())) {
            is_held.set(false);
        }
    };
    view! {
        <div on:focusin=move |_| is_held.set(true) on:focusout=leave>
            {move || is_shown.get().then(|| view! { <FactRow table place fact/> })}
        </div>
    }
}

#[component]
fn AddFact(table: Table, place: Place, fact: Fact) -> impl IntoView {
    let is_absent = Memo::new(move |_| !has_fact(table, place, fact));
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
