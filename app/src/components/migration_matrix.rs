//! The tier migration matrix: counts and money that go from tier to tier.

use super::swap_set::Figure;
use super::tier_badge::{TierBadge, tier_key};
use crate::format;
use crate::state::simulation::SwapFilter;
use crate::state::workbench::SwapView;
use leptos::prelude::*;
use policy::portfolio::{MigrationMatrix as Matrix, TierFlow};
use policy::tier::Tier;

/// `[before][after]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cells {
    pub counts: [[u32; 4]; 4],
    pub cents: [[i64; 4]; 4],
}

impl From<&TierFlow> for Cells {
    fn from(flow: &TierFlow) -> Self {
        Self { counts: flow.counts, cents: flow.balance_cents }
    }
}

impl From<&Matrix> for Cells {
    fn from(matrix: &Matrix) -> Self {
        Self {
            counts: matrix.counts,
            cents: matrix
                .balance
                .map(|row| row.map(|money| format::parse_cents(&money.to_string()).unwrap_or(0))),
        }
    }
}

impl Cells {
    pub fn at(&self, before: Tier, after: Tier) -> (u32, i64) {
        let place = |tier: Tier| usize::from(tier.number());
        let count = self.counts.get(place(before)).and_then(|row| row.get(place(after)));
        let cents = self.cents.get(place(before)).and_then(|row| row.get(place(after)));
        (count.copied().unwrap_or(0), cents.copied().unwrap_or(0))
    }

    pub fn sum(&self, holds: impl Fn(Tier, Tier) -> bool) -> (u32, i64) {
        let pairs =
            Tier::ALL.into_iter().flat_map(|before| Tier::ALL.into_iter().map(move |after| (before, after)));
        pairs
            .filter(|(before, after)| holds(*before, *after))
            .map(|(before, after)| self.at(before, after))
            .fold((0, 0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1))
    }
}

/// `prefix` begins the names of the cells for tests: `matrix-cell-1-2`
#[component]
pub fn MigrationMatrix(
    #[prop(into)] cells: Signal<Cells>,
    #[prop(into)] caption: String,
    prefix: &'static str,
    /// Marks the cells that differ from these.
    #[prop(optional, into)]
    against: Option<Signal<Cells>>,
    /// Makes every number a button that opens the judgments behind it.
    #[prop(optional)]
    swap: Option<SwapView>,
) -> impl IntoView {
    view! {
        <div class="migration-matrix">
            <table data-test=prefix>
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col" class="corner"><span>"before ↓"</span><span>"after →"</span></th>
                        {Tier::ALL.map(|tier| view! { <th scope="col"><TierBadge tier short=true/></th> }).collect_view()}
                        <th scope="col" class="total">"Total"</th>
                    </tr>
                </thead>
                <tbody>
                    {Tier::ALL.map(|before| view! {
                        <tr>
                            <th scope="row"><TierBadge tier=before/></th>
                            {Tier::ALL.map(|after| view! { <Cell cells prefix before after against swap/> }).collect_view()}
                            <Sum cells test=format!("{prefix}-row-{}", before.number()) of=SwapFilter::Before(before) swap/>
                        </tr>
                    }).collect_view()}
                </tbody>
                <tfoot>
                    <tr>
                        <th scope="row">"Total"</th>
                        {Tier::ALL.map(|after| view! { <Sum cells test=format!("{prefix}-column-{}", after.number()) of=SwapFilter::After(after) swap/> }).collect_view()}
                        <Sum cells test=format!("{prefix}-total") of=SwapFilter::Everything swap/>
                    </tr>
                </tfoot>
            </table>
        </div>
    }
}

#[component]
fn Sum(cells: Signal<Cells>, test: String, of: SwapFilter, swap: Option<SwapView>) -> impl IntoView {
    let words = of.words().unwrap_or_default();
    let summed = of.clone();
    let sum = Memo::new(move |_| {
        cells.with(|cells| {
            cells.sum(|before, after| match summed {
                SwapFilter::Before(tier) => before == tier,
                SwapFilter::After(tier) => after == tier,
                _ => true,
            })
        })
    });
    let figures = move || {
        view! {
            <span class="count">{move || format::count(sum.get().0.into())}</span>
            <span class="money">{move || format::cents_short(sum.get().1)}</span>
        }
    };
    view! {
        <td class="total" data-test=test data-count=move || sum.get().0.to_string() data-cents=move || sum.get().1.to_string() title=move || format::cents(sum.get().1)>
            {match swap {
                Some(swap) => view! { <Figure swap filter=of words is_none=Signal::derive(move || sum.get().0 == 0)>{figures()}</Figure> }.into_any(),
                None => figures().into_any(),
            }}
        </td>
    }
}

#[component]
fn Cell(
    cells: Signal<Cells>,
    prefix: &'static str,
    before: Tier,
    after: Tier,
    against: Option<Signal<Cells>>,
    swap: Option<SwapView>,
) -> impl IntoView {
    let cell = Memo::new(move |_| cells.with(|cells| cells.at(before, after)));
    let differs = Memo::new(move |_| {
        against.is_some_and(|against| against.with(|against| against.at(before, after)) != cell.get())
    });
    let words = match before == after {
        true => format!("Stay in tier {}", before.number()),
        false => format!("From tier {} to tier {}", before.number(), after.number()),
    };
    let is_empty = Memo::new(move |_| cell.get().0 == 0);
    let change = match after.cmp(&before) {
        std::cmp::Ordering::Greater => "up",
        std::cmp::Ordering::Less => "down",
        std::cmp::Ordering::Equal => "same",
    };
    let figures = move || {
        view! {
            <span class="count">{move || format::count(cell.get().0.into())}</span>
            <span class="money">{move || format::cents_short(cell.get().1)}{match change { "up" => " ↑", "down" => " ↓", _ => "" }}</span>
        }
    };
    view! {
        <td
            class="cell"
            data-tier=tier_key(Some(after))
            data-change=change
            data-test=format!("{prefix}-cell-{}-{}", before.number(), after.number())
            data-count=move || cell.get().0.to_string()
            data-cents=move || cell.get().1.to_string()
            data-differs=move || differs.get().then_some("true")
            title=move || format::cents(cell.get().1)
        >
            {move || match (is_empty.get(), swap) {
                (true, _) => view! { <span class="none" aria-label="none">"·"</span> }.into_any(),
                (false, None) => view! { <span class="figures">{figures()}</span> }.into_any(),
                (false, Some(swap)) => view! { <Figure swap filter=SwapFilter::Cell(before, after) words=words.clone() is_none=false>{figures()}</Figure> }.into_any(),
            }}
        </td>
    }
}
