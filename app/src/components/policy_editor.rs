//! The rules of a draft, edited: each limit a field and a slider, errors at the field.

use super::icon::{Icon, IconView};
use super::notice::{Notice, Tone};
use super::tier_badge::{TierBadge, tier_key};
use crate::format;
use crate::state::draft::Draft;
use crate::state::workbench::Workbench;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use policy::tier::{AssetSignal, PolicyError, Tier, TierArmDocument, TierPolicyDocument};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fact {
    Score,
    Balance,
}

impl Fact {
    fn name(self) -> &'static str {
        match self {
            Fact::Score => "score",
            Fact::Balance => "balance",
        }
    }

    /// The slider's last position.
    fn last_position(self) -> u64 {
        match self {
            Fact::Score => 100,
            Fact::Balance => 280,
        }
    }

    /// A score's position is the score; a balance's grows by two digits a step, from 100 to 1,000,000.
    fn at(self, position: u64) -> u64 {
        match self {
            Fact::Score => position.min(100),
            Fact::Balance => match position.checked_sub(10) {
                None => position * 100,
                Some(step) => (10 + step % 90) * 100 * 10_u64.pow((step / 90).min(4) as u32),
            },
        }
    }

    /// The last position that is not above `cents` (hundredths of a point for a score).
    fn position(self, cents: i64) -> u64 {
        let whole = u64::try_from(cents / 100).unwrap_or(0);
        let (mut low, mut high) = (0, self.last_position());
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.at(middle) <= whole { low = middle } else { high = middle - 1 }
        }
        low
    }

    fn shown(self, text: &str) -> String {
        match (self, format::parse_cents(text)) {
            (Fact::Balance, Some(cents)) if cents >= 0 => {
                let money = format::cents(cents);
                money.trim_start_matches('$').trim_end_matches(".00").to_owned()
            }
            _ => text.to_owned(),
        }
    }

    fn bounds(self, arm: &TierArmDocument) -> (&Option<String>, &Option<String>) {
        match self {
            Fact::Score => (&arm.score_from, &arm.score_below),
            Fact::Balance => (&arm.balance_from, &arm.balance_below),
        }
    }
}

/// Where an arm stands: rule and arm, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    rule: usize,
    arm: usize,
}

impl Place {
    fn path(self) -> String {
        format!("rules[{}].any[{}]", self.rule, self.arm)
    }

    fn read(self, document: &TierPolicyDocument) -> Option<&TierArmDocument> {
        document.rules.get(self.rule)?.any.get(self.arm)
    }

    fn change(self, document: &mut TierPolicyDocument, change: impl FnOnce(&mut TierArmDocument)) {
        if let Some(arm) = document.rules.get_mut(self.rule).and_then(|rule| rule.any.get_mut(self.arm)) {
            change(arm);
        }
    }
}

/// What the editor shows of a rule; it is built anew only when this changes, never when a limit moves.
#[derive(Clone, PartialEq)]
struct RuleShape {
    id: String,
    tier: Tier,
    arms: Vec<ArmShape>,
}

#[derive(Clone, PartialEq)]
struct ArmShape {
    place: Place,
    score: Option<Edge>,
    balance: Option<Edge>,
    has_signals: bool,
}

/// The lower end of an arm on one fact.
#[derive(Clone, PartialEq)]
struct Edge {
    fact: Fact,
    place: Place,
    /// The limit's name; without one the bound is a literal.
    limit: Option<String>,
}

impl Edge {
    fn of(fact: Fact, place: Place, arm: &TierArmDocument, document: &TierPolicyDocument) -> Option<Self> {
        let bound = fact.bounds(arm).0.as_ref()?;
        Some(Self { fact, place, limit: document.limits.contains_key(bound).then(|| bound.clone()) })
    }

    fn read(&self, document: &TierPolicyDocument) -> String {
        match &self.limit {
            Some(name) => document.limits.get(name).cloned(),
            None => self.place.read(document).and_then(|arm| self.fact.bounds(arm).0.clone()),
        }
        .unwrap_or_default()
    }

    fn write(&self, document: &mut TierPolicyDocument, value: String) {
        match (&self.limit, self.fact) {
            (Some(name), _) => drop(document.limits.insert(name.clone(), value)),
            (None, Fact::Score) => self.place.change(document, |arm| arm.score_from = Some(value)),
            (None, Fact::Balance) => self.place.change(document, |arm| arm.balance_from = Some(value)),
        }
    }

    /// The name for tests and for element ids.
    fn key(&self) -> String {
        self.limit
            .clone()
            .unwrap_or_else(|| format!("{}-{}-{}", self.place.rule, self.place.arm, self.fact.name()))
    }

    fn owns(&self, error: &PolicyError) -> bool {
        let arm = self.place.path();
        let fact = self.fact.name();
        error.field == format!("{arm}.{fact}_from")
            || error.field == format!("{arm}.{fact}_below")
            || self.limit.as_ref().is_some_and(|name| error.field == format!("limits.{name}"))
    }
}

fn shape(document: &TierPolicyDocument) -> Vec<RuleShape> {
    let arm = |rule: usize, place: usize, arm: &TierArmDocument| {
        let place = Place { rule, arm: place };
        ArmShape {
            place,
            score: Edge::of(Fact::Score, place, arm, document),
            balance: Edge::of(Fact::Balance, place, arm, document),
            has_signals: arm.signals_min.is_some() || arm.balance_from.is_some(),
        }
    };
    (0..)
        .zip(&document.rules)
        .map(|(place, rule)| RuleShape {
            id: rule.id.clone(),
            tier: rule.tier,
            arms: (0..).zip(&rule.any).map(|(number, document)| arm(place, number, document)).collect(),
        })
        .collect()
}

fn sentence(message: &str) -> String {
    let mut opens = true;
    let quoted: String = message
        .chars()
        .map(|letter| {
            if letter == '`' {
                let quote = if opens { '“' } else { '”' };
                opens = !opens;
                quote
            } else {
                letter
            }
        })
        .collect();
    format!("{quoted}.")
}

#[component]
pub fn PolicyEditor(workbench: Workbench) -> impl IntoView {
    let draft = workbench.draft;
    let error = Memo::new(move |_| workbench.policy.with(|policy| policy.as_ref().err().cloned()));
    let rules = Memo::new(move |_| draft.document.with(shape));
    // An error that no field of this editor shows.
    let stray = Memo::new(move |_| {
        let error = error.get()?;
        let has_place = rules.with(|rules| {
            rules.iter().flat_map(|rule| &rule.arms).any(|arm| {
                arm.score.iter().chain(&arm.balance).any(|edge| edge.owns(&error))
                    || (arm.has_signals && error.field == format!("{}.signals_min", arm.place.path()))
            })
        });
        (!has_place).then_some(error)
    });
    view! {
        <section class="panel policy-editor" aria-labelledby="rules-title" data-test="policy-editor">
            <header>
                <h2 id="rules-title">"Rules"</h2>
                <span class="muted">"first match wins"</span>
                <span class="spacer"></span>
                <button class="button quiet small icon-only" aria-label="Undo" title="Undo (Ctrl Z)" data-test="undo" disabled=move || !draft.can_undo() on:click=move |_| draft.undo()><IconView icon=Icon::Undo/></button>
                <button class="button quiet small icon-only" aria-label="Redo" title="Redo (Ctrl Shift Z)" data-test="redo" disabled=move || !draft.can_redo() on:click=move |_| draft.redo()><IconView icon=Icon::Redo/></button>
            </header>
            {move || stray.get().map(|error| view! { <Notice tone=Tone::Error>{error.field}": "{sentence(&error.message)}</Notice> })}
            <ol class="rules">
                {move || rules.get().into_iter().map(|rule| view! { <Rule rule workbench error/> }).collect_view()}
                <li class="rule" data-tier=move || draft.document.with(|document| tier_key(Some(document.fallback)))>
                    {move || view! { <TierBadge tier=draft.document.with(|document| document.fallback) short=true/> }}
                    <p class="else muted">"everything else"</p>
                </li>
            </ol>
            <AssetToggles draft/>
        </section>
    }
}

#[component]
fn Rule(rule: RuleShape, workbench: Workbench, error: Memo<Option<PolicyError>>) -> impl IntoView {
    view! {
        <li class="rule" data-tier=tier_key(Some(rule.tier)) data-test=format!("rule-{}", rule.id)>
            <TierBadge tier=rule.tier short=true/>
            <div class="arms">
                {(0..).zip(rule.arms).map(|(number, arm): (usize, ArmShape)| view! { <Arm arm is_first=number == 0 workbench error/> }).collect_view()}
            </div>
        </li>
    }
}

#[component]
fn Arm(
    arm: ArmShape,
    is_first: bool,
    workbench: Workbench,
    error: Memo<Option<PolicyError>>,
) -> impl IntoView {
    let ArmShape { place, score, balance, has_signals } = arm;
    let draft = workbench.draft;
    let lead = if is_first { "" } else { "or " };
    let balance_lead = if score.is_some() { "and " } else { lead };
    let is_alone = score.is_none() && balance.is_none();
    let signals = move || {
        has_signals.then(
            || view! { <SignalsField place lead=if is_alone { lead } else { "and " } is_alone draft error/> },
        )
    };
    view! {
        <div class="arm" role="group" aria-label=if is_first { "condition" } else { "or" }>
            {score.map(|edge| view! { <LimitField edge lead workbench error/> })}
            {match balance {
                // The signals that the balance asks for stand on the line of its upper end.
                Some(edge) => view! { <LimitField edge lead=balance_lead workbench error>{signals()}</LimitField> }.into_any(),
                None => has_signals.then(|| view! { <div class="limit">{signals()}</div> }).into_any(),
            }}
        </div>
    }
}

#[component]
fn LimitField(
    edge: Edge,
    lead: &'static str,
    workbench: Workbench,
    error: Memo<Option<PolicyError>>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let draft = workbench.draft;
    let key = edge.key();
    let fact = edge.fact;
    let edge = StoredValue::new(edge);
    let value =
        Memo::new(move |_| edge.with_value(|edge| draft.document.with(|document| edge.read(document))));
    let cents = Memo::new(move |_| value.with(|value| format::parse_cents(value)));
    // What is being typed is shown as typed; what stands is shown in groups.
    let typed = RwSignal::new(None::<String>);
    let shown = move || typed.get().unwrap_or_else(|| value.with(|value| fact.shown(value)));
    let write = move |gesture: &str, text: String| {
        let gesture = edge.with_value(|edge| format!("{gesture} {}", edge.key()));
        draft.edit(&gesture, |document| edge.with_value(|edge| edge.write(document, text)));
    };
    let on_typed = move |text: String| {
        let bare: String = text.chars().filter(|letter| !matches!(letter, ',' | '$' | ' ')).collect();
        typed.set(Some(text));
        write("type", bare);
    };
    let on_left = move || {
        typed.set(None);
        draft.end_gesture();
    };
    let on_slide = move |position: String| {
        if let Ok(position) = position.parse() {
            typed.set(None);
            write("slide", fact.at(position).to_string());
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let is_up = match event.key().as_str() {
            "ArrowUp" => true,
            "ArrowDown" => false,
            _ => return,
        };
        event.prevent_default();
        let Some(now) = cents.get_untracked() else { return };
        let position = fact.position(now);
        let is_between = i64::try_from(fact.at(position)).is_ok_and(|whole| whole * 100 != now);
        let next = match (is_up, is_between) {
            (true, _) => (position + 1).min(fact.last_position()),
            (false, true) => position,
            (false, false) => position.saturating_sub(1),
        };
        typed.set(None);
        write("step", fact.at(next).to_string());
    };
    let own_error = Memo::new(move |_| error.get().filter(|error| edge.with_value(|edge| edge.owns(error))));
    let below = Memo::new(move |_| {
        draft.document.with(|document| {
            edge.with_value(|edge| {
                let bound = edge.fact.bounds(edge.place.read(document)?).1.as_ref()?;
                Some(edge.fact.shown(document.limits.get(bound).unwrap_or(bound)))
            })
        })
    });
    let was = Memo::new(move |_| {
        edge.with_value(|edge| {
            let published = workbench.inputs.with(|inputs| edge.read(inputs.policy.document()));
            let differs = value.with(|value| {
                *value != published && format::parse_cents(value) != format::parse_cents(&published)
            });
            (differs && !published.is_empty()).then(|| fact.shown(&published))
        })
    });
    let input_id = format!("limit-{key}");
    let note_id = format!("limit-note-{key}");
    let described = note_id.clone();
    view! {
        <div class="limit">
            <label for=input_id.clone()>{lead}{fact.name()}" ≥"</label>
            <input
                id=input_id.clone()
                class="input number"
                inputmode="decimal"
                autocomplete="off"
                data-test=input_id.clone()
                aria-describedby=described
                aria-invalid=move || own_error.with(Option::is_some).to_string()
                prop:value=shown
                on:input:target=move |event| on_typed(event.target().value())
                on:keydown=on_key
                on:blur=move |_| on_left()
                on:change=move |_| on_left()
            />
            <input
                type="range"
                min="0"
                max=fact.last_position().to_string()
                step="1"
                aria-label=format!("{} at least, slider", fact.name())
                aria-valuetext=move || value.with(|value| fact.shown(value))
                data-test=format!("limit-slider-{key}")
                prop:value=move || cents.get().map(|cents| fact.position(cents).to_string()).unwrap_or_default()
                on:input:target=move |event| on_slide(event.target().value())
                on:change=move |_| draft.end_gesture()
            />
            {children.map(|children| children())}
            <p class="limit-note" id=note_id>
                {move || match own_error.get() {
                    Some(error) => view! { <span class="field-error" role="alert" data-test=format!("error-{}", edge.with_value(Edge::key))>{below.get().filter(|_| error.field.ends_with("_below")).map_or_else(|| sentence(&error.message), |below| format!("Must be below {below}, where the tier above begins."))}</span> }.into_any(),
                    None => view! {
                        {below.get().map(|below| view! { <span class="muted">{format!("below {below}")}</span> })}
                        {was.get().map(|was| view! { <span class="was">{format!("was {was}")}</span> })}
                    }
                    .into_any(),
                }}
            </p>
        </div>
    }
}

#[component]
fn SignalsField(
    place: Place,
    lead: &'static str,
    is_alone: bool,
    draft: Draft,
    error: Memo<Option<PolicyError>>,
) -> impl IntoView {
    let value = Memo::new(move |_| {
        draft.document.with(|document| place.read(document).and_then(|arm| arm.signals_min))
    });
    let own_error = Memo::new(move |_| {
        error.get().filter(|error| error.field == format!("{}.signals_min", place.path()))
    });
    let id = format!("signals-{}-{}", place.rule, place.arm);
    let choose = move |text: String| {
        draft.end_gesture();
        draft.edit("signals", |document| place.change(document, |arm| arm.signals_min = text.parse().ok()));
        draft.end_gesture();
    };
    view! {
        <label class="signals-label" for=id.clone()>{lead}"assets ≥"</label>
        <select
            id=id.clone()
            class="input signals-min"
            data-test=id.clone()
            aria-invalid=move || own_error.with(Option::is_some).to_string()
            prop:value=move || value.get().map(|signals| signals.to_string()).unwrap_or_default()
            on:change:target=move |event| choose(event.target().value())
        >
            {(!is_alone).then(|| view! { <option value="" selected=value.get_untracked().is_none()>"any"</option> })}
            {(1..=4_u8).map(|number| view! { <option value=number.to_string() selected=value.get_untracked() == Some(number)>{number}</option> }).collect_view()}
        </select>
        {move || own_error.get().map(|error| view! { <p class="signals-error field-error" role="alert" data-test=format!("error-{id}")>{sentence(&error.message)}</p> })}
    }
}

#[component]
fn AssetToggles(draft: Draft) -> impl IntoView {
    let toggle = move |signal: AssetSignal, is_on: bool| {
        draft.end_gesture();
        draft.edit("assets", |document| {
            let counted = |known: &AssetSignal| {
                if *known == signal { is_on } else { document.asset_signals.contains(known) }
            };
            document.asset_signals = AssetSignal::ALL.into_iter().filter(counted).collect();
        });
        draft.end_gesture();
    };
    view! {
        <fieldset class="asset-toggles">
            <legend>"What counts as an asset"</legend>
            {AssetSignal::ALL.map(|signal| view! {
                <label>
                    <input
                        type="checkbox"
                        data-test=format!("asset-{}", signal.name())
                        prop:checked=move || draft.document.with(|document| document.asset_signals.contains(&signal))
                        on:change:target=move |event| toggle(signal, event.target().checked())
                    />
                    {format::signal(signal.name()).to_owned()}
                </label>
            }).collect_view()}
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_of_a_slider_leads_back_to_itself() {
        for fact in [Fact::Score, Fact::Balance] {
            for position in 0..=fact.last_position() {
                assert_eq!(fact.position(fact.at(position) as i64 * 100), position);
            }
        }
        assert_eq!(Fact::Balance.at(Fact::Balance.last_position()), 1_000_000);
    }

    #[test]
    fn an_amount_between_two_positions_shows_at_the_lower() {
        assert_eq!(Fact::Balance.at(Fact::Balance.position(49_999_99)), 49_000);
        assert_eq!(Fact::Score.position(58_25), 58);
    }

    #[test]
    fn balances_are_shown_in_groups_and_what_is_no_number_as_typed() {
        assert_eq!(Fact::Balance.shown("50000"), "50,000");
        assert_eq!(Fact::Balance.shown("49999.5"), "49,999.50");
        assert_eq!(Fact::Score.shown("58.25"), "58.25");
        assert_eq!(Fact::Balance.shown("5k"), "5k");
    }
}
