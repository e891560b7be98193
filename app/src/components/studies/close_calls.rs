//! Judgments whose tier hangs by little.

use super::{Links, answered, field};
use crate::components::tier_badge::TierBadge;
use crate::format;
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::study::{Fact, FragileList, Nudge};

/// So many judgments are listed, those of most money.
const ROWS: u32 = 25;

#[component]
pub fn CloseCallsStudy(workbench: Workbench) -> impl IntoView {
    let [score, balance, signals] = ["1", "500", "0"].map(|value| RwSignal::new(value.to_owned()));
    let study = Study::new(workbench.studies, from_json::<FragileList>, move || {
        let plain = |field: RwSignal<String>| field.get().trim().trim_start_matches('$').replace(',', "");
        let margins = serde_json::json!({
            "collectability_score": plain(score),
            "balance": plain(balance),
            "asset_signals": plain(signals).parse::<u8>().unwrap_or(0),
        });
        Some(Question::new("fragileJudgments", &(workbench.after(), margins, ROWS)))
    });
    view! {
        <p class="lead">"Judgments that would have another tier if one fact were a little different: where a wrong score or an old balance matters most."</p>
        <div class="form">
            {field("margin-score", "Points of score", score)}
            {field("margin-balance", "Dollars of balance", balance)}
            {field("margin-signals", "Asset signals", signals)}
        </div>
        {answered(study, move |list| table(&list, workbench))}
    }
}

fn table(list: &FragileList, workbench: Workbench) -> AnyView {
    let links = Links::to(list.rows.iter().map(|row| row.judgment_no).collect());
    let rows = list.rows.iter().map(|row| {
        view! {
            <tr data-test="close-call">
                <th scope="row">{links.drawer(row.judgment_no, workbench)}</th>
                <td><TierBadge tier=row.tier short=true/></td>
                <td class="number">{format::cents(row.balance.cents())}</td>
                <td>{row.nudges.iter().map(words).collect::<Vec<_>>().join("; ")}</td>
            </tr>
        }
    });
    view! {
        <p class="answer" role="status" data-test="close-calls">{match list.total.count {
            0 => "No judgment is that close to another tier.".to_owned(),
            count => format!("{} with {} hang by that little.{}", format::counted(count.into(), "judgment", "judgments"), format::cents(list.total.balance.cents()), if count > ROWS { " Those of most money:" } else { "" }),
        }}</p>
        {(!list.rows.is_empty()).then(|| view! {
            <div class="scrolled tall" tabindex="0" role="region" aria-label="Close calls">
                <table class="table">
                    <thead><tr><th scope="col">"Judgment"</th><th scope="col">"Tier"</th><th scope="col" class="number">"Balance"</th><th scope="col">"What would change it"</th></tr></thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        })}
    }
    .into_any()
}

fn words(nudge: &Nudge) -> String {
    let by = nudge.by.hundredths();
    let (magnitude, sign) = (by.saturating_abs(), if by < 0 { "\u{2212}" } else { "+" });
    let change = match nudge.fact {
        Fact::CollectabilityScore => format!("score {sign}{}.{:02}", magnitude / 100, magnitude % 100),
        Fact::Balance => format!("balance {sign}{}", format::cents(magnitude)),
        Fact::AssetSignals => format!("{sign}{} asset signals", magnitude / 100),
    };
    format!("{change} → tier {}", nudge.tier.number())
}
