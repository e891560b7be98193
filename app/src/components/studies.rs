//! Studies of the draft over the whole portfolio, worked out by the policy module: one at a time, the one in sight.

mod cases;
mod close_calls;
mod goal;
mod look_ups;
mod replay;
mod shadow;
mod shares;
mod sweep;

use crate::api;
use crate::components::tier_badge::{TierBadge, tier_key};
use crate::format;
use crate::state::remote::Remote;
use crate::state::studies::Study;
use crate::state::workbench::Workbench;
use leptos::prelude::*;
use policy::study::Total;
use policy::tier::Tier;
use std::fmt::Write as _;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    Sweep,
    Goal,
    Shares,
    Cases,
    CloseCalls,
    LookUps,
    Replay,
    Shadow,
}

impl Topic {
    const ALL: [Topic; 8] = [
        Topic::Sweep,
        Topic::Goal,
        Topic::Shares,
        Topic::Cases,
        Topic::CloseCalls,
        Topic::LookUps,
        Topic::Replay,
        Topic::Shadow,
    ];

    fn name(self) -> &'static str {
        match self {
            Topic::Sweep => "Sweep a limit",
            Topic::Goal => "Seek a goal",
            Topic::Shares => "Share of each edit",
            Topic::Cases => "Witness cases",
            Topic::CloseCalls => "Close calls",
            Topic::LookUps => "Look-ups",
            Topic::Replay => "Replay",
            Topic::Shadow => "Shadow",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Topic::Sweep => "sweep",
            Topic::Goal => "goal",
            Topic::Shares => "shares",
            Topic::Cases => "cases",
            Topic::CloseCalls => "close-calls",
            Topic::LookUps => "look-ups",
            Topic::Replay => "replay",
            Topic::Shadow => "shadow",
        }
    }

    fn view(self, workbench: Workbench) -> AnyView {
        match self {
            Topic::Sweep => view! { <sweep::SweepStudy workbench/> }.into_any(),
            Topic::Goal => view! { <goal::GoalStudy workbench/> }.into_any(),
            Topic::Shares => view! { <shares::SharesStudy workbench/> }.into_any(),
            Topic::Cases => view! { <cases::CasesStudy workbench/> }.into_any(),
            Topic::CloseCalls => view! { <close_calls::CloseCallsStudy workbench/> }.into_any(),
            Topic::LookUps => view! { <look_ups::LookUpsStudy workbench/> }.into_any(),
            Topic::Replay => view! { <replay::ReplayStudy workbench/> }.into_any(),
            Topic::Shadow => view! { <shadow::ShadowStudy workbench/> }.into_any(),
        }
    }
}

#[component]
pub fn StudiesPanel(workbench: Workbench) -> impl IntoView {
    let topic = RwSignal::new(Topic::Sweep);
    view! {
        <section class="panel studies" aria-labelledby="studies-title" data-test="studies">
            <header>
                <h2 id="studies-title">"Studies"</h2>
                <span class="spacer"></span>
                <div class="segments" role="group" aria-label="Which study">
                    {Topic::ALL.map(|each| view! {
                        <button type="button" data-test=format!("study-{}", each.key()) aria-pressed=move || (topic.get() == each).to_string() on:click=move |_| topic.set(each)>{each.name()}</button>
                    }).collect_view()}
                </div>
            </header>
            <div class="content">{move || topic.get().view(workbench)}</div>
        </section>
    }
}

/// An answer once it is there; until then, or where there is none, a line that says so
fn answered<T: Send + Sync>(
    study: Study<T>,
    show: impl Fn(Arc<T>) -> AnyView + Send + Sync + 'static,
) -> impl IntoView {
    move || match (study.error.get(), study.answer.get()) {
        (Some(words), _) => {
            view! { <p class="none" role="alert">{format!("Not to be worked out: {words}.")}</p> }.into_any()
        }
        (None, Some(answer)) => show(answer),
        (None, None) => view! { <p class="none" role="status">"Working it out…"</p> }.into_any(),
    }
}

/// A choice between two ways to count
#[component]
fn CountOrMoney(by_money: RwSignal<bool>) -> impl IntoView {
    view! {
        <div class="segments" role="group" aria-label="Count">
            {[("Judgments", false), ("Money", true)].map(|(name, is_money)| view! {
                <button type="button" aria-pressed=move || (by_money.get() == is_money).to_string() on:click=move |_| by_money.set(is_money)>{name}</button>
            }).collect_view()}
        </div>
    }
}

/// A field of the study's form
fn field(id: &'static str, label: &'static str, value: RwSignal<String>) -> AnyView {
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input id=id class="input" data-test=id autocomplete="off" inputmode="decimal" prop:value=move || value.get() on:input:target=move |event| value.set(event.target().value())/>
        </div>
    }
    .into_any()
}

/// A choice of the study's form; a choice that is offered no longer shows as the first one
fn choice(
    id: &'static str,
    label: &'static str,
    value: RwSignal<String>,
    options: Signal<Vec<(String, String)>>,
) -> AnyView {
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select id=id class="input" data-test=id prop:value=move || { options.track(); value.get() } on:change:target=move |event| value.set(event.target().value())>
                {move || options.get().into_iter().map(|(value, words)| view! { <option value=value>{words}</option> }).collect_view()}
            </select>
        </div>
    }
    .into_any()
}

/// The draft's limits with their values, for a choice of one
fn limits(workbench: Workbench) -> Memo<Vec<(String, String)>> {
    Memo::new(move |_| {
        let limits = workbench.after().limits;
        limits.into_iter().map(|(name, value)| (name.clone(), format!("{name} ({value})"))).collect()
    })
}

/// The limit that a study begins with: the first that the rules refer to
fn first_limit(workbench: Workbench) -> String {
    let document = workbench.after();
    let mut bounds =
        document.rules.iter().flat_map(|rule| &rule.any).flat_map(|arm| [&arm.score_from, &arm.balance_from]);
    bounds
        .find_map(|bound| bound.clone().filter(|name| document.limits.contains_key(name)))
        .unwrap_or_default()
}

fn tier_options() -> Vec<(String, String)> {
    let option = |tier: Tier| (tier.number().to_string(), format!("{} {}", tier.number(), tier.label()));
    Tier::ALL.into_iter().rev().map(option).collect()
}

/// The tiers' totals, and by how much they differ from others
fn totals_table(totals: [Total; 4], from: [Total; 4]) -> AnyView {
    let line = |(tier, (total, from)): (Tier, (Total, Total))| {
        view! {
            <tr>
                <th scope="row"><TierBadge tier/></th>
                <td class="number">{format::count(total.count.into())}</td>
                <td class="number muted">{format::count_change(i64::from(total.count) - i64::from(from.count))}</td>
                <td class="number" title=format::cents(total.balance.cents())>{format::cents_short(total.balance.cents())}</td>
                <td class="number muted">{format::cents_change(total.balance.cents() - from.balance.cents())}</td>
            </tr>
        }
    };
    let lines = Tier::ALL.into_iter().zip(totals.into_iter().zip(from)).rev().map(line);
    view! {
        <div class="scrolled"><table class="table totals">
            <thead><tr><th scope="col">"Tier"</th><th scope="col" class="number">"Judgments"</th><th scope="col" class="number">"Change"</th><th scope="col" class="number">"Balance"</th><th scope="col" class="number">"Change"</th></tr></thead>
            <tbody>{lines.collect_view()}</tbody>
        </table></div>
    }
    .into_any()
}

/// The units in which [`stacked`] draws, whatever the size on the screen.
const STACKED_BOX: &str = "0 0 1000 320";

/// Shares of the tiers, drawn from left to right: one area a tier, the highest tier at the bottom
///
/// Each sample has what tier 0 to 3 hold, and is as wide as any other.
fn stacked(samples: Vec<[f64; 4]>) -> String {
    const HEIGHT: f64 = 320.0;
    let width = 1000.0 / samples.len().max(1) as f64;
    // Below the first tier that is drawn, and above each.
    let edges: Vec<[f64; 5]> = samples
        .iter()
        .map(|tiers| {
            let whole: f64 = tiers.iter().sum();
            let mut sum = 0.0;
            let mut edges = [HEIGHT; 5];
            for (edge, tier) in edges.iter_mut().skip(1).zip(tiers.iter().rev()) {
                sum += tier;
                *edge = HEIGHT * (1.0 - sum / whole.max(1.0));
            }
            edges
        })
        .collect();
    let mut svg = String::new();
    for (place, tier) in Tier::ALL.into_iter().rev().enumerate() {
        let mut path = String::new();
        let mut draw = |edge: usize, columns: &mut dyn Iterator<Item = (usize, &[f64; 5])>, shift: usize| {
            let mut last = f64::NAN;
            for (column, edges) in columns {
                let y = edges.get(edge).copied().unwrap_or(HEIGHT);
                if y != last {
                    let x = (column + shift) as f64 * width;
                    let command = if path.is_empty() { 'M' } else { 'L' };
                    let from = if last.is_nan() { y } else { last };
                    let _ = write!(path, "{command}{x:.1} {from:.1}V{y:.1}");
                }
                last = y;
            }
            let _ = write!(path, "H{}", if shift == 0 { 1000 } else { 0 });
        };
        draw(place + 1, &mut edges.iter().enumerate(), 0);
        draw(place, &mut edges.iter().enumerate().rev(), 1);
        let _ = write!(svg, r#"<path class="area" data-tier="{}" d="{path}z"/>"#, tier_key(Some(tier)));
    }
    svg
}

/// Links to judgments by their numbers; a number stands for a name that is not known yet
#[derive(Clone, Copy)]
struct Links(Remote<Vec<contract::JudgmentRow>>);

impl Links {
    fn to(judgment_nos: Vec<u64>) -> Self {
        Self(Remote::new(move || {
            let judgment_nos = judgment_nos.clone();
            async move {
                if judgment_nos.is_empty() {
                    Ok(Vec::new())
                } else {
                    api::judgments_by_no(judgment_nos).await
                }
            }
        }))
    }

    fn find(self, judgment_no: u64) -> Option<(String, String)> {
        self.0.value.with(|rows| {
            let row = rows.iter().flatten().find(|row| row.judgment_no == judgment_no)?;
            Some((row.id.clone(), row.case_number.clone()))
        })
    }

    /// Opens the judgment beside the page.
    fn drawer(self, judgment_no: u64, workbench: Workbench) -> impl IntoView {
        let name = move || match self.find(judgment_no) {
            Some((_, case_number)) => case_number,
            None => format!("no. {}", format::count(judgment_no)),
        };
        view! { <button type="button" class="link case" aria-haspopup="dialog" on:click=move |_| workbench.look_at(judgment_no)>{name}</button> }
    }

    fn link(self, judgment_no: u64) -> impl IntoView {
        move || match self.find(judgment_no) {
            Some((id, case_number)) => {
                view! { <a class="case" href=format!("/judgments/{id}")>{case_number}</a> }.into_any()
            }
            None => format!("no. {}", format::count(judgment_no)).into_any(),
        }
    }
}
