//! The judgments behind every number of the preview: balance, score, both tiers with rules and reasons, and which
//! edit moves them.

use super::empty::Empty;
use super::icon::{Icon, IconView};
use super::tier_badge::TierBadge;
use super::virtual_grid::{Column, VirtualGrid};
use crate::api::{self, ApiError};
use crate::format;
use crate::state::simulation::{RulePair, SwapFilter, SwapRow, moved_by};
use crate::state::toasts::use_toasts;
use crate::state::workbench::{SwapView, Workbench};
use crate::state::{clock, download, screen};
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::tier::{AssetSignal, AssetSignals};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many names the server gives at once.
const NAMES_MAX: usize = 500;

/// Pairs of rules that have a button of their own.
const PAIRS_MAX: usize = 8;

const ID: &str = "swap-set";

const COLUMNS: [Column; 9] = [
    Column::text("Judgment", Some("judgment")),
    Column::number("Balance", Some("balance")),
    Column::number("Score", Some("score")),
    Column::number("Assets", None),
    Column::text("Before", None),
    Column::text("After", None),
    Column::text("Effective", None),
    Column::text("Rules", None),
    Column::text("Moved by", None),
];

/// Shows the judgments that a filter keeps; the same once more shows all that move again.
pub fn show(swap: SwapView, filter: SwapFilter) {
    if swap.filter.with_untracked(|now| *now == filter) {
        swap.filter.set(SwapFilter::All);
        return;
    }
    swap.filter.set(filter);
    if let Some(list) = document().get_element_by_id(ID) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        list.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// A number that opens the judgments behind it; nothing is no button
#[component]
pub fn Figure(
    swap: SwapView,
    filter: SwapFilter,
    /// What it counts, for those who hear it alone.
    #[prop(into)]
    words: String,
    #[prop(into)] is_none: Signal<bool>,
    children: ChildrenFn,
) -> impl IntoView {
    let filter = StoredValue::new(filter);
    let is_chosen = Memo::new(move |_| swap.filter.with(|now| filter.with_value(|own| own == now)));
    let children = StoredValue::new(children);
    let words = StoredValue::new(words);
    move || {
        match is_none.get() {
        true => children.with_value(|children| children()),
        false => view! {
            <button type="button" class="figures" aria-pressed=move || is_chosen.get().to_string() on:click=move |_| show(swap, filter.get_value())>
                <span class="visually-hidden">{words.get_value()}": "</span>
                {children.with_value(|children| children())}
            </button>
        }
        .into_any(),
    }
    }
}

/// What the snapshot does not say: a judgment's id and case number, by its number
#[derive(Clone, Copy)]
struct Names(RwSignal<BTreeMap<u64, (String, String)>>);

impl Names {
    /// Asks for the names that are missing; the order of the answer does not matter.
    async fn learn(self, mut judgment_nos: Vec<u64>) -> Result<(), ApiError> {
        self.0.with_untracked(|known| judgment_nos.retain(|judgment_no| !known.contains_key(judgment_no)));
        for batch in judgment_nos.chunks(NAMES_MAX) {
            let rows = api::judgments_by_no(batch.to_vec()).await?;
            self.0.update(|known| {
                known.extend(rows.into_iter().map(|row| (row.judgment_no, (row.id, row.case_number))))
            });
        }
        Ok(())
    }

    fn case_number(self, judgment_no: u64) -> Option<String> {
        self.0.with(|known| known.get(&judgment_no).map(|(_, case_number)| case_number.clone()))
    }
}

#[component]
pub fn SwapSet(workbench: Workbench) -> impl IntoView {
    let names = Names(RwSignal::new(BTreeMap::new()));
    let moved =
        Memo::new(move |_| workbench.settled.with(|simulation| u64::from(simulation.flow.moved().count)));
    let listed =
        Memo::new(move |_| workbench.swap_rows.with(|rows| u32::try_from(rows.len()).unwrap_or(u32::MAX)));
    let is_empty = Memo::new(move |_| listed.get() == 0);
    view! {
        <section id=ID class="panel swap-set" aria-labelledby="swap-set-title" data-test="swap-set" data-moved=move || moved.get().to_string() data-listed=move || listed.get().to_string()>
            <header>
                <h2 id="swap-set-title">"Swap set"</h2>
                <span class="muted">{move || format::counted(listed.get().into(), "judgment", "judgments")}</span>
                <span class="spacer"></span>
                <Filter workbench/>
                <ExportButton workbench names/>
            </header>
            <RulePairs workbench/>
            {move || if !is_empty.get() {
                view! { <List workbench names listed/> }.into_any()
            } else if moved.get() == 0 && workbench.swap.filter.with(|filter| !filter.has_stays()) {
                view! { <Empty title="No judgment moves" text="Move a limit: the judgments that would change tier appear here, with the reason before and after."/> }.into_any()
            } else {
                let text = match workbench.swap.filter.with(|filter| *filter == SwapFilter::Overridden) {
                    true => "No judgment that moves has an override: every move changes the effective tier.",
                    false => "Others move, but none in this way.",
                };
                view! {
                    <Empty title="No judgment here" text>
                        <button class="button" on:click=move |_| workbench.swap.filter.set(SwapFilter::All)>"Show all moves"</button>
                    </Empty>
                }
                .into_any()
            }}
        </section>
    }
}

#[component]
fn Filter(workbench: Workbench) -> impl IntoView {
    let filter = workbench.swap.filter;
    let is = move |choice: &SwapFilter| filter.with(|filter| filter == choice).to_string();
    let choices = [
        ("All", SwapFilter::All),
        ("Up ↑", SwapFilter::Up),
        ("Down ↓", SwapFilter::Down),
        ("Overridden", SwapFilter::Overridden),
    ];
    view! {
        <div class="segments" role="group" aria-label="Filter the swap set">
            {choices.map(|(name, choice)| view! {
                {
                    let own = choice.clone();
                    view! { <button type="button" data-test=format!("swap-filter-{}", name.split(' ').next().unwrap_or_default().to_lowercase()) aria-pressed=move || is(&own) on:click=move |_| filter.set(choice.clone())>{name}</button> }
                }
            }).collect_view()}
            {move || filter.with(|filter| filter.words().map(|words| (words, matches!(filter, SwapFilter::Area(_))))).map(|(words, is_area)| view! {
                <button type="button" aria-pressed="true" data-test=if is_area { "swap-filter-area" } else { "swap-filter-cell" } title="Show all moves" on:click=move |_| workbench.swap.filter.set(SwapFilter::All)>
                    {words}" ✕"
                </button>
            })}
        </div>
    }
}

/// A filter for each pair of rules that moves judgments, those with the most first
#[component]
fn RulePairs(workbench: Workbench) -> impl IntoView {
    let pairs = Memo::new(move |_| workbench.settled.with(|simulation| simulation.rule_pairs()));
    let left_out = Memo::new(move |_| pairs.with(Vec::len).saturating_sub(PAIRS_MAX));
    let swap = workbench.swap;
    let chip = move |(pair, count): (RulePair, u32)| {
        let words = pair.to_string();
        let filter = SwapFilter::Rules(pair);
        let own = filter.clone();
        view! {
            <button type="button" class="chip" data-test="rule-pair" aria-pressed=move || swap.filter.with(|filter| *filter == own).to_string() on:click=move |_| show(swap, filter.clone())>
                {words}<span class="count">{format::count(count.into())}</span>
            </button>
        }
    };
    move || {
        (!pairs.with(Vec::is_empty)).then(|| view! {
            <div class="rule-pairs" role="group" aria-label="Filter by the rules before and after">
                <span class="muted">"Rules before → after"</span>
                {pairs.get().into_iter().take(PAIRS_MAX).map(chip).collect_view()}
                {(left_out.get() > 0).then(|| view! { <span class="muted">{format!("and {} more", left_out.get())}</span> })}
            </div>
        })
    }
}

#[component]
fn List(workbench: Workbench, names: Names, listed: Memo<u32>) -> impl IntoView {
    let narrow = screen::is_narrow();
    let toasts = use_toasts();
    let swap_rows = workbench.swap_rows;
    let in_sight = RwSignal::new((0_u32, 0_u32));
    // Names are asked for where the list comes to rest, not for every step of a drag.
    let mut learn_names = debounce(Duration::from_millis(80), move |()| {
        let (from, below) = in_sight.get_untracked();
        let wanted = judgment_nos(workbench, from, below);
        spawn_local(async move {
            if let Err(error) = names.learn(wanted).await {
                toasts.fail(&error);
            }
        });
    });
    Effect::new(move |_| {
        in_sight.track();
        swap_rows.track();
        learn_names(());
    });
    let top_on = Memo::new(move |previous: Option<&(u32, SwapFilter, String)>| {
        let (filter, sort) = (workbench.swap.filter.get(), workbench.swap.sort.get());
        match previous {
            Some((turn, old_filter, old_sort)) if *old_filter == filter && *old_sort == sort => {
                (*turn, filter, sort)
            }
            previous => (previous.map_or(0, |(turn, ..)| turn + 1), filter, sort),
        }
    });
    let on_open = move |position: u32| {
        if let Some(judgment_no) = judgment_nos(workbench, position, position + 1).first() {
            workbench.look_at(*judgment_no);
        }
    };
    let row = move |position: u32| {
        let row = swap_rows.with(|rows| rows.get(position as usize).copied());
        let row = row.and_then(|row| workbench.settled.with(|simulation| simulation.row(row)));
        match row {
            Some(row) => view! { <Row row workbench names/> }.into_any(),
            None => ().into_any(),
        }
    };
    let row_height = Signal::derive(move || if narrow.get() { 56 } else { 32 });
    view! {
        <div class="swap-list" style:height=move || format!("{}px", (listed.get() * row_height.get() + 34).min(row_height.get() * 15))>
            <VirtualGrid
                label="Judgments and their tiers before and after"
                class="swap-table"
                columns=&COLUMNS
                row_count=listed
                row_height
                sort=workbench.swap.sort
                on_sort=move |key| workbench.swap.sort.set(key)
                render_row=row
                on_open=Callback::new(on_open)
                on_window=move |sight| in_sight.set(sight)
                top_on=Signal::derive(move || top_on.get().0)
                row_test="swap-row"
            />
        </div>
    }
}

/// The numbers of the judgments at these places of the list
fn judgment_nos(workbench: Workbench, from: u32, below: u32) -> Vec<u64> {
    let (rows, simulation) = (workbench.swap_rows.get_untracked(), workbench.settled.get_untracked());
    let rows = rows.iter().skip(from as usize).take(below.saturating_sub(from) as usize);
    rows.filter_map(|row| simulation.portfolio().judgment_no(*row)).collect()
}

fn counted_assets(workbench: Workbench, signals: AssetSignals) -> u8 {
    workbench.settled.with_untracked(|simulation| signals.count_of(simulation.after.assets()))
}

fn asset_names(signals: AssetSignals) -> String {
    let names: Vec<&str> = signals.iter().map(|signal: AssetSignal| format::signal(signal.name())).collect();
    if names.is_empty() { "No assets known".to_owned() } else { names.join(", ") }
}

#[component]
fn Row(row: SwapRow, workbench: Workbench, names: Names) -> impl IntoView {
    let judgment_no = row.judgment_no;
    let moved_by = match row.before.0 == row.after.0 {
        true => "stays".to_owned(),
        false => workbench.edits.with(|edits| moved_by(edits, &row.facts, row.before.0, row.after.0)),
    };
    let direction = match row.after.0.cmp(&row.before.0) {
        std::cmp::Ordering::Greater => "up",
        std::cmp::Ordering::Less => "down",
        std::cmp::Ordering::Equal => "same",
    };
    let rules = row.rules.to_string();
    let effective = row.effective();
    let until = row.overriding.as_ref().map(|overriding| match &overriding.until {
        Some(until) => format!("until {}", clock::date(until)),
        None => "overridden".to_owned(),
    });
    let is_overridden = until.is_some().to_string();
    let effective_title = match &until {
        Some(until) => format!("Overridden {until}: neither policy changes it"),
        None => "As computed".to_owned(),
    };
    // The row's own click opens the judgment.
    let filter = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        show(workbench.swap, SwapFilter::Rules(row.rules.clone()));
    };
    let cell = match direction {
        "same" => view! { <span>{rules.clone()}</span> }.into_any(),
        _ => view! { <button type="button" class="link" tabindex="-1" on:click=filter>{rules.clone()}</button> }.into_any(),
    };
    view! {
        <div role="gridcell" class="case" data-no=judgment_no.to_string()>
            {move || names.case_number(judgment_no).unwrap_or_else(|| format!("no. {judgment_no}"))}
        </div>
        <div role="gridcell" class="number balance">{row.facts.balance.map_or_else(|| "–".to_owned(), |balance| format::cents(balance.cents()))}</div>
        <div role="gridcell" class="number score">{row.facts.score.map_or_else(|| "–".to_owned(), |score| format::score(Some(&score.to_decimal().to_string()), 2))}</div>
        <div role="gridcell" class="number assets" title=asset_names(row.facts.signals)>{counted_assets(workbench, row.facts.signals)}</div>
        <div role="gridcell" class="before" title=row.before.1.clone()><TierBadge tier=row.before.0 short=true/><span class="reason">{row.before.1.clone()}</span></div>
        <div role="gridcell" class="after" data-change=direction title=row.after.1.clone()><TierBadge tier=row.after.0 short=true/><span class="reason">{row.after.1.clone()}</span></div>
        <div role="gridcell" class="effective" data-override=is_overridden data-test="effective" title=effective_title><TierBadge tier=effective short=true/><span class="until">{until}</span></div>
        <div role="gridcell" class="rules" title=rules data-test="rules">{cell}</div>
        <div role="gridcell" class="moved-by" title=moved_by.clone()>{moved_by.clone()}</div>
    }
}

#[component]
fn ExportButton(workbench: Workbench, names: Names) -> impl IntoView {
    let toasts = use_toasts();
    let is_busy = RwSignal::new(false);
    let export = move |_| {
        is_busy.set(true);
        let (rows, simulation) = (workbench.swap_rows.get_untracked(), workbench.settled.get_untracked());
        let wanted = judgment_nos(workbench, 0, u32::MAX);
        let edits = workbench.edits.get_untracked();
        spawn_local(async move {
            match names.learn(wanted).await {
                Ok(()) => {
                    let mut csv = String::from(
                        "judgment_no,case_number,balance_due,collectability_score,asset_signals,tier_before,reason_before,tier_after,reason_after,tier_effective,override_until,rule_before,rule_after,moved_by\r\n",
                    );
                    for row in rows.iter().filter_map(|row| simulation.row(*row)) {
                        let cells = [
                            row.judgment_no.to_string(),
                            untrack(|| names.case_number(row.judgment_no)).unwrap_or_default(),
                            row.facts
                                .balance
                                .map(|balance| balance.to_decimal().to_string())
                                .unwrap_or_default(),
                            row.facts.score.map(|score| score.to_decimal().to_string()).unwrap_or_default(),
                            row.facts.signals.iter().map(AssetSignal::name).collect::<Vec<_>>().join(" "),
                            row.before.0.number().to_string(),
                            row.before.1.clone(),
                            row.after.0.number().to_string(),
                            row.after.1.clone(),
                            row.effective().number().to_string(),
                            row.overriding.as_ref().and_then(|it| it.until.clone()).unwrap_or_default(),
                            row.rules.before.unwrap_or_default(),
                            row.rules.after.unwrap_or_default(),
                            match row.before.0 == row.after.0 {
                                true => String::new(),
                                false => moved_by(&edits, &row.facts, row.before.0, row.after.0),
                            },
                        ];
                        csv.push_str(&cells.map(|cell| format::csv_cell(&cell)).join(","));
                        csv.push_str("\r\n");
                    }
                    if download::csv(&format!("swap-set-{}.csv", clock::today()), &csv).is_none() {
                        toasts.say("This browser refused the download.");
                    }
                }
                Err(error) => toasts.fail(&error),
            }
            is_busy.set(false);
        });
    };
    view! {
        <button
            class="button small"
            data-test="export-swap-set"
            disabled=move || is_busy.get() || workbench.swap_rows.with(|rows| rows.is_empty())
            on:click=export
        >
            <IconView icon=Icon::Download/>{move || if is_busy.get() { "Exporting…" } else { "Export CSV" }}
        </button>
    }
}
