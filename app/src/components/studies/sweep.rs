//! What each tier holds for every value of one limit.

use super::{CountOrMoney, STACKED_BOX, answered, choice, first_limit, limits, stacked, totals_table};
use crate::format;
use crate::state::log_scale::{FLOOR_CENTS, LogScale};
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::Workbench;
use js_sys::{Float64Array, Reflect, Uint32Array};
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use policy::study::{Amount, Fact, Money, Sweep, SweepStep, Total};
use std::sync::Arc;
use wasm_bindgen::{JsCast, JsValue};

/// The curve is drawn at so many values; the reading beside it is exact at each.
const COLUMNS: usize = 500;
/// So many cliffs are listed, those of most money.
const CLIFFS: usize = 4;

#[component]
pub fn SweepStudy(workbench: Workbench) -> impl IntoView {
    let all = limits(workbench);
    let wanted = RwSignal::new(untrack(|| first_limit(workbench)));
    // Another one when the chosen one is gone.
    let chosen = Memo::new(move |_| {
        let wanted = wanted.get();
        all.with(|all| {
            let found = all.iter().find(|(name, _)| *name == wanted).or(all.first());
            found.map(|(name, _)| name.clone()).unwrap_or_default()
        })
    });
    let study = Study::new(workbench.studies, read, move || {
        let limit = chosen.get();
        (!limit.is_empty()).then(|| Question::new("sweep", &(workbench.after(), limit)))
    });
    let by_money = RwSignal::new(false);
    // A value in hundredths, kept while the answer changes.
    let probe = RwSignal::new(None::<i64>);
    Effect::new(move |_| {
        chosen.track();
        probe.set(None);
    });
    view! {
        <p class="lead">"What each tier would hold at every value of a limit, all else as in the draft. Point at a value, or focus the chart and use the arrow keys."</p>
        <div class="form">
            {choice("sweep-limit", "Limit", wanted, all.into())}
            <div class="field"><span class="label">"Show"</span><CountOrMoney by_money/></div>
        </div>
        {answered(study, move |sweep| view! { <Curve sweep workbench by_money probe/> }.into_any())}
    }
}

/// The steps cross as columns: there may be as many as judgments.
fn read(answer: &JsValue) -> Result<Sweep, String> {
    let column = |name: &str| {
        let steps = Reflect::get(answer, &"steps".into()).unwrap_or_default();
        Reflect::get(&steps, &name.into()).unwrap_or_default()
    };
    let from = column("from").unchecked_into::<Float64Array>().to_vec();
    let counts = column("counts").unchecked_into::<Uint32Array>().to_vec();
    let cents = column("balanceCents").unchecked_into::<Float64Array>().to_vec();
    let none = js_sys::Array::new();
    Reflect::set(answer, &"steps".into(), &none).map_err(|error| format!("{error:?}"))?;
    let mut sweep: Sweep = from_json(answer)?;
    let totals = counts.as_chunks::<4>().0.iter().zip(cents.as_chunks::<4>().0);
    sweep.steps = from
        .iter()
        .zip(totals)
        .map(|(from, (counts, cents))| SweepStep {
            from: Amount::from_hundredths(*from as i64),
            tiers: std::array::from_fn(|tier| Total {
                count: counts.get(tier).copied().unwrap_or(0),
                balance: Money::from_cents(cents.get(tier).map_or(0, |cents| *cents as i64)),
            }),
        })
        .collect();
    Ok(sweep)
}

/// How values lie on the chart: in hundredths from its left to its right edge
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    from: i64,
    to: i64,
    is_logarithmic: bool,
}

impl Span {
    /// All values; of balances those where something still changes, and a little more.
    fn of(sweep: &Sweep) -> Self {
        let (min, max) = (sweep.min.hundredths(), sweep.max.hundredths());
        if sweep.fact != Fact::Balance {
            return Self { from: min, to: max.max(min + 1), is_logarithmic: false };
        }
        let last = sweep.steps.last().map_or(min, |step| step.from.hundredths());
        let to = last.max(sweep.current.hundredths()).saturating_mul(5) / 4;
        let from = min.max(FLOOR_CENTS);
        Self { from, to: to.clamp(from + 1, max.max(from + 1)), is_logarithmic: true }
    }

    fn share(self, value: i64) -> f64 {
        let value = value.clamp(self.from, self.to);
        if self.is_logarithmic {
            self.scale().share(value)
        } else {
            (value - self.from) as f64 / (self.to - self.from) as f64
        }
    }

    fn value(self, share: f64) -> i64 {
        let share = share.clamp(0.0, 1.0);
        if self.is_logarithmic {
            return self.scale().cents(share);
        }
        let value = self.from as f64 + share * (self.to - self.from) as f64;
        (value.round() as i64).clamp(self.from, self.to)
    }

    fn scale(self) -> LogScale {
        LogScale { from: self.from, to: self.to }
    }

    /// A value as round as a place on the screen can say: half points, three digits of money, whole signals.
    fn rounded(self, fact: Fact, share: f64) -> i64 {
        let value = self.value(share);
        let unit = match fact {
            Fact::CollectabilityScore => 50,
            Fact::AssetSignals => 100,
            Fact::Balance => return self.scale().rounded(share),
        };
        ((value + unit / 2) / unit * unit).clamp(self.from, self.to)
    }
}

#[component]
fn Curve(
    sweep: Arc<Sweep>,
    workbench: Workbench,
    by_money: RwSignal<bool>,
    probe: RwSignal<Option<i64>>,
) -> impl IntoView {
    let span = Span::of(&sweep);
    let current = sweep.current.hundredths();
    let fact = sweep.fact;
    let limit = sweep.limit.clone();
    let at = {
        let sweep = Arc::clone(&sweep);
        move |value: i64| sweep.at(Amount::from_hundredths(value)).map(|step| step.tiers).unwrap_or_default()
    };
    let now = at(current);
    let cliffs = biggest_cliffs(&sweep);
    let marks = cliffs.clone();
    let drawn = Arc::clone(&sweep);
    let point = move |event: MouseEvent| {
        let plot = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        if let Some(area) = plot.map(|plot| plot.get_bounding_client_rect()) {
            let share = (f64::from(event.client_x()) - area.left()) / area.width().max(1.0);
            probe.set(Some(span.rounded(fact, share)));
        }
    };
    let step = move |event: KeyboardEvent| {
        let way = match event.key().as_str() {
            "ArrowRight" => 1.0,
            "ArrowLeft" => -1.0,
            "Escape" => return probe.set(None),
            _ => return,
        };
        event.prevent_default();
        let here = probe.get_untracked().unwrap_or(current);
        let by = if event.shift_key() { 0.1 } else { 0.01 };
        let there = span.rounded(fact, span.share(here) + way * by);
        // A step that rounds to where it began goes on to the next value.
        let next = if there == here {
            here + way as i64 * if fact == Fact::AssetSignals { 100 } else { 50 }
        } else {
            there
        };
        probe.set(Some(next.clamp(span.from, span.to)));
    };
    let shown = Memo::new(move |_| {
        probe.get().unwrap_or(current).clamp(span.from.min(current), span.to.max(current))
    });
    let take = {
        let limit = limit.clone();
        move |_| {
            let value = Amount::from_hundredths(shown.get_untracked()).to_string();
            workbench.draft.end_gesture();
            workbench.draft.edit("sweep", |document| drop(document.limits.insert(limit.clone(), value)));
            workbench.draft.end_gesture();
        }
    };
    let place = move |value: i64| format!("{}%", span.share(value) * 100.0);
    view! {
        <div class="sweep" data-test="sweep" data-steps=sweep.steps.len().to_string()>
            <div class="chart">
                <div
                    class="plot"
                    tabindex="0"
                    role="slider"
                    aria-label=format!("Value of {limit}")
                    aria-valuemin=(span.from / 100).to_string()
                    aria-valuemax=(span.to / 100).to_string()
                    aria-valuenow=move || (shown.get() / 100).to_string()
                    aria-valuetext=move || value_words(fact, shown.get())
                    data-test="sweep-plot"
                    on:mousemove=point
                    on:keydown=step
                >
                    <svg viewBox=STACKED_BOX preserveAspectRatio="none" aria-hidden="true">
                        <g inner_html=move || areas(&drawn, span, by_money.get())></g>
                    </svg>
                    <span class="line current" style:left=place(current)><span>{format!("{} in the draft", value_words(fact, current))}</span></span>
                    {marks.into_iter().map(|(value, ..)| view! { <span class="line cliff" style:left=place(value)></span> }).collect_view()}
                    {move || probe.get().map(|value| view! { <span class="line probe" style:left=place(value)></span> })}
                </div>
                <div class="values" aria-hidden="true">
                    {ticks(fact, span).into_iter().map(|value| view! { <span style:left=place(value)>{value_words(fact, value)}</span> }).collect_view()}
                </div>
                {(!cliffs.is_empty()).then(|| view! {
                    <p class="cliffs">"Most at once: "{cliffs.into_iter().map(|(value, total)| view! {
                        <button type="button" class="button quiet small" data-test="sweep-cliff" on:click=move |_| probe.set(Some(value))>
                            {format!("{}: {} · {}", value_words(fact, value), format::counted(total.count.into(), "judgment", "judgments"), format::cents_short(total.balance.cents()))}
                        </button>
                    }).collect_view()}</p>
                })}
            </div>
            <div class="reading">
                <p class="answer" role="status">
                    <strong data-test="sweep-value">{move || format!("{limit} = {}", value_words(fact, shown.get()))}</strong>
                    {move || if shown.get() == current {
                        view! { <span class="muted">"as in the draft"</span> }.into_any()
                    } else {
                        view! { <button type="button" class="button small" data-test="sweep-take" on:click=take.clone()>"Use this value"</button> }.into_any()
                    }}
                </p>
                {move || totals_table(at(shown.get()), now)}
            </div>
        </div>
    }
}

fn value_words(fact: Fact, hundredths: i64) -> String {
    match fact {
        Fact::Balance if hundredths % 100 == 0 => {
            format!("${}", format::count((hundredths / 100).unsigned_abs()))
        }
        Fact::Balance => format::cents(hundredths),
        _ => Amount::from_hundredths(hundredths).to_string(),
    }
}

/// Where most money changes its tier at once, by value.
fn biggest_cliffs(sweep: &Sweep) -> Vec<(i64, Total)> {
    let mut cliffs: Vec<_> =
        sweep.cliffs.iter().map(|cliff| (cliff.from.hundredths(), cliff.moved)).collect();
    cliffs.sort_by_key(|(_, moved)| std::cmp::Reverse(moved.balance));
    cliffs.truncate(CLIFFS);
    cliffs.sort_by_key(|(value, _)| *value);
    cliffs
}

/// Round values along the chart.
fn ticks(fact: Fact, span: Span) -> Vec<i64> {
    if span.is_logarithmic {
        let powers = (0..16).map(|power| 10_i64.pow(power));
        return powers.filter(|value| (span.from..=span.to).contains(value)).collect();
    }
    let unit = if fact == Fact::AssetSignals { 100 } else { 1_000 };
    let first = (span.from + unit - 1) / unit * unit;
    (0..).map(|n| first + n * unit).take_while(|value| *value <= span.to).take(12).collect()
}

fn areas(sweep: &Sweep, span: Span, by_money: bool) -> String {
    let measure =
        |total: &Total| if by_money { total.balance.cents().max(0) as f64 } else { f64::from(total.count) };
    let samples = (0..=COLUMNS).filter_map(|column| {
        let value = span.value(column as f64 / COLUMNS as f64);
        Some(sweep.at(Amount::from_hundredths(value))?.tiers.map(|total| measure(&total)))
    });
    stacked(samples.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: Span = Span { from: 0, to: 10_000, is_logarithmic: false };
    const BALANCES: Span = Span { from: 10_000, to: 100_000_000, is_logarithmic: true };

    #[test]
    fn values_lie_where_they_are_read() {
        assert_eq!(SCORES.value(0.25), 2_500);
        assert_eq!(SCORES.share(2_500), 0.25);
        assert_eq!(BALANCES.value(0.5), 1_000_000);
        assert!((BALANCES.share(1_000_000) - 0.5).abs() < 1e-9);
        assert_eq!(BALANCES.share(0), 0.0);
        assert_eq!(SCORES.rounded(Fact::CollectabilityScore, 0.7213), 7_200);
        assert_eq!(BALANCES.rounded(Fact::Balance, 0.6), 2_510_000);
    }

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks(Fact::Balance, BALANCES), [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]);
        assert_eq!(ticks(Fact::CollectabilityScore, Span { from: 3_550, ..SCORES }).first(), Some(&4_000));
    }
}
