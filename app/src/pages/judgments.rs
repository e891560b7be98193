//! `/judgments`: every judgment, searched, filtered and sorted by the URL's query.

use crate::api::{self, ApiError};
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::LoadFailed;
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::TierBadge;
use crate::components::virtual_grid::{Column, VirtualGrid};
use crate::format;
use crate::state::live::{follow, use_live};
use crate::state::remote::Remote;
use crate::state::{clock, screen, url};
use contract::{JudgmentPage as Page, JudgmentRow};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use std::sync::Arc;
use std::time::Duration;

const PAGE_ROWS: u32 = 200;
const SORT_DEFAULT: &str = "-balance";
/// Every parameter of the list, in the order in which the URL shows them.
const PARAMETERS: [&str; 11] = [
    "search",
    "tier",
    "status",
    "county",
    "asset",
    "coverage",
    "balance_min",
    "balance_max",
    "score_min",
    "score_max",
    "sort",
];

const COLUMNS: [Column; 9] = [
    Column::text("Tier", Some("tier")),
    Column::text("Case number", Some("case_number")),
    Column::text("Plaintiff v. defendant", Some("plaintiff")),
    Column::text("County", Some("county")),
    Column::number("Balance due", Some("balance")),
    Column::number("Score", Some("score")),
    Column::text("Assets", None),
    Column::text("Status", Some("status")),
    Column::text("Judgment date", Some("judgment_date")),
];

#[component]
pub fn JudgmentsPage() -> impl IntoView {
    let query_map = use_location().query;
    // The query without what is not ours: the key of the list that is shown.
    let query = Memo::new(move |_| {
        query_map.with(|map| {
            let values = PARAMETERS.map(|name| (name, map.get(name).unwrap_or_default()));
            url::query_string(values.iter().map(|(name, value)| (*name, value.as_str())))
        })
    });
    let list = JudgmentList::new(query);
    let csv = move || format!("/api/judgments.csv?{}", query.get());
    view! {
        <div class="page full judgments-page">
            <PageHeader title="Judgments" lead="Every judgment with its tier. Filters, search and order are in the address: share it.">
                <a class="button" href=csv download="judgments.csv" data-test="export-csv"><IconView icon=Icon::Download/>"Export CSV"</a>
            </PageHeader>
            <Filters list/>
            <Rows list/>
        </div>
    }
}

/// The rows that have arrived, of one query; pages are fetched as they come into sight
#[derive(Clone, Copy)]
struct JudgmentList {
    query: Memo<String>,
    shown: RwSignal<Shown>,
    error: RwSignal<Option<ApiError>>,
    in_sight: RwSignal<(u32, u32)>,
    /// Counts the lists: the grid goes back to the top with each.
    generation: RwSignal<u32>,
    asked: StoredValue<Vec<u32>>,
}

#[derive(Clone, Default)]
struct Shown {
    /// `None` until the first page has arrived.
    query: Option<String>,
    total: u64,
    balance: String,
    /// By number; those that have not been in sight are not there.
    pages: Vec<Option<Arc<[JudgmentRow]>>>,
}

impl Shown {
    fn page(&self, page: u32) -> Option<&[JudgmentRow]> {
        self.pages.get(page as usize)?.as_deref()
    }

    fn set_page(&mut self, page: u32, rows: Arc<[JudgmentRow]>) {
        if self.pages.len() <= page as usize {
            self.pages.resize(page as usize + 1, None);
        }
        if let Some(slot) = self.pages.get_mut(page as usize) {
            *slot = Some(rows);
        }
    }
}

impl JudgmentList {
    fn new(query: Memo<String>) -> Self {
        let list = Self {
            query,
            shown: RwSignal::new(Shown::default()),
            error: RwSignal::new(None),
            in_sight: RwSignal::new((0, 0)),
            generation: RwSignal::new(0),
            asked: StoredValue::new(Vec::new()),
        };
        Effect::new(move |_| {
            query.track();
            list.load_first();
        });
        // Something has changed on the server: what is in sight is fetched anew, the rest when it is next in sight.
        follow([use_live().judgments], move || list.reload_in_sight());
        // A flick through the list asks for where it stops, not for all that it passes.
        let mut load_in_sight = debounce(Duration::from_millis(40), move |()| list.load_in_sight());
        Effect::new(move |_| {
            list.in_sight.track();
            load_in_sight(());
        });
        list
    }

    fn is_stale(self) -> bool {
        self.query.with(|query| self.shown.with(|shown| shown.query.as_ref() != Some(query)))
    }

    fn load_first(self) {
        self.asked.set_value(Vec::new());
        self.fetch(0, true);
    }

    fn pages_in_sight(self) -> std::ops::RangeInclusive<u32> {
        let (from, below) = self.in_sight.get_untracked();
        from / PAGE_ROWS..=below.saturating_sub(1).max(from) / PAGE_ROWS
    }

    fn load_in_sight(self) {
        if untrack(|| self.is_stale()) {
            return;
        }
        for page in self.pages_in_sight() {
            if self.shown.with_untracked(|shown| shown.page(page).is_none()) {
                self.fetch(page, false);
            }
        }
    }

    fn reload_in_sight(self) {
        let kept = self.pages_in_sight();
        self.asked.set_value(Vec::new());
        self.shown.update(|shown| {
            let others = (0..).zip(&mut shown.pages).filter(|(page, _)| !kept.contains(page));
            others.for_each(|(_, rows)| *rows = None);
        });
        for page in kept {
            self.fetch(page, false);
        }
    }

    fn fetch(self, page: u32, begins_list: bool) {
        if self.asked.with_value(|asked| asked.contains(&page)) {
            return;
        }
        self.asked.update_value(|asked| {
            asked.push(page);
        });
        let query = self.query.get_untracked();
        spawn_local(async move {
            let offset = page * PAGE_ROWS;
            let separator = if query.is_empty() { "" } else { "&" };
            let answer =
                api::judgments(&format!("{query}{separator}offset={offset}&limit={PAGE_ROWS}")).await;
            // An answer to a question that is no longer asked.
            if self.query.try_with_untracked(|now| *now == query) != Some(true) {
                return;
            }
            self.asked.update_value(|asked| {
                asked.retain(|asked| *asked != page);
            });
            match answer {
                Ok(Page { total, total_balance, rows }) => {
                    self.error.set(None);
                    self.shown.update(|shown| {
                        if begins_list {
                            shown.pages.clear();
                        }
                        shown.query = Some(query);
                        shown.total = total;
                        shown.balance = total_balance;
                        shown.set_page(page, rows.into());
                    });
                    if begins_list {
                        self.generation.update(|generation| *generation += 1);
                    }
                }
                Err(error) => self.error.set(Some(error)),
            }
        });
    }

    /// Tracks the list; `None` while the row is on its way.
    fn row(self, row: u32) -> Option<JudgmentRow> {
        self.shown.with(|shown| shown.page(row / PAGE_ROWS)?.get((row % PAGE_ROWS) as usize).cloned())
    }
}

#[component]
fn Summary(list: JudgmentList) -> impl IntoView {
    view! {
        <p class="summary" role="status" data-test="judgments-summary" data-total=move || list.shown.with(|shown| shown.total.to_string())>
            {move || list.shown.with(|shown| shown.query.is_some().then(|| view! {
                <strong>{format::counted(shown.total, "judgment", "judgments")}</strong>" · "<strong>{format::money(&shown.balance)}</strong>" balance due"
            }))}
        </p>
    }
}

#[component]
fn Rows(list: JudgmentList) -> impl IntoView {
    let narrow = screen::is_narrow();
    let sort = url::parameter("sort");
    let sort = Signal::derive(move || {
        sort.with(|sort| if sort.is_empty() { SORT_DEFAULT.to_owned() } else { sort.clone() })
    });
    let set = url::use_set_parameters();
    let on_sort = move |key: String| set(&[("sort", if key == SORT_DEFAULT { "" } else { &key })]);
    let navigate = use_navigate();
    let on_open = move |row: u32| {
        if let Some(judgment) = untrack(|| list.row(row)) {
            navigate(&format!("/judgments/{}", judgment.id), NavigateOptions::default());
        }
    };
    let total = Memo::new(move |_| list.shown.with(|shown| u32::try_from(shown.total).unwrap_or(u32::MAX)));
    let is_empty = Memo::new(move |_| list.shown.with(|shown| shown.query.is_some() && shown.total == 0));
    let has_loaded = Memo::new(move |_| list.shown.with(|shown| shown.query.is_some()));
    let has_filters = move || {
        list.query.with(|query| query.split('&').any(|pair| !pair.is_empty() && !pair.starts_with("sort=")))
    };
    let on_sort = Callback::new(on_sort);
    let on_open = Callback::new(on_open);
    view! {
        {move || list.error.get().map(|error| view! { <LoadFailed error on_retry=move |()| { list.error.set(None); list.load_first(); }/> })}
        {move || if is_empty.get() {
            if has_filters() {
                view! { <div class="panel"><Empty title="No judgment matches" text="No judgment fits the search and every filter at once."><a class="button" href="/judgments" data-test="clear-empty">"Clear search and filters"</a></Empty></div> }.into_any()
            } else {
                view! { <div class="panel"><Empty title="No judgments yet" text="Judgments appear here once a vendor’s export is imported: dragonfly import FILE --commit."/></div> }.into_any()
            }
        } else {
            view! {
                <div class="rows" aria-busy=move || list.is_stale().to_string() data-loaded=move || has_loaded.get().to_string()>
                    <VirtualGrid
                        label="Judgments"
                        class="judgments-table"
                        columns=&COLUMNS
                        row_count=Signal::derive(move || if has_loaded.get() { total.get() } else { 30 })
                        row_height=Signal::derive(move || if narrow.get() { 56 } else { 32 })
                        sort
                        on_sort
                        render_row=move |row| view! { <Row judgment=list.row(row)/> }.into_any()
                        on_open
                        on_window=move |sight| list.in_sight.set(sight)
                        top_on=list.generation
                        row_test="judgment-row"
                    />
                </div>
            }
            .into_any()
        }}
    }
}

#[component]
fn Row(judgment: Option<JudgmentRow>) -> impl IntoView {
    let Some(judgment) = judgment else {
        return view! { <div role="gridcell" class="skeleton-cell" aria-label="Loading"></div> }.into_any();
    };
    let parties = match &judgment.defendant_name {
        Some(defendant) => format!("{} v. {defendant}", judgment.plaintiff_name),
        None => judgment.plaintiff_name.clone(),
    };
    let reason = match (&judgment.tier_reason, &judgment.tier_as_of) {
        (Some(reason), Some(at)) => format!("{reason} (since {})", clock::full_time(at)),
        (Some(reason), None) => reason.clone(),
        _ => "Not tiered yet".to_owned(),
    };
    view! {
        <div role="gridcell" class="tier" title=reason><TierBadge tier=judgment.tier short=true/></div>
        <div role="gridcell" class="case"><a href=format!("/judgments/{}", judgment.id) tabindex="-1">{judgment.case_number}</a></div>
        <div role="gridcell" class="parties" title=parties.clone()>{parties.clone()}</div>
        <div role="gridcell" class="county">{judgment.county}</div>
        <div role="gridcell" class="number balance">{format::money_or_dash(judgment.balance_due.as_deref())}</div>
        <div role="gridcell" class="number score">{format::score(judgment.collectability_score.as_deref(), 2)}</div>
        <div role="gridcell" class="assets"><SignalMarks signals=judgment.asset_signals/></div>
        <div role="gridcell" class="status">{format::words(&judgment.status)}</div>
        <div role="gridcell" class="date">{judgment.judgment_date.as_deref().map(clock::day)}</div>
    }
    .into_any()
}

/// One mark an asset signal, always in the same place, so that a column of them reads down.
#[component]
pub fn SignalMarks(signals: Vec<String>) -> impl IntoView {
    const MARKS: [(&str, Icon); 4] = [
        ("employer_name", Icon::Employer),
        ("bank_name", Icon::Bank),
        ("real_property_lead", Icon::House),
        ("vehicle_lead", Icon::Car),
    ];
    let names: Vec<&str> = signals.iter().map(|name| format::signal(name)).collect();
    let label = if names.is_empty() { "No assets known".to_owned() } else { names.join(", ") };
    view! {
        <span class="signal-marks" role="img" aria-label=label.clone() title=label.clone()>
            {MARKS.map(|(name, icon)| view! { <span class=if signals.iter().any(|signal| signal == name) { "present" } else { "absent" }><IconView icon/></span> }).collect_view()}
        </span>
    }
}

// ---- filters ----

const TIERS: [(&str, &str); 5] = [("3", "3"), ("2", "2"), ("1", "1"), ("0", "0"), ("none", "–")];
const ASSETS: [(&str, &str); 7] = [
    ("", "Any or none"),
    ("any", "Any asset"),
    ("none", "No asset"),
    ("employer_name", "Employer"),
    ("bank_name", "Bank"),
    ("real_property_lead", "Real property"),
    ("vehicle_lead", "Vehicle"),
];
const COVERAGE: [(&str, &str); 4] =
    [("", "All"), ("today", "Tiered today"), ("stale", "Stale"), ("never", "Never tiered")];

#[component]
fn Filters(list: JudgmentList) -> impl IntoView {
    let query = use_location().query;
    let facets = Remote::new(api::judgment_facets);
    let is_open = RwSignal::new(false);
    let counties = Memo::new(move |_| facets.value.get().map(|facets| facets.counties).unwrap_or_default());
    let statuses = Memo::new(move |_| facets.value.get().map(|facets| facets.statuses).unwrap_or_default());
    let chosen = move || {
        query.with(|query| {
            PARAMETERS
                .iter()
                .filter(|name| {
                    !matches!(**name, "sort" | "search")
                        && query.get(name).is_some_and(|value| !value.is_empty())
                })
                .count()
        })
    };
    let status_options = Signal::derive(move || {
        let mut options = vec![(String::new(), "All".to_owned()), ("active".to_owned(), "Active".to_owned())];
        options.extend(statuses.get().into_iter().map(|status| (status.clone(), format::words(&status))));
        options
    });
    let county_options = Signal::derive(move || {
        std::iter::once((String::new(), "All".to_owned()))
            .chain(counties.get().into_iter().map(|county| (county.clone(), county)))
            .collect::<Vec<_>>()
    });
    let fixed = |options: &[(&str, &str)]| {
        Signal::stored(
            options.iter().map(|(value, name)| ((*value).to_owned(), (*name).to_owned())).collect::<Vec<_>>(),
        )
    };
    view! {
        <search class="filters" aria-label="Search and filter judgments">
            <div class="first-line">
                <SearchField label="Search judgments"/>
                <button class="button filters-toggle" aria-expanded=move || is_open.get().to_string() on:click=move |_| is_open.update(|open| *open = !*open)>
                    <IconView icon=Icon::Filter/>{move || match chosen() { 0 => "Filters".to_owned(), n => format!("Filters ({n})") }}
                </button>
                <Summary list/>
            </div>
            <div class="filter-fields" class:open=move || is_open.get()>
                <TierFilter/>
                <SelectFilter name="status" label="Status" options=status_options/>
                <SelectFilter name="county" label="County" options=county_options/>
                <SelectFilter name="asset" label="Assets" options=fixed(&ASSETS)/>
                <SelectFilter name="coverage" label="Coverage" options=fixed(&COVERAGE)/>
                <RangeFilter label="Balance" low="balance_min" high="balance_max"/>
                <RangeFilter label="Score" low="score_min" high="score_max"/>
                {move || (chosen() > 0).then(|| view! { <a class="button quiet clear" href="/judgments" data-test="clear-filters"><IconView icon=Icon::Close/>"Clear"</a> })}
            </div>
        </search>
    }
}

#[component]
pub fn SearchField(label: &'static str) -> impl IntoView {
    let current = url::parameter("search");
    let set = StoredValue::new(url::use_set_parameters());
    let typed = RwSignal::new(current.get_untracked());
    Effect::new(move |_| {
        let current = current.get();
        // What is still being typed is not pulled from under the cursor.
        if typed.with_untracked(|typed| typed.trim() != current) {
            typed.set(current);
        }
    });
    let mut search = debounce(Duration::from_millis(150), move |()| {
        set.with_value(|set| typed.with_untracked(|typed| set(&[("search", typed.trim())])));
    });
    let mut on_input = move |value: String| {
        typed.set(value);
        search(());
    };
    view! {
        <div class="search-field">
            <IconView icon=Icon::Search/>
            <input
                class="input"
                type="search"
                aria-label=label
                placeholder="Case number, plaintiff or defendant"
                autocomplete="off"
                spellcheck="false"
                data-test="search"
                prop:value=move || typed.get()
                on:input:target=move |event| on_input(event.target().value())
            />
        </div>
    }
}

#[component]
pub fn TierFilter() -> impl IntoView {
    let current = url::parameter("tier");
    let set = StoredValue::new(url::use_set_parameters());
    let is_on = move |key: &str| current.with(|tiers| tiers.split(',').any(|tier| tier == key));
    let toggle = move |key: &'static str| {
        let wanted: Vec<&str> = TIERS
            .iter()
            .map(|(tier, _)| *tier)
            .filter(|tier| untrack(|| is_on(tier)) != (*tier == key))
            .collect();
        set.with_value(|set| set(&[("tier", &wanted.join(","))]));
    };
    view! {
        <div class="field tier-filter" role="group" aria-label="Tier">
            <span class="label" aria-hidden="true">"Tier"</span>
            <div class="chips">
                {TIERS.map(|(key, mark)| view! {
                    <button
                        type="button"
                        data-tier=key
                        data-test=format!("filter-tier-{key}")
                        aria-pressed=move || is_on(key).to_string()
                        aria-label=if key == "none" { "No tier".to_owned() } else { format!("Tier {key}") }
                        on:click=move |_| toggle(key)
                    >{mark}</button>
                }).collect_view()}
            </div>
        </div>
    }
}

#[component]
pub fn SelectFilter(
    name: &'static str,
    label: &'static str,
    options: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    let current = url::parameter(name);
    let set = url::use_set_parameters();
    let id = format!("filter-{name}");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id.clone() class="input" data-test=id.clone() prop:value=move || { options.track(); current.get() } on:change:target=move |event| set(&[(name, &event.target().value())])>
                {move || options.get().into_iter().map(|(value, name)| view! { <option value=value.clone() selected=current.with_untracked(|current| *current == value)>{name}</option> }).collect_view()}
            </select>
        </div>
    }
}

#[component]
fn RangeFilter(label: &'static str, low: &'static str, high: &'static str) -> impl IntoView {
    view! {
        <div class="field range-filter" role="group" aria-label=label>
            <span class="label" aria-hidden="true">{label}</span>
            <div class="ends">
                <NumberFilter name=low label=format!("{label} at least") placeholder="min"/>
                <span class="muted" aria-hidden="true">"–"</span>
                <NumberFilter name=high label=format!("{label} at most") placeholder="max"/>
            </div>
        </div>
    }
}

#[component]
fn NumberFilter(name: &'static str, label: String, placeholder: &'static str) -> impl IntoView {
    let current = url::parameter(name);
    let set = url::use_set_parameters();
    let is_wrong = RwSignal::new(false);
    let change = move |text: String| {
        let bare = text.replace([',', '$', ' '], "");
        is_wrong.set(!bare.is_empty() && format::parse_cents(&bare).is_none_or(|cents| cents < 0));
        if !is_wrong.get_untracked() {
            set(&[(name, &bare)]);
        }
    };
    view! {
        <input
            class="input"
            inputmode="decimal"
            aria-label=label
            placeholder=placeholder
            data-test=format!("filter-{name}")
            aria-invalid=move || is_wrong.get().to_string()
            prop:value=move || current.get()
            on:change:target=move |event| change(event.target().value())
        />
    }
}
