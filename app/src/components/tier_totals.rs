//! Each tier before and after: counts, money, what changes, and the effective tiers beside.

use super::tier_badge::{TierBadge, tier_key};
use crate::format;
use crate::state::simulation::Simulation;
use leptos::prelude::*;
use policy::portfolio::TierTotal;
use policy::tier::Tier;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq)]
struct Line {
    before: TierTotal,
    after: TierTotal,
    effective_before: TierTotal,
    effective_after: TierTotal,
    /// The largest count of all tiers: the bars' common scale.
    scale: u32,
}

fn of(totals: &[TierTotal; 4], tier: Tier) -> TierTotal {
    totals.get(usize::from(tier.number())).copied().unwrap_or_default()
}

#[component]
pub fn TierTotals(simulation: Memo<Arc<Simulation>>) -> impl IntoView {
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
                    {Tier::ALL.into_iter().rev().map(|tier| view! { <TotalRow simulation tier/> }).collect_view()}
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn TotalRow(simulation: Memo<Arc<Simulation>>, tier: Tier) -> impl IntoView {
    let line = Memo::new(move |_| {
        simulation.with(|simulation| Line {
            before: of(&simulation.before_totals, tier),
            after: of(&simulation.after_totals, tier),
            effective_before: of(&simulation.before.effective, tier),
            effective_after: of(&simulation.effective, tier),
            scale: simulation
                .before_totals
                .iter()
                .chain(&simulation.after_totals)
                .map(|total| total.count)
                .max()
                .unwrap_or(0)
                .max(1),
        })
    });
    let number = tier.number();
    // In thousandths of the scale; what exists is never invisible.
    let width = move |total: fn(&Line) -> u32| {
        line.with(|line| {
            (u64::from(total(line)) * 1000 / u64::from(line.scale))
                .max(u64::from(total(line) > 0) * 3)
                .to_string()
        })
    };
    view! {
        <tr data-tier=tier_key(Some(tier)) data-test=format!("total-{number}")>
            <th scope="row"><TierBadge tier/></th>
            <td class="bars">
                <svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="before" y="0" height="7" width=move || width(|line| line.before.count)/>
                    <rect class="after" y="9" height="7" width=move || width(|line| line.after.count)/>
                </svg>
            </td>
            <td class="number" data-test=format!("total-before-{number}")>{move || format::count(line.get().before.count.into())}</td>
            <td class="number strong" data-test=format!("total-after-{number}")>{move || format::count(line.get().after.count.into())}</td>
            <td class="number change">{move || { let line = line.get(); format::count_change(i64::from(line.after.count) - i64::from(line.before.count)) }}</td>
            <td class="number" title=move || format::cents(line.get().after.balance_cents)>{move || format::cents_short(line.get().after.balance_cents)}</td>
            <td class="number change">{move || { let line = line.get(); format::cents_change(line.after.balance_cents - line.before.balance_cents) }}</td>
            <td
                class="number muted"
                data-test=format!("total-effective-{number}")
                title=move || { let line = line.get(); format!("{} before, {} after, {}", format::count(line.effective_before.count.into()), format::count(line.effective_after.count.into()), format::cents(line.effective_after.balance_cents)) }
            >
                {move || format::count(line.get().effective_after.count.into())}
            </td>
        </tr>
    }
}
