//! Each tier before and after: counts, money, what changes, and the effective tiers beside.

use super::swap_set::Figure;
use super::tier_badge::{TierBadge, tier_key};
use crate::format;
use crate::state::simulation::SwapFilter;
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::portfolio::TierTotal;
use policy::tier::Tier;

#[derive(Clone, Copy, PartialEq)]
struct Line {
    before: TierTotal,
    after: TierTotal,
    effective_before: TierTotal,
    effective_after: TierTotal,
    /// The largest count, and the largest balance, of all tiers: the bars' common scales.
    scale: (u64, u64),
}

fn of(totals: &[TierTotal; 4], tier: Tier) -> TierTotal {
    totals.get(usize::from(tier.number())).copied().unwrap_or_default()
}

/// A total as its bar shows it: judgments, or cents.
fn size(total: &TierTotal, is_money: bool) -> u64 {
    if is_money { total.balance_cents.unsigned_abs() } else { total.count.into() }
}

/// The bars are of money where `is_money`
#[component]
pub fn TierTotals(workbench: Workbench, #[prop(into)] is_money: Signal<bool>) -> impl IntoView {
    view! {
        <div class="tier-totals">
            <table>
                <caption class="visually-hidden">"Judgments and balance of each tier, before and after"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Tier"</th>
                        <th scope="col" class="bars"><span class="key before">"before"</span><span class="key after">"after"</span></th>
                        <th scope="col" class="number">"Before"</th>
                        <th scope="col" class="number">"After"</th>
                        <th scope="col" class="number">"Change"</th>
                        <th scope="col" class="number">"Balance after"</th>
                        <th scope="col" class="number">"Change"</th>
                        <th scope="col" class="number" title="With the overrides in force: an override stands whatever the policy says">"Effective"</th>
                    </tr>
                </thead>
                <tbody>
                    {Tier::ALL.into_iter().rev().map(|tier| view! { <TotalRow workbench is_money tier/> }).collect_view()}
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn TotalRow(workbench: Workbench, is_money: Signal<bool>, tier: Tier) -> impl IntoView {
    let swap = workbench.swap;
    let line = Memo::new(move |_| {
        let largest = |of: &[&[TierTotal; 4]; 2], is_money: bool| {
            of.iter()
                .flat_map(|totals| totals.iter())
                .map(|total| size(total, is_money))
                .max()
                .unwrap_or(0)
                .max(1)
        };
        workbench.settled.with(|simulation| {
            let (before, after) = (simulation.flow.before_totals(), simulation.flow.after_totals());
            let both = [&before, &after];
            Line {
                before: of(&before, tier),
                after: of(&after, tier),
                effective_before: of(&simulation.before.effective, tier),
                effective_after: of(&simulation.flow.effective, tier),
                scale: (largest(&both, false), largest(&both, true)),
            }
        })
    });
    let number = tier.number();
    // In thousandths of the scale; what exists is never invisible.
    let width = move |total: fn(&Line) -> &TierTotal| {
        let is_money = is_money.get();
        line.with(|line| {
            let (scale, size) =
                (if is_money { line.scale.1 } else { line.scale.0 }, size(total(line), is_money));
            ((u128::from(size) * 1000 / u128::from(scale)) as u64).max(u64::from(size > 0) * 3).to_string()
        })
    };
    // A number, whether there is anything behind it, and what that is.
    let figure = move |text: fn(&Line) -> String, count: fn(&Line) -> u32, filter: SwapFilter| {
        let words = filter.words().unwrap_or_default();
        let is_none = Signal::derive(move || line.with(|line| count(line) == 0));
        view! { <Figure swap filter words is_none>{move || line.with(text)}</Figure> }
    };
    let after = |line: &Line| line.after.count;
    let moves = |line: &Line| u32::from(line.before != line.after);
    view! {
        <tr data-tier=tier_key(Some(tier)) data-test=format!("total-{number}")>
            <th scope="row"><TierBadge tier/></th>
            <td class="bars">
                <svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="before" y="0" height="7" width=move || width(|line| &line.before)/>
                    <rect class="after" y="9" height="7" width=move || width(|line| &line.after)/>
                </svg>
            </td>
            <td class="number" data-test=format!("total-before-{number}")>{figure(|line| format::count(line.before.count.into()), |line| line.before.count, SwapFilter::Before(tier))}</td>
            <td class="number strong" data-test=format!("total-after-{number}")>{figure(|line| format::count(line.after.count.into()), after, SwapFilter::After(tier))}</td>
            <td class="number change">{figure(|line| format::count_change(i64::from(line.after.count) - i64::from(line.before.count)), moves, SwapFilter::InOrOut(tier))}</td>
            <td class="number" title=move || format::cents(line.get().after.balance_cents)>{figure(|line| format::cents_short(line.after.balance_cents), after, SwapFilter::After(tier))}</td>
            <td class="number change">{figure(|line| format::cents_change(line.after.balance_cents - line.before.balance_cents), moves, SwapFilter::InOrOut(tier))}</td>
            <td
                class="number muted"
                data-test=format!("total-effective-{number}")
                title=move || { let line = line.get(); format!("{} before, {} after, {}", format::count(line.effective_before.count.into()), format::count(line.effective_after.count.into()), format::cents(line.effective_after.balance_cents)) }
            >
                {figure(|line| format::count(line.effective_after.count.into()), |line| line.effective_after.count, SwapFilter::Effective(tier))}
            </td>
        </tr>
    }
}
