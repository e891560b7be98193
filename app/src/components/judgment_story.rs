//! Why a judgment has its tier, and how its tier and its facts came about.

use super::icon::{Icon, IconView};
use super::tier_badge::TierBadge;
use super::time::Time;
use crate::format;
use contract::{Assignment, FactsRow, Why};
use leptos::prelude::*;
use policy::study::Verdict;
use policy::tier::DecidedBy;

/// Every condition that was tried, and what it would take to change the tier
#[component]
pub fn WhyPanel(
    why: Why,
    /// Whose conditions they are.
    of: &'static str,
) -> impl IntoView {
    let Why { arms, nearest } = why;
    view! {
        <div class="why">
            <section class="panel" data-test="why">
                <header><h2>"Why this tier"</h2><span class="muted">{format!("every condition of {of}, in the order in which they are tried")}</span></header>
                <ol>
                    {arms.into_iter().map(|arm| view! {
                        <li data-verdict=match arm.verdict { Verdict::Decides => "decides", Verdict::Shadowed => "shadowed", Verdict::Fails => "fails" }>
                            <TierBadge tier=arm.tier short=true/>
                            <ul>{arm.conditions.into_iter().map(|condition| view! {
                                <li data-holds=condition.holds.to_string()><IconView icon=if condition.holds { Icon::Check } else { Icon::Close }/><span class="visually-hidden">{if condition.holds { "holds: " } else { "fails: " }}</span>{condition.words}</li>
                            }).collect_view()}</ul>
                            <span class="verdict">{match arm.verdict {
                                Verdict::Decides => format!("decides, by rule {}", arm.rule),
                                Verdict::Shadowed => "holds too, but comes later".to_owned(),
                                Verdict::Fails => String::new(),
                            }}</span>
                        </li>
                    }).collect_view()}
                </ol>
            </section>
            <section class="panel" data-test="nearest">
                <header><h2>"What would change it"</h2></header>
                <dl>
                    {nearest.into_iter().rev().map(|nearest| view! {
                        <dt><TierBadge tier=nearest.tier/></dt>
                        <dd>{if nearest.changes.is_empty() {
                            view! { <span class="muted">"The policy gives this tier to no judgment."</span> }.into_any()
                        } else {
                            view! { <ul>{nearest.changes.into_iter().map(|words| view! { <li>{words}</li> }).collect_view()}</ul> }.into_any()
                        }}</dd>
                    }).collect_view()}
                </dl>
            </section>
        </div>
    }
}

pub fn decided_by(decided_by: Option<&DecidedBy>) -> String {
    decided_by.map_or_else(
        || "fallback: no rule matches".to_owned(),
        |decided| format!("rule {}, arm {}", decided.rule, decided.arm + 1),
    )
}

#[component]
pub fn Assignments(assignments: Signal<Vec<Assignment>>) -> impl IntoView {
    view! {
        <section class="panel history" data-test="assignments">
            <header><h2>"History of assignments"</h2></header>
            {move || {
                let rows = assignments.get();
                if rows.is_empty() {
                    return view! { <div class="content"><p class="muted">"Not tiered yet. The first assignment appears here as soon as the worker has seen this judgment."</p></div> }.into_any();
                }
                view! {
                    <div class="scroll" tabindex="0" role="group" aria-label="History of assignments">
                        <table class="table">
                            <thead><tr><th scope="col">"When"</th><th scope="col">"Tier"</th><th scope="col" class="wide">"Reason"</th><th scope="col">"Decided by"</th><th scope="col" class="number">"Revision"</th><th scope="col">"Through"</th></tr></thead>
                            <tbody>
                                {rows.into_iter().map(|row| {
                                    let is_change = row.old_tier != Some(row.new_tier);
                                    view! {
                                        <tr data-test="assignment">
                                            <td><Time at=row.assigned_at/></td>
                                            <td><span class="step">{is_change.then(|| view! { <TierBadge tier=row.old_tier short=true/><span aria-label="to">"→"</span> })}<TierBadge tier=row.new_tier/></span></td>
                                            <td class="wide">{row.reason}</td>
                                            <td class="muted">{decided_by(row.decided_by.as_ref())}</td>
                                            <td class="number" title=row.policy_digest>{row.policy_revision}</td>
                                            <td class="muted">{format::words(&row.source)}</td>
                                        </tr>
                                    }
                                }).collect_view()}
                            </tbody>
                        </table>
                    </div>
                }
                .into_any()
            }}
        </section>
    }
}

#[component]
pub fn FactsHistory(facts: Signal<Vec<FactsRow>>) -> impl IntoView {
    view! {
        <section class="panel history" data-test="facts-history">
            <header><h2>"History of facts"</h2></header>
            <div class="scroll" tabindex="0" role="group" aria-label="History of facts">
                <table class="table">
                    <thead><tr><th scope="col">"Valid from"</th><th scope="col" class="number">"Score"</th><th scope="col" class="number">"Balance due"</th><th scope="col" class="wide">"Asset signals"</th><th scope="col">"Status"</th></tr></thead>
                    <tbody>
                        {move || facts.get().into_iter().map(|row| {
                            let signals = row.asset_signals.iter().map(|name| format::signal(name)).collect::<Vec<_>>().join(", ");
                            view! {
                                <tr>
                                    <td><Time at=row.valid_from/></td>
                                    <td class="number">{format::score(row.collectability_score.as_deref(), 2)}</td>
                                    <td class="number">{format::money_or_dash(row.balance_due.as_deref())}</td>
                                    <td class="wide">{if signals.is_empty() { "none".to_owned() } else { signals }}</td>
                                    <td>{format::words(&row.status)}</td>
                                </tr>
                            }
                        }).collect_view()}
                    </tbody>
                </table>
            </div>
        </section>
    }
}
