//! The range of one fact in the table of rules: both ends a field and a slider, on one line.

use super::policy_editor::{Table, sentence};
use crate::format;
use crate::state::decision_table::{Bound, Fact, Place, change};
use crate::state::table_view::{ArmView, CellView};
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use policy::tier::PolicyError;

impl Fact {
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
}

/// What field, slider and note of one bound share
#[derive(Clone, Copy)]
struct Cell {
    table: Table,
    bound: Bound,
    view: Memo<CellView>,
    /// What is being typed is shown as typed; what stands is shown in groups.
    typed: RwSignal<Option<String>>,
}

impl Cell {
    fn new(table: Table, arm: Memo<ArmView>, bound: Bound) -> Self {
        let view = Memo::new(move |_| arm.with(|arm| arm.cell(bound.fact, bound.is_upper).clone()));
        Self { table, bound, view, typed: RwSignal::new(None) }
    }

    fn key(self) -> String {
        self.view.with(|view| view.key.clone())
    }

    fn has_problem(self) -> bool {
        self.view.with(|view| view.problem.is_some())
    }

    fn is_open(self) -> bool {
        self.view.with(|view| view.value.is_none())
    }

    fn cents(self) -> Option<i64> {
        self.view.with(|view| view.value.as_deref().and_then(format::parse_cents))
    }

    fn id(self) -> String {
        let Place { rule, arm } = self.bound.place;
        format!("bound-{rule}-{arm}-{}", self.bound.field())
    }

    fn write(self, gesture: &str, text: String) {
        let gesture = format!("{gesture} {}", self.id());
        self.table.workbench.draft.edit(&gesture, |document| self.bound.write(document, text));
    }

    fn type_in(self, text: String) {
        let bare: String = text.chars().filter(|letter| !matches!(letter, ',' | '$' | ' ')).collect();
        // An empty field is one that is being filled until it is left.
        if !bare.is_empty() {
            self.write("type", bare);
        }
        self.typed.set(Some(text));
    }

    fn settle(self) {
        let draft = self.table.workbench.draft;
        if self.typed.get_untracked().is_some_and(|text| text.trim().is_empty()) {
            draft.edit("clear", |document| change(document, &mut |document| self.bound.clear(document)));
        }
        self.typed.set(None);
        draft.end_gesture();
    }

    fn slide_to(self, gesture: &str, position: u64) {
        self.typed.set(None);
        self.write(gesture, self.bound.fact.at(position).to_string());
    }

    fn step(self, event: KeyboardEvent) {
        let fact = self.bound.fact;
        let is_up = match event.key().as_str() {
            "ArrowUp" => true,
            "ArrowDown" => false,
            _ => return,
        };
        event.prevent_default();
        let Some(now) = untrack(|| self.cents()) else { return };
        let position = fact.position(now);
        let is_between = i64::try_from(fact.at(position)).is_ok_and(|whole| whole * 100 != now);
        let next = match (is_up, is_between) {
            (true, _) => (position + 1).min(fact.last_position()),
            (false, true) => position,
            (false, false) => position.saturating_sub(1),
        };
        self.slide_to("step", next);
    }

    /// The slider's position; one that is not set stands at its end.
    fn position(self) -> u64 {
        let fact = self.bound.fact;
        match self.cents() {
            Some(cents) => fact.position(cents),
            None if self.bound.is_upper => fact.last_position(),
            None => 0,
        }
    }

    fn shown(self) -> String {
        let shown = |view: &CellView| view.value.as_deref().map(|value| self.bound.fact.shown(value));
        self.view.with(shown).unwrap_or_default()
    }

    /// `score at least`, `balance below`
    fn words(self) -> String {
        format!("{} {}", self.bound.fact.name(), if self.bound.is_upper { "below" } else { "at least" })
    }
}

#[component]
pub fn FactRow(table: Table, place: Place, fact: Fact, arm: Memo<ArmView>) -> impl IntoView {
    let [lower, upper] = [false, true].map(|is_upper| Cell::new(table, arm, Bound { place, fact, is_upper }));
    // In per cent of the slider.
    let share = move |cell: Cell| cell.position() * 100 / fact.last_position();
    view! {
        <div class="fact" role="group" aria-label=fact.name()>
            <label for=lower.id()>{fact.name()}" ≥"</label>
            <Field cell=lower/>
            <div class="ranges">
                <span class="range" style:left=move || format!("{}%", share(lower)) style:right=move || format!("{}%", 100 - share(upper))></span>
                <Slider cell=lower/>
                <Slider cell=upper/>
            </div>
            <label for=upper.id()><span class="visually-hidden">{fact.name()}</span>"<"</label>
            <Field cell=upper/>
            <div class="notes">
                <Note cell=lower lower/>
                <Note cell=upper lower/>
            </div>
        </div>
    }
}

#[component]
fn Field(cell: Cell) -> impl IntoView {
    view! {
        <input
            id=cell.id()
            class="input number"
            inputmode="decimal"
            autocomplete="off"
            placeholder="any"
            data-test=move || format!("limit-{}", cell.key())
            aria-describedby=format!("note-{}", cell.id())
            aria-invalid=move || cell.has_problem().to_string()
            prop:value=move || cell.typed.get().unwrap_or_else(|| cell.shown())
            on:input:target=move |event| cell.type_in(event.target().value())
            on:keydown=move |event| cell.step(event)
            on:blur=move |_| cell.settle()
            on:change=move |_| cell.settle()
        />
    }
}

#[component]
fn Slider(cell: Cell) -> impl IntoView {
    view! {
        <input
            type="range"
            min="0"
            max=cell.bound.fact.last_position().to_string()
            step="1"
            aria-label=format!("{}, slider", cell.words())
            aria-valuetext=move || if cell.is_open() { "any".to_owned() } else { cell.shown() }
            data-open=move || cell.is_open().to_string()
            data-test=move || format!("limit-slider-{}", cell.key())
            prop:value=move || cell.position().to_string()
            on:input:target=move |event| if let Ok(position) = event.target().value().parse() { cell.slide_to("slide", position) }
            on:change=move |_| cell.table.workbench.draft.end_gesture()
        />
    }
}

/// What is wrong, what it was, and who else moves with it
#[component]
fn Note(cell: Cell, lower: Cell) -> impl IntoView {
    let Cell { table, bound, view, .. } = cell;
    let words = move |problem: PolicyError| {
        if problem.message.contains("is not above") {
            let from = if lower.is_open() { "0".to_owned() } else { lower.shown() };
            return format!("Must be above {from}.");
        }
        sentence(&problem.message)
    };
    let split = move |_| {
        table.act(&mut |document| {
            let words = format!("{} has a limit of its own", cell.words());
            change(document, &mut |document| bound.split(document));
            Some((None, words))
        });
        table.focus(cell.id());
    };
    // A limit that is wrong is told of once, where it is used first.
    let told = move || {
        view.with(|view| {
            let is_told = |problem: &&PolicyError| {
                !problem.field.starts_with("limits.") || problem.field.ends_with(&view.key)
            };
            view.problem.as_ref().filter(is_told).cloned()
        })
    };
    view! {
        <p class="note" class:upper=bound.is_upper id=format!("note-{}", cell.id())>
            {move || told().map(|problem| view! {
                <span class="field-error" role="alert" data-test=format!("error-{}", untrack(|| cell.key()))>{words(problem)}</span>
            })}
            {move || view.with(|view| view.was.as_deref().map(|was| format!("was {}", bound.fact.shown(was)))).map(|was| view! { <span class="was">{was}</span> })}
            {move || {
                let shared = view.with(|view| view.shared_with.join(", "));
                (!shared.is_empty()).then(|| view! {
                    <span class="shared">
                        {format!("also used by {shared}")}
                        <button type="button" class="link" data-test=format!("split-{}", untrack(|| cell.key())) title="Give it a limit of its own, with the same value" aria-label=format!("Split: {} gets a limit of its own", cell.words()) on:click=split>"Split"</button>
                    </span>
                })
            }}
        </p>
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
