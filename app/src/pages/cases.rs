//! `/cases`: the cases that operators work, filtered and sorted by the URL's query, and changed many at once.

use crate::api;
use crate::components::casework::bulk::{BulkButton, BulkDialog};
use crate::components::casework::recent::{RecentPanel, RecentToggle};
use crate::components::casework::row::{BlockedMark, Dwell, NextAction, OwnerName, parties};
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::LoadFailed;
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::TierBadge;
use crate::components::virtual_grid::{Column, VirtualGrid};
use crate::format;
use crate::pages::judgments::{SearchField, SelectFilter, TierFilter};
use crate::state::case_list::CaseList;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::{screen, url};
use contract::{CaseFacets, CaseQuery, CaseRow, Role};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

const SORT_DEFAULT: &str = "next_action";
/// Every parameter of the list, in the order in which the URL shows them.
const PARAMETERS: [&str; 10] =
    ["search", "tier", "stage", "owner", "past_due", "sla_breach", "blocked", "days_min", "state", "sort"];

const COLUMNS: [Column; 8] = [
    Column::text("Tier", None),
    Column::text("Case number", None),
    Column::text("Plaintiff v. defendant", None),
    Column::text("Stage", None),
    Column::number("In stage", Some("days")),
    Column::number("Balance", Some("balance")),
    Column::text("Next action", Some("next_action")),
    Column::text("Owner", None),
];

#[component]
pub fn CasesPage() -> impl IntoView {
    let session = use_session();
    let query_map = use_location().query;
    let value = move |name: &str| query_map.with(|map| map.get(name).unwrap_or_default());
    // The query without what is not the list's: the key of the list that is shown.
    let query = Memo::new(move |_| {
        let values = PARAMETERS.map(|name| (name, value(name)));
        url::query_string(values.iter().map(|(name, value)| (*name, value.as_str())))
    });
    let list = CaseList::new(query);
    let facets = Remote::new(api::case_facets);
    let csv = move || format!("/api/cases.csv?{}", query.get());
    let filter = Signal::derive(move || {
        let given = |name: &str| Some(value(name)).filter(|value| !value.is_empty());
        CaseQuery {
            search: given("search"),
            tier: given("tier"),
            stage: given("stage"),
            owner: given("owner"),
            state: given("state"),
            past_due: given("past_due"),
            sla_breach: given("sla_breach"),
            blocked: given("blocked"),
            days_min: given("days_min"),
            ..CaseQuery::default()
        }
    });
    let total = Memo::new(move |_| list.shown.with(|shown| shown.total));
    let me = Memo::new(move |_| {
        session
            .current()
            .with(|session| session.as_ref().map(|session| session.user_id.clone()).unwrap_or_default())
    });
    view! {
        <div class="page full cases-page">
            <PageHeader title="Cases" lead="Every case with its stage and what is due. Filters, search and order are in the address: share it.">
                <RecentToggle/>
                {move || session.may(Role::Operator).then(|| view! { <BulkButton total=Signal::derive(move || total.get())/> })}
                <a class="button" href=csv download="cases.csv" data-test="export-csv"><IconView icon=Icon::Download/>"Export CSV"</a>
            </PageHeader>
            <Filters list facets me/>
            <div class="beside">
                <Rows list/>
                <RecentPanel/>
            </div>
            {move || session.may(Role::Operator).then(|| view! { <BulkDialog filter total=Signal::derive(move || total.get()) facets=Signal::derive(move || facets.value.get()) me=me.get_untracked()/> })}
        </div>
    }
}

#[component]
fn Rows(list: CaseList) -> impl IntoView {
    let narrow = screen::is_narrow();
    let sort = url::parameter("sort");
    let sort = Signal::derive(move || {
        sort.with(|sort| if sort.is_empty() { SORT_DEFAULT.to_owned() } else { sort.clone() })
    });
    let set = url::use_set_parameters();
    let on_sort =
        Callback::new(move |key: String| set(&[("sort", if key == SORT_DEFAULT { "" } else { &key })]));
    let navigate = use_navigate();
    let on_open = Callback::new(move |row: u32| {
        if let Some(case) = untrack(|| list.row(row)) {
            navigate(&format!("/cases/{}", case.id), NavigateOptions::default());
        }
    });
    let has_loaded = Memo::new(move |_| list.shown.with(|shown| shown.query.is_some()));
    let is_empty =
        Memo::new(move |_| list.shown.with(|shown| shown.query.is_some() && shown.rows.is_empty()));
    let row_count = Memo::new(move |_| list.row_count());
    let has_filters = move || {
        list.query.with(|query| query.split('&').any(|pair| !pair.is_empty() && !pair.starts_with("sort=")))
    };
    let has_failed = Memo::new(move |_| list.error.with(Option::is_some));
    view! {
        <div class="list">
            {move || list.error.get().map(|error| view! { <LoadFailed error on_retry=move |()| list.retry()/> })}
            {move || if is_empty.get() {
                if has_filters() {
                    view! { <div class="panel"><Empty title="No case matches" text="No case fits the search and every filter at once."><a class="button" href="/cases" data-test="clear-empty">"Clear search and filters"</a></Empty></div> }.into_any()
                } else {
                    view! { <div class="panel"><Empty title="No open cases" text="A case is opened on a judgment: choose one that deserves it."><a class="button" href="/judgments?status=active">"Go to Judgments"</a></Empty></div> }.into_any()
                }
            } else if has_failed.get() && !has_loaded.get() {
                ().into_any()
            } else {
                view! {
                    <div class="rows" aria-busy=move || list.is_stale().to_string() data-loaded=move || has_loaded.get().to_string()>
                        <VirtualGrid
                            label="Cases"
                            class="cases-table"
                            columns=&COLUMNS
                            row_count=Signal::derive(move || if has_loaded.get() { row_count.get() } else { 30 })
                            row_height=Signal::derive(move || if narrow.get() { 56 } else { 32 })
                            sort
                            on_sort
                            render_row=move |row| view! { <Row case=list.row(row)/> }.into_any()
                            on_open
                            on_window=move |sight| list.in_sight.set(sight)
                            top_on=list.generation
                            row_test="case-row"
                        />
                    </div>
                }
                .into_any()
            }}
        </div>
    }
}

#[component]
fn Row(case: Option<CaseRow>) -> impl IntoView {
    let Some(case) = case else {
        return view! { <div role="gridcell" class="skeleton-cell" aria-label="Loading"></div> }.into_any();
    };
    let who = parties(&case);
    let tier_words = match case.tier_override {
        Some(_) => "Overridden".to_owned(),
        None => "As the policy computes it".to_owned(),
    };
    view! {
        <div role="gridcell" class="tier" title=tier_words><TierBadge tier=case.tier short=true/></div>
        <div role="gridcell" class="case"><a href=format!("/cases/{}", case.id) tabindex="-1">{case.case_number.clone()}</a><BlockedMark case=case.clone()/></div>
        <div role="gridcell" class="parties" title=who.clone()>{who.clone()}</div>
        <div role="gridcell" class="stage">{format::words(&case.current_stage)}</div>
        <div role="gridcell" class="number days"><Dwell days=case.days_in_stage sla_days=case.sla_days is_breached=case.is_sla_breached/></div>
        <div role="gridcell" class="number balance">{format::money_or_dash(case.current_balance.as_deref())}</div>
        <div role="gridcell" class="due">{match &case.closure_reason { Some(reason) => view! { <span class="muted">{format::words(reason)}</span> }.into_any(), None => view! { <NextAction at=case.next_action_at.clone() is_past_due=case.is_past_due/> }.into_any() }}</div>
        <div role="gridcell" class="owner"><OwnerName name=case.owner_name.clone()/></div>
    }
    .into_any()
}

// ---- filters ----

const FLAGS: [(&str, &str); 3] =
    [("past_due", "Past due"), ("sla_breach", "Over SLA"), ("blocked", "Blocked")];

#[component]
fn Filters(list: CaseList, facets: Remote<CaseFacets>, me: Memo<String>) -> impl IntoView {
    let query = use_location().query;
    let is_open = RwSignal::new(false);
    let chosen = move || {
        query.with(|query| {
            let is_chosen = |name: &&&str| {
                !matches!(**name, "sort" | "search") && query.get(name).is_some_and(|value| !value.is_empty())
            };
            PARAMETERS.iter().filter(is_chosen).count()
        })
    };
    let stages = Signal::derive(move || {
        let known = facets.value.with(|facets| {
            facets
                .iter()
                .flat_map(|facets| facets.stages.iter().map(|stage| stage.stage.clone()))
                .collect::<Vec<_>>()
        });
        std::iter::once((String::new(), "All".to_owned()))
            .chain(known.into_iter().map(|stage| (stage.clone(), format::words(&stage))))
            .collect::<Vec<_>>()
    });
    let owners = Signal::derive(move || {
        let others = facets.value.with(|facets| {
            let me = me.get();
            facets
                .iter()
                .flat_map(|facets| facets.owners.iter())
                .filter(|owner| owner.user_id != me)
                .map(|owner| (owner.user_id.clone(), owner.display_name.clone()))
                .collect::<Vec<_>>()
        });
        let fixed = [("", "Anybody"), ("me", "Me"), ("nobody", "Nobody")];
        fixed
            .map(|(value, name)| (value.to_owned(), name.to_owned()))
            .into_iter()
            .chain(others)
            .collect::<Vec<_>>()
    });
    let states =
        Signal::stored(vec![(String::new(), "Open".to_owned()), ("closed".to_owned(), "Closed".to_owned())]);
    view! {
        <search class="filters" aria-label="Search and filter cases">
            <div class="first-line">
                <SearchField label="Search cases"/>
                <button class="button filters-toggle" aria-expanded=move || is_open.get().to_string() on:click=move |_| is_open.update(|open| *open = !*open)>
                    <IconView icon=Icon::Filter/>{move || match chosen() { 0 => "Filters".to_owned(), n => format!("Filters ({n})") }}
                </button>
                <p class="summary" role="status" data-test="cases-summary" data-total=move || list.shown.with(|shown| shown.total.to_string())>
                    {move || list.shown.with(|shown| shown.query.is_some().then(|| view! {
                        <strong>{format::counted(shown.total, "case", "cases")}</strong>" · "<strong>{format::money(&shown.balance)}</strong>" balance"
                    }))}
                </p>
            </div>
            <div class="filter-fields" class:open=move || is_open.get()>
                <TierFilter/>
                <SelectFilter name="stage" label="Stage" options=stages/>
                <SelectFilter name="owner" label="Owner" options=owners/>
                <SelectFilter name="state" label="State" options=states/>
                <FlagFilters/>
                <DaysFilter/>
                {move || (chosen() > 0).then(|| view! { <a class="button quiet clear" href="/cases" data-test="clear-filters"><IconView icon=Icon::Close/>"Clear"</a> })}
            </div>
        </search>
    }
}

#[component]
fn FlagFilters() -> impl IntoView {
    let set = StoredValue::new(url::use_set_parameters());
    view! {
        <div class="field flag-filters" role="group" aria-label="Only those that are">
            <span class="label" aria-hidden="true">"Only"</span>
            <div class="segments">
                {FLAGS.map(|(name, words)| {
                    let current = url::parameter(name);
                    let is_on = move || current.with(|value| value == "true");
                    view! {
                        <button type="button" data-test=format!("filter-{name}") aria-pressed=move || is_on().to_string() on:click=move |_| {
                            let wanted = if untrack(is_on) { "" } else { "true" };
                            set.with_value(|set| set(&[(name, wanted)]));
                        }>{words}</button>
                    }
                }).collect_view()}
            </div>
        </div>
    }
}

#[component]
fn DaysFilter() -> impl IntoView {
    let current = url::parameter("days_min");
    let set = url::use_set_parameters();
    let is_wrong = RwSignal::new(false);
    let change = move |text: String| {
        let text = text.trim().to_owned();
        is_wrong.set(!text.is_empty() && !text.parse::<u32>().is_ok_and(|days| days <= 9999));
        if !is_wrong.get_untracked() {
            set(&[("days_min", &text)]);
        }
    };
    view! {
        <div class="field days-filter">
            <label for="filter-days_min">"Days in stage"</label>
            <input id="filter-days_min" class="input" inputmode="numeric" placeholder="at least" data-test="filter-days_min" aria-invalid=move || is_wrong.get().to_string() prop:value=move || current.get() on:change:target=move |event| change(event.target().value())/>
        </div>
    }
}
