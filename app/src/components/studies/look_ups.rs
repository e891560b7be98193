//! Which missing fact is worth looking up: the one that could move most money.

use super::{Links, answered};
use crate::components::tier_badge::TierBadge;
use crate::format;
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::study::{LookUps, PossibleTiers, UnknownFact};

/// So many single judgments are listed.
const ROWS: u32 = 10;

#[component]
pub fn LookUpsStudy(workbench: Workbench) -> impl IntoView {
    let study = Study::new(workbench.studies, from_json::<LookUps>, move || {
        Some(Question::new("rankLookUps", &(workbench.after(), ROWS)))
    });
    view! {
        <p class="lead">"Judgments with an unknown score, balance or asset have a tier for the time being. A look-up is worth buying where the answer could change it: first those with most money for each look-up."</p>
        {answered(study, |look_ups| tables(&look_ups))}
    }
}

fn tables(look_ups: &LookUps) -> AnyView {
    if look_ups.groups.is_empty() {
        return view! { <p class="none">"No missing fact could change a tier."</p> }.into_any();
    }
    let groups = look_ups.groups.iter().map(|group| {
        let (count, cents) = (group.total.count, group.total.balance.cents());
        let each = cents.checked_div(count.into()).unwrap_or(0);
        view! {
            <tr data-test="look-up-group">
                <th scope="row">{name(group.fact)}</th>
                <td>{tiers(&group.tiers)}</td>
                <td class="number">{format::count(count.into())}</td>
                <td class="number" title=format::cents(cents)>{format::cents_short(cents)}</td>
                <td class="number" title=format::cents(each)>{format::cents_short(each)}</td>
            </tr>
        }
    });
    let links = Links::to(look_ups.rows.iter().map(|row| row.judgment_no).collect());
    let rows = look_ups.rows.iter().map(|row| {
        view! {
            <tr>
                <th scope="row">{links.link(row.judgment_no)}</th>
                <td>{name(row.fact)}</td>
                <td>{tiers(&row.tiers)}</td>
                <td class="number">{format::cents(row.balance.cents())}</td>
            </tr>
        }
    });
    view! {
        <div class="side-by-side">
            <div class="scrolled tall" tabindex="0" role="region" aria-label="Look-ups by kind">
                <table class="table">
                    <thead><tr><th scope="col">"Look up"</th><th scope="col">"Now → possible"</th><th scope="col" class="number">"Judgments"</th><th scope="col" class="number">"Balance"</th><th scope="col" class="number">"For each"</th></tr></thead>
                    <tbody>{groups.collect_view()}</tbody>
                </table>
            </div>
            <div class="scrolled">
                <table class="table">
                    <thead><tr><th scope="col">"Judgment"</th><th scope="col">"Look up"</th><th scope="col">"Now → possible"</th><th scope="col" class="number">"Balance"</th></tr></thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </div>
    }
    .into_any()
}

fn name(fact: UnknownFact) -> &'static str {
    match fact {
        UnknownFact::CollectabilityScore => "Score",
        UnknownFact::Balance => "Balance",
        UnknownFact::EmployerName => format::signal("employer_name"),
        UnknownFact::BankName => format::signal("bank_name"),
        UnknownFact::RealPropertyLead => format::signal("real_property_lead"),
        UnknownFact::VehicleLead => format::signal("vehicle_lead"),
    }
}

fn tiers(tiers: &PossibleTiers) -> AnyView {
    let others = tiers
        .possible
        .iter()
        .filter(|tier| **tier != tiers.tier)
        .map(|tier| view! { <TierBadge tier=*tier short=true/> });
    view! { <span class="tiers"><TierBadge tier=tiers.tier short=true/>"→"{others.collect_view()}</span> }
        .into_any()
}
