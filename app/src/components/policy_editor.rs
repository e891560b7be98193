//! The rules of a draft as a decision table: everything in it is edited in place, each problem at its field.

use super::grip::ItemMenu;
use super::icon::{Icon, IconView};
use super::notice::{Notice, Tone};
use super::rule_row::{RuleRow, TierSelect};
use super::tier_badge::tier_key;
use crate::format;
use crate::state::decision_table::{Item, Step, add_rule, change, problems, unused};
use crate::state::table_view::{RuleView, rows};
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::tier::{AssetSignal, PolicyError, TierPolicyDocument};
use std::sync::Arc;
use std::time::Duration;
use wasm_bindgen::JsCast;

/// What a step has to say, and the item that it leaves the focus on; nothing where it did nothing worth saying
pub type Done = Option<(Option<Item>, String)>;

/// What the cells of the table share
#[derive(Clone, Copy)]
pub struct Table {
    pub workbench: Workbench,
    /// Every problem of the draft.
    problems: Memo<Vec<PolicyError>>,
    /// Each rule as its row shows it.
    rules: Memo<Vec<Arc<RuleView>>>,
    /// What the last step did, for those who do not see it.
    said: RwSignal<String>,
    /// The item whose menu is open, and where on the screen that is.
    pub menu: RwSignal<(Item, f64, f64)>,
    /// What is being dragged, and the place where it would land.
    pub drag: RwSignal<Option<(Item, usize)>>,
}

impl Table {
    fn new(workbench: Workbench) -> Self {
        let document = workbench.draft.document;
        let problems = Memo::new(move |_| match workbench.policy.with(Result::is_ok) {
            true => Vec::new(),
            false => document.with(problems),
        });
        let rules = Memo::new(move |previous: Option<&Vec<Arc<RuleView>>>| {
            let previous = previous.map(Vec::as_slice).unwrap_or_default();
            base_of(workbench, |base| {
                document.with(|document| problems.with(|problems| rows(document, base, problems, previous)))
            })
        });
        Self {
            workbench,
            problems,
            rules,
            said: RwSignal::new(String::new()),
            menu: RwSignal::new((Item::Rule(0), 0.0, 0.0)),
            drag: RwSignal::new(None),
        }
    }

    /// A row of the table.
    pub fn rule(self, rule: usize) -> Memo<Arc<RuleView>> {
        Memo::new(move |_| self.rules.with(|rules| rules.get(rule).cloned()).unwrap_or_default())
    }

    /// Changes the table in a step of its own; says what was done and moves the focus to the item that it names.
    pub fn act(self, act: &mut dyn FnMut(&mut TierPolicyDocument) -> Done) {
        let draft = self.workbench.draft;
        let mut done = None;
        draft.end_gesture();
        draft.edit("", |document| change(document, &mut |document| done = act(document)));
        draft.end_gesture();
        if let Some((item, words)) = done {
            self.said.set(sentence(&words));
            if let Some(item) = item {
                self.focus(format!("grip-{}", item.key()));
            }
        }
    }

    pub fn step(self, item: Item, step: Step) {
        self.act(&mut |document| item.apply(step, document).map(|(item, words)| (Some(item), words)));
    }

    /// Once the change is on the screen.
    pub fn focus(self, id: String) {
        set_timeout(
            move || {
                let element = document().get_element_by_id(&id);
                if let Some(element) = element.and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok()) {
                    // Refused only by an element that cannot have it.
                    let _ = element.focus();
                }
            },
            Duration::ZERO,
        );
    }
}

/// What the draft is compared with: the published policy, or another that somebody has chosen.
fn base_of<T>(workbench: Workbench, read: impl FnOnce(&TierPolicyDocument) -> T) -> T {
    workbench.against.with(|against| match against {
        Some(against) => read(against.policy.document()),
        None => workbench.inputs.with(|inputs| read(inputs.policy.document())),
    })
}

/// Lower-case with backticks, as errors are, as a sentence.
pub fn sentence(message: &str) -> String {
    let mut opens = true;
    let mut sentence = String::new();
    for letter in message.chars() {
        match letter {
            '`' => {
                sentence.push(if opens { '“' } else { '”' });
                opens = !opens;
            }
            letter if sentence.is_empty() => sentence.extend(letter.to_uppercase()),
            letter => sentence.push(letter),
        }
    }
    sentence.push('.');
    sentence
}

#[component]
pub fn PolicyEditor(workbench: Workbench) -> impl IntoView {
    let table = Table::new(workbench);
    let draft = workbench.draft;
    let count = Memo::new(move |_| draft.document.with(|document| document.rules.len()));
    let has_room =
        Memo::new(move |_| draft.document.with(|document| Item::Rule(usize::MAX).has_room(document)));
    // Problems that no field of this editor shows.
    let stray = Memo::new(move |_| {
        let has_field = |field: &str| field.starts_with("rules[") || field.starts_with("limits.");
        table.problems.with(|problems| {
            let stray = problems.iter().find(|problem| !has_field(&problem.field));
            stray.map(|problem| sentence(&problem.message))
        })
    });
    let spare = Memo::new(move |_| draft.document.with(unused));
    let fallback = Signal::derive(move || draft.document.with(|document| document.fallback));
    let was_fallback = move || {
        let was = base_of(workbench, |base| base.fallback);
        (was != fallback.get()).then(|| format!("was {}", was.number()))
    };
    let add = move |_| {
        table.act(&mut |document| {
            let (item, words) = add_rule(document);
            Some((Some(item), words))
        })
    };
    view! {
        <section class="panel policy-editor" aria-labelledby="rules-title" data-test="policy-editor">
            <header>
                <h2 id="rules-title">"Rules"</h2>
                <span class="muted">"first match wins"</span>
                <span class="spacer"></span>
                <button class="button quiet small icon-only" aria-label="Undo" title="Undo (Ctrl Z)" data-test="undo" disabled=move || !draft.can_undo() on:click=move |_| draft.undo()><IconView icon=Icon::Undo/></button>
                <button class="button quiet small icon-only" aria-label="Redo" title="Redo (Ctrl Shift Z)" data-test="redo" disabled=move || !draft.can_redo() on:click=move |_| draft.redo()><IconView icon=Icon::Redo/></button>
            </header>
            <p class="visually-hidden" role="status" data-test="editor-said">{move || table.said.get()}</p>
            {move || stray.get().map(|words| view! { <Notice tone=Tone::Error>{words}</Notice> })}
            <ol class="rules">
                <For each=move || 0..count.get() key=|rule| *rule let:rule>
                    <RuleRow table rule/>
                </For>
                <li class="rule fallback" data-tier=move || tier_key(Some(fallback.get()))>
                    <div class="head">
                        <TierSelect label="Tier of everything else" tier=fallback test="fallback-tier" on_choose=move |tier| table.act(&mut |document| { document.fallback = tier; None })/>
                        <span class="muted">"everything else"</span>
                        <span class="was">{was_fallback}</span>
                    </div>
                </li>
            </ol>
            <div class="below-rules">
                <button class="button small" data-test="add-rule" disabled=move || !has_room.get() on:click=add><IconView icon=Icon::Plus/>"Add a rule"</button>
                {move || spare.get().into_iter().map(|limit| {
                    let label = format!("Remove the unused limit {limit}");
                    let remove = move |_| table.act(&mut |document| { document.limits.remove(&limit); None });
                    view! { <button class="button quiet small" on:click=remove>{label}</button> }
                }).collect_view()}
            </div>
            <AssetToggles table/>
            <ItemMenu table/>
        </section>
    }
}

#[component]
fn AssetToggles(table: Table) -> impl IntoView {
    let draft = table.workbench.draft;
    let counts = move |document: &TierPolicyDocument, signal| document.asset_signals.contains(&signal);
    let toggle = move |signal: AssetSignal, is_on: bool| {
        table.act(&mut |document| {
            let counted =
                |known: &AssetSignal| if *known == signal { is_on } else { counts(document, *known) };
            document.asset_signals = AssetSignal::ALL.into_iter().filter(counted).collect();
            None
        });
    };
    view! {
        <fieldset class="asset-toggles">
            <legend>"What counts as an asset"</legend>
            {AssetSignal::ALL.map(|signal| view! {
                <label>
                    <input
                        type="checkbox"
                        data-test=format!("asset-{}", signal.name())
                        prop:checked=move || draft.document.with(|document| counts(document, signal))
                        on:change:target=move |event| toggle(signal, event.target().checked())
                    />
                    {format::signal(signal.name()).to_owned()}
                    {move || {
                        let was = base_of(table.workbench, |base| counts(base, signal));
                        let is_on = draft.document.with(|document| counts(document, signal));
                        (was != is_on).then(|| view! { <span class="was">{if was { "was on" } else { "was off" }}</span> })
                    }}
                </label>
            }).collect_view()}
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_sentences() {
        assert_eq!(sentence("`a b` is not 1 to 64 of letters"), "“a b” is not 1 to 64 of letters.");
        assert_eq!(sentence("rule t2 removed"), "Rule t2 removed.");
    }
}
