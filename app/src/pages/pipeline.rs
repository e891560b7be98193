//! `/pipeline`: which judgments come next, within their collectability tier by priority and amount.

use crate::api;
use crate::components::empty::Empty;
use crate::components::filters::{Choice, SelectFilter};
use crate::components::icon::{Icon, IconView};
use crate::components::more_rows::PagedList;
use crate::components::page_header::PageHeader;
use crate::format;
use crate::state::live::use_live;
use crate::state::paged::{Chunk, Paged};
use crate::state::remote::Remote;
use crate::state::{clock, url};
use contract::{PipelinePage as Page, PipelineRow};
use leptos::prelude::*;

const PARAMETERS: [&str; 3] = ["tier", "priority", "county"];
const TIERS: [(&str, &str); 4] = [("", "All tiers"), ("A", "A"), ("B", "B"), ("C", "C")];
const PRIORITIES: [(&str, &str); 6] = [
    ("", "Any"),
    ("urgent", "Urgent"),
    ("high", "High"),
    ("normal", "Normal"),
    ("low", "Low"),
    ("on_hold", "On hold"),
];

#[component]
pub fn PipelinePage() -> impl IntoView {
    let query = url::use_query(PARAMETERS);
    let live = use_live();
    let list: Paged<PipelineRow, ()> = Paged::new(query, 500, |query| async move {
        let Page { rows, next } = api::review::pipeline(&query).await?;
        Ok(Chunk { rows, next, rest: () })
    })
    .following([live.cases, live.judgments]);
    let facets = Remote::new(api::judgment_facets);
    let counties = Signal::derive(move || {
        let known = facets
            .value
            .with(|facets| facets.as_ref().map(|facets| facets.counties.clone()).unwrap_or_default());
        let any = std::iter::once((String::new(), "Any".to_owned()));
        any.chain(known.into_iter().map(|county| (county.clone(), county))).collect::<Vec<_>>()
    });
    let priorities = Signal::stored(
        PRIORITIES
            .iter()
            .map(|(value, words)| ((*value).to_owned(), (*words).to_owned()))
            .collect::<Vec<_>>(),
    );
    let csv = move || format!("/api/pipeline.csv?{}", query.get());
    let empty = move || {
        if query.with(|query| !query.is_empty()) {
            view! { <Empty title="No judgment matches" text="No active judgment fits every filter at once."><a class="button" href="/pipeline" data-test="clear-empty">"Clear filters"</a></Empty> }.into_any()
        } else {
            view! { <Empty title="The pipeline is empty" text="Active judgments appear here, ranked, once an export of a vendor is imported."/> }.into_any()
        }
    };
    view! {
        <div class="page pipeline-page">
            <PageHeader title="Pipeline" lead="Which judgments come next: within each collectability tier by priority, then by amount.">
                <a class="button" href=csv download="pipeline.csv" data-test="export-csv"><IconView icon=Icon::Download/>"Export CSV"</a>
            </PageHeader>
            <search class="list-filters" aria-label="Filter the pipeline">
                <div class="segments" role="group" aria-label="Collectability tier">{TIERS.map(|(value, words)| view! { <Choice name="tier" value words/> })}</div>
                <SelectFilter name="priority" label="Priority" options=priorities/>
                <SelectFilter name="county" label="County" options=counties/>
                <details class="legend">
                    <summary>"What A, B and C mean"</summary>
                    <p><strong>"A"</strong>" from $3,000 and at most 365 days old, "<strong>"B"</strong>" from $1,000 or at most 1,095 days old, "<strong>"C"</strong>" the rest. An undated judgment is marked: it counts as old."</p>
                </details>
            </search>
            <PagedList list empty>
                <div class="panel">
                    <table class="table rows-table pipeline-table" role="table">
                        <thead><tr>
                            <th scope="col">"Tier"</th><th scope="col" class="number">"Rank"</th><th scope="col">"Priority"</th><th scope="col" class="number">"Amount"</th>
                            <th scope="col">"Case number"</th><th scope="col">"Plaintiff v. defendant"</th><th scope="col">"Judgment date"</th><th scope="col">"County"</th><th scope="col">"Stage"</th><th scope="col">"Plaintiff’s status"</th>
                        </tr></thead>
                        <tbody>
                            <For each=move || list.rows.get().unwrap_or_default() key=PipelineRow::clone let:row><Row row/></For>
                        </tbody>
                    </table>
                </div>
            </PagedList>
        </div>
    }
}

#[component]
fn Row(row: PipelineRow) -> impl IntoView {
    let parties = match &row.defendant_name {
        Some(defendant) => format!("{} v. {defendant}", row.plaintiff_name),
        None => row.plaintiff_name.clone(),
    };
    // A case is where the work is; without one the judgment is where it begins.
    let address = match &row.case_id {
        Some(id) => format!("/cases/{id}"),
        None => format!("/judgments/{}", row.judgment_id),
    };
    view! {
        <tr role="row" data-test="pipeline-row" data-tier-of=row.collectability_tier.clone() data-rank=row.tier_rank.to_string()>
            <td role="cell" class="tier"><CollectabilityBadge tier=row.collectability_tier.clone()/></td>
            <td role="cell" class="number rank">{format::count(row.tier_rank)}</td>
            <td role="cell" class="priority"><Priority level=row.priority_level/></td>
            <td role="cell" class="number amount"><strong>{format::money(&row.judgment_amount)}</strong></td>
            <th scope="row" role="rowheader" class="case"><a href=address>{row.case_number}</a></th>
            <td role="cell" class="parties" title=parties.clone()><a href=format!("/plaintiffs/{}", row.plaintiff_id)>{parties.clone()}</a></td>
            <td role="cell" class="date">{match row.judgment_date.as_deref() {
                Some(date) => view! { {clock::day(date)} }.into_any(),
                None => view! { <span class="tag undated" data-test="undated">"Undated"</span> }.into_any(),
            }}</td>
            <td role="cell" class="county">{row.county}</td>
            <td role="cell" class="stage">{row.stage.map_or_else(|| view! { <span class="muted">"no case"</span> }.into_any(), |stage| view! { {format::words(&stage)} }.into_any())}</td>
            <td role="cell" class="status muted">{format::words(&row.plaintiff_status)}</td>
        </tr>
    }
}

/// How collectable a judgment is by amount and age: a letter, which tiers of the policy never are
#[component]
fn CollectabilityBadge(tier: String) -> impl IntoView {
    view! { <span class="collectability" data-collectability=tier.clone()><span class="visually-hidden">"Collectability tier "</span>{tier.clone()}</span> }
}

#[component]
fn Priority(level: String) -> impl IntoView {
    view! { <span class="priority-mark" data-priority=level.clone()>{format::words(&level)}</span> }
}
