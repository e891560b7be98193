//! How much of what the draft moves each of its edits causes.

use super::answered;
use crate::format;
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::study::{Attribution, Edit, Movement};

#[component]
pub fn SharesStudy(workbench: Workbench) -> impl IntoView {
    let has_edits = Memo::new(move |_| workbench.edits.with(|edits| !edits.is_empty()));
    let study = Study::new(workbench.studies, from_json::<Attribution>, move || {
        has_edits.get().then(|| Question::new("attribute", &[workbench.before(), workbench.after()]))
    });
    view! {
        <p class="lead">"What each edit causes, whatever the order in which the edits are made: its mean effect over all orders (Shapley). The shares add up to the whole, to the cent; a negative one holds back what others move."</p>
        {move || if has_edits.get() {
            answered(study, |attribution| table(&attribution)).into_any()
        } else {
            view! { <p class="none" data-test="shares-empty">"The draft has no edits yet. Move a limit, then another: here you see which of them moves what."</p> }.into_any()
        }}
    }
}

fn table(attribution: &Attribution) -> AnyView {
    let line = |words: String, movement: &Movement| {
        let [(up, cents_up), (down, cents_down)] = up_and_down(movement);
        view! {
            <tr data-test="share">
                <th scope="row">{words}</th>
                <td class="number">{signed(up, &format::count)}</td>
                <td class="number" title=format::cents(cents_up)>{signed(cents_up, &|cents| format::cents_short(cents as i64))}</td>
                <td class="number">{signed(down, &format::count)}</td>
                <td class="number" title=format::cents(cents_down)>{signed(cents_down, &|cents| format::cents_short(cents as i64))}</td>
            </tr>
        }
    };
    let shares = attribution
        .shares
        .iter()
        .map(|share| line(share.edits.iter().map(words).collect::<Vec<_>>().join("; "), &share.movement));
    view! {
        <div class="scrolled">
            <table class="table shares">
                <thead><tr>
                    <th scope="col">"Edit"</th>
                    <th scope="col" class="number">"Move up"</th><th scope="col" class="number">"Balance"</th>
                    <th scope="col" class="number">"Move down"</th><th scope="col" class="number">"Balance"</th>
                </tr></thead>
                <tbody>{shares.collect_view()}</tbody>
                <tfoot>{line("Together".to_owned(), &attribution.whole)}</tfoot>
            </table>
        </div>
    }
    .into_any()
}

/// Judgments and cents that go up, and down.
fn up_and_down(movement: &Movement) -> [(i64, i64); 2] {
    let mut sums = [(0, 0); 2];
    let rows = movement.counts.iter().zip(&movement.balance);
    for (before, (counts, balance)) in rows.enumerate() {
        for (after, (count, money)) in counts.iter().zip(balance).enumerate() {
            let [up, down] = &mut sums;
            let sum = if after > before { up } else { down };
            *sum = (sum.0 + count, sum.1 + money.cents());
        }
    }
    sums
}

fn signed(n: i64, magnitude: &dyn Fn(u64) -> String) -> String {
    let sign = if n < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}", magnitude(n.unsigned_abs()))
}

fn words(edit: &Edit) -> String {
    match edit {
        Edit::LimitMoved { limit, before, after } => format!("{limit} {before} → {after}"),
        Edit::SignalToggled { signal, is_asset } => {
            format!(
                "{} {}",
                format::signal(signal.name()),
                if *is_asset { "counts as an asset" } else { "no longer counts as an asset" }
            )
        }
        Edit::RuleChanged { rule } => format!("rule {rule} changed"),
        Edit::RuleAdded { rule } => format!("rule {rule} added"),
        Edit::RuleRemoved { rule } => format!("rule {rule} removed"),
        Edit::RulesReordered { .. } => "rules in another order".to_owned(),
        Edit::FallbackChanged { before, after } => {
            format!("everything else: tier {} → {}", before.number(), after.number())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::study::Money;

    #[test]
    fn what_goes_up_is_told_from_what_goes_down() {
        let mut movement = Movement::default();
        movement.counts[1][3] = 5;
        movement.counts[2][3] = -2;
        movement.balance[1][3] = Money::from_cents(700);
        movement.counts[3][0] = 4;
        movement.balance[3][0] = Money::from_cents(-100);
        assert_eq!(up_and_down(&movement), [(3, 700), (4, -100)]);
        assert_eq!(signed(-1_204, &format::count), "−1,204");
    }
}
