//! A day under the saved and the draft ranks, before the same leads: shares, losses, waits, occupancies and their differences.

use crate::components::rank::RankBadge;
use crate::format::{self, share};
use crate::state::pool_lab::{Comparison, Estimate, PoolLab};
use crate::state::studies::{Study, from_json};
use leptos::prelude::*;

#[component]
pub fn Simulation(lab: PoolLab) -> impl IntoView {
    let compared = Study::<Comparison>::new(lab.studies, from_json, move || lab.compare());
    let has_draft = Memo::new(move |_| lab.bench.draft.with(|draft| !draft.is_empty()));
    view! {
        <div class="pool-simulation" data-test="pool-simulation" aria-busy=move || compared.is_busy.get().to_string()>
            {move || compared.error.get().map(|words| view! { <p class="field-error" role="alert">{words}</p> })}
            {move || compared.answer.get().map(|found| view! { <Figures lab found=(*found).clone() has_draft=has_draft.get()/> })}
        </div>
    }
}

/// One line of the table: what, saved, draft, difference and what is known exactly
struct Line {
    name: AnyView,
    key: String,
    saved: String,
    draft: String,
    change: Change,
    exact: Option<String>,
}

enum Change {
    Known(Estimate, fn(f64) -> String),
    /// It cannot change, and why in a few words.
    None(&'static str),
}

/// A difference of shares, in points: `−16.1`
pub fn points(value: f64) -> String {
    let tenths = (value * 1000.0).round() / 10.0;
    match tenths {
        0.0 => "0.0".to_owned(),
        tenths if tenths < 0.0 => format!("−{:.1}", -tenths),
        tenths => format!("+{tenths:.1}"),
    }
}

/// Hours as `12.3 s` or `4.5 min`
pub fn time(hours: f64) -> String {
    let seconds = hours * 3600.0;
    if seconds.abs() < 120.0 { format!("{seconds:.1} s") } else { format!("{:.1} min", seconds / 60.0) }
}

fn time_change(hours: f64) -> String {
    if hours < 0.0 { format!("−{}", time(-hours)) } else { format!("+{}", time(hours)) }
}

#[component]
fn Figures(lab: PoolLab, found: Comparison, has_draft: bool) -> impl IntoView {
    let Comparison { saved, draft, lost, p_wait, mean_wait, groups, agents, theorem } = found;
    let exactly = |saved: Option<f64>, draft: Option<f64>, words: fn(f64) -> String| match (saved, draft) {
        (Some(saved), Some(draft)) if saved != draft => Some(format!("{} → {}", words(saved), words(draft))),
        (Some(saved), _) => Some(words(saved)),
        _ => None,
    };
    let six = |value: f64| format!("{:.4} %", value * 100.0);
    let mut lines = Vec::new();
    for difference in &groups {
        let rank = difference.rank;
        let of = |outcome: &crate::state::pool_lab::Outcome| {
            outcome.groups.iter().find(|group| group.rank == rank).cloned()
        };
        let (before, after) = (of(&saved), of(&draft));
        let shown = |group: &Option<crate::state::pool_lab::GroupOutcome>| {
            group.as_ref().map_or_else(|| "–".to_owned(), |group| share(group.share))
        };
        lines.push(Line {
            name: view! { <RankBadge rank/>" takes" }.into_any(),
            key: format!("share-{}", rank.number()),
            saved: shown(&before),
            draft: shown(&after),
            change: Change::Known(difference.share, points),
            exact: exactly(
                before.and_then(|group| group.share_exact),
                after.and_then(|group| group.share_exact),
                six,
            ),
        });
    }
    if let Some((before, after)) = saved.groups.first().zip(draft.groups.first())
        && let Some(difference) = groups.iter().find(|group| group.rank == before.rank)
        && before.rank == after.rank
    {
        lines.push(Line {
            name: view! { {format!("Go past {}", before.rank.label())} }.into_any(),
            key: "overflow".to_owned(),
            saved: share(before.overflow),
            draft: share(after.overflow),
            change: Change::Known(difference.overflow, points),
            exact: exactly(before.overflow_exact, after.overflow_exact, six),
        });
    }
    const SAME: &str = "cannot change: same handling times";
    let fixed = |estimate: Estimate, words: fn(f64) -> String| {
        if theorem.applies { Change::None(SAME) } else { Change::Known(estimate, words) }
    };
    lines.push(Line {
        name: "Lost".into_any(),
        key: "lost".to_owned(),
        saved: share(saved.lost),
        draft: share(draft.lost),
        change: fixed(lost, points),
        exact: exactly(saved.lost_exact, draft.lost_exact, six),
    });
    if let (Some(before), Some(after), Some(difference)) = (saved.p_wait, draft.p_wait, p_wait) {
        lines.push(Line {
            name: "Have to wait".into_any(),
            key: "p-wait".to_owned(),
            saved: share(before),
            draft: share(after),
            change: fixed(difference, points),
            exact: exactly(saved.p_wait_exact, draft.p_wait_exact, six),
        });
    }
    if let (Some(before), Some(after), Some(difference)) = (saved.mean_wait, draft.mean_wait, mean_wait) {
        lines.push(Line {
            name: "Mean wait".into_any(),
            key: "mean-wait".to_owned(),
            saved: time(before),
            draft: time(after),
            change: fixed(difference, time_change),
            exact: exactly(saved.mean_wait_exact, draft.mean_wait_exact, |hours| {
                format!("{:.3} s", hours * 3600.0)
            }),
        });
    }
    let occupancy = |outcome: &crate::state::pool_lab::Outcome, id: &str| {
        outcome.agents.iter().find(|agent| agent.agent_id == id).map_or(0.0, |agent| agent.occupancy)
    };
    let mut people: Vec<_> =
        agents.into_iter().map(|agent| (occupancy(&draft, &agent.agent_id), agent)).collect();
    people.sort_by(|a, b| b.0.total_cmp(&a.0));
    let busiest = people.len();
    let rows = people.into_iter().map(|(after, agent)| {
        let before = occupancy(&saved, &agent.agent_id);
        view! {
            <tr>
                <th scope="row">{lab.bench.name_of(&agent.agent_id)}</th>
                <td class="bars" aria-hidden="true">
                    <svg viewBox="0 0 1000 16" preserveAspectRatio="none"><rect class="before" y="0" height="7" width=format!("{:.0}", before * 1000.0)/><rect class="after" y="9" height="7" width=format!("{:.0}", after * 1000.0)/></svg>
                </td>
                <td class="number">{share(before)}</td>
                <td class="number">{has_draft.then(|| share(after))}</td>
                <td class="number change">{has_draft.then(|| changed(agent.occupancy, points))}</td>
            </tr>
        }
    });
    let fairness = saved.groups.iter().zip(&draft.groups).map(|(before, after)| {
        let words = if has_draft && before.rank == after.rank {
            format!("{:.3} → {:.3}", before.fairness, after.fairness)
        } else {
            format!("{:.3}", before.fairness)
        };
        format!("{} {words}", before.rank.label())
    });
    let fairness = fairness.collect::<Vec<_>>().join(", ");
    view! {
        <table class="figures">
            <caption class="visually-hidden">"Shares, losses and waits under the saved and the draft ranks"</caption>
            <thead><tr><th scope="col">"Of all leads"</th><th scope="col" class="number">"Saved"</th><th scope="col" class="number">"Draft"</th><th scope="col" class="number">"Difference"</th><th scope="col" class="number" title="By formula, where one is known">"Exactly"</th></tr></thead>
            <tbody>
                {lines.into_iter().map(|line| view! {
                    <tr data-test=format!("figure-{}", line.key)>
                        <th scope="row">{line.name}</th>
                        <td class="number">{line.saved}</td>
                        <td class="number">{has_draft.then_some(line.draft)}</td>
                        <td class="number change">{has_draft.then(|| match line.change {
                            Change::Known(estimate, words) => changed(estimate, words),
                            Change::None(words) => view! { <span class="muted">{words}</span> }.into_any(),
                        })}</td>
                        <td class="number muted">{line.exact}</td>
                    </tr>
                }).collect_view()}
            </tbody>
        </table>
        {theorem.applies.then(|| view! { <p class="note" data-test="theorem">{format!("Ranks cannot change what is lost or how long leads wait: {}.", theorem.reason)}</p> })}
        {(!draft.is_stable || !saved.is_stable).then(|| view! { <p class="note danger">"More comes than the pool can ever serve: the waiting list has no end, and these figures depend on how long is simulated."</p> })}
        <table class="figures occupancies">
            <caption>{format!("How busy each agent is ({})", format::counted(busiest as u64, "agent", "agents"))}</caption>
            <thead><tr><th scope="col">"Agent"</th><th scope="col" class="bars"><span class="key before">"saved"</span><span class="key after">"draft"</span></th><th scope="col" class="number">"Saved"</th><th scope="col" class="number">"Draft"</th><th scope="col" class="number">"Difference"</th></tr></thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
        <p class="muted note">{format!("{:.2} erlangs offered. Differences are in percentage points with their 99.9 % interval, from the same 100,000 leads under both ranks. Evenness in a group (Jain): {fairness}.", saved.offered_load)}</p>
    }
}

/// A difference with its interval; what cannot be told from nothing says so
pub fn changed(estimate: Estimate, words: fn(f64) -> String) -> AnyView {
    if estimate.value == 0.0 && estimate.half() == 0.0 {
        return view! { <span class="muted">"·"</span> }.into_any();
    }
    let half = words(estimate.half());
    let half = half.trim_start_matches('+').to_owned();
    view! {
        <span class:muted=!estimate.is_significant() title=if estimate.is_significant() { "" } else { "Cannot be told from no difference" }>
            {words(estimate.value)}<span class="half">{format!(" ±{half}")}</span>
        </span>
    }
    .into_any()
}
