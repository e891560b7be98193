//! `/plaintiffs`: for whom judgments are enforced, and what they come to.

use crate::api;
use crate::components::empty::Empty;
use crate::components::filters::{SearchField, SelectFilter};
use crate::components::more_rows::PagedList;
use crate::components::page_header::PageHeader;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::paged::{Chunk, Paged};
use crate::state::{clock, url};
use contract::{PlaintiffPage, PlaintiffRow};
use leptos::prelude::*;

const PARAMETERS: [&str; 2] = ["search", "status"];
/// Those that people set come first, then those that calls set.
pub const STATUSES: [&str; 14] = [
    "new",
    "contacted",
    "qualified",
    "sent_agreement",
    "signed",
    "lost",
    "reached",
    "reached_hot",
    "reached_warm",
    "reached_cold",
    "left_voicemail",
    "no_answer",
    "bad_number",
    "do_not_call",
];

#[component]
pub fn PlaintiffsPage() -> impl IntoView {
    let query = url::use_query(PARAMETERS);
    let live = use_live();
    let list: Paged<PlaintiffRow, ()> = Paged::new(query, 100, |query| async move {
        let PlaintiffPage { rows, next } = api::review::plaintiffs(&query).await?;
        Ok(Chunk { rows, next, rest: () })
    })
    .following([live.cases, live.judgments]);
    let any = std::iter::once((String::new(), "Any".to_owned()));
    let statuses = any.chain(STATUSES.iter().map(|status| ((*status).to_owned(), format::words(status))));
    let statuses = Signal::stored(statuses.collect::<Vec<_>>());
    let empty = move || {
        if query.with(|query| !query.is_empty()) {
            view! { <Empty title="No plaintiff matches" text="No plaintiff fits search and status at once."><a class="button" href="/plaintiffs" data-test="clear-empty">"Clear filters"</a></Empty> }.into_any()
        } else {
            view! { <Empty title="No plaintiffs yet" text="Plaintiffs appear here with the judgments of a vendor’s export: dragonfly import FILE --commit."/> }.into_any()
        }
    };
    view! {
        <div class="page plaintiffs-page">
            <PageHeader title="Plaintiffs" lead="For whom judgments are enforced: what is due, what has come in, and when they are to be called."/>
            <search class="list-filters" aria-label="Search and filter plaintiffs">
                <SearchField label="Search plaintiffs" placeholder="Plaintiff or firm"/>
                <SelectFilter name="status" label="Status" options=statuses/>
            </search>
            <PagedList list empty>
                <div class="panel">
                    <table class="table rows-table plaintiffs-table" role="table">
                        <thead><tr>
                            <th scope="col">"Plaintiff"</th><th scope="col">"Status"</th><th scope="col" class="number">"Judgments"</th><th scope="col" class="number">"Open cases"</th>
                            <th scope="col" class="number">"Balance due"</th><th scope="col" class="number">"Recovered"</th><th scope="col" class="number">"Open tasks"</th><th scope="col">"Next call"</th><th scope="col">"Last call"</th>
                        </tr></thead>
                        <tbody>
                            <For each=move || list.rows.get().unwrap_or_default() key=PlaintiffRow::clone let:row><Row row/></For>
                        </tbody>
                    </table>
                </div>
            </PagedList>
        </div>
    }
}

#[component]
fn Row(row: PlaintiffRow) -> impl IntoView {
    let next_call = row.next_call_at.clone();
    let has_none = format::parse_cents(&row.recovered_amount) == Some(0);
    view! {
        <tr role="row" data-test="plaintiff-row">
            <th scope="row" role="rowheader" class="name"><a href=format!("/plaintiffs/{}", row.plaintiff_id)>{row.plaintiff_name}</a>{row.firm_name.map(|firm| view! { <span class="muted firm">{firm}</span> })}</th>
            <td role="cell" class="status"><StatusTag status=row.status/></td>
            <td role="cell" class="number on-desktop">{format::count(row.judgment_count)}</td>
            <td role="cell" class="number on-desktop" class:muted=row.open_case_count == 0>{format::count(row.open_case_count)}</td>
            <td role="cell" class="number balance" data-label="Balance due"><strong>{format::money(&row.total_balance_due)}</strong></td>
            <td role="cell" class="number on-desktop" class:muted=has_none>{format::money(&row.recovered_amount)}</td>
            <td role="cell" class="number on-desktop" class:muted=row.open_task_count == 0>{format::count(row.open_task_count)}</td>
            <td role="cell" class="next-call" data-label="Next call">{match next_call {
                Some(at) => view! { <DueCall at/> }.into_any(),
                None => view! { <span class="muted">"–"</span> }.into_any(),
            }}</td>
            <td role="cell" class="on-desktop">{match row.last_called_at {
                Some(at) => view! { <Time at/> }.into_any(),
                None => view! { <span class="muted">"never"</span> }.into_any(),
            }}</td>
        </tr>
    }
}

/// When a plaintiff is to be called; what is overdue stands out
#[component]
pub fn DueCall(at: String) -> impl IntoView {
    let full = clock::full_time(&at);
    let due_at = at.clone();
    let is_overdue = move || clock::seconds_until(&due_at).is_some_and(|seconds| seconds < 0);
    view! { <span class:loss=is_overdue title=full>{move || clock::due(&at)}</span> }
}

/// A plaintiff's status; those that end or win something stand out
#[component]
pub fn StatusTag(status: String) -> impl IntoView {
    let tone = match status.as_str() {
        "signed" | "qualified" | "reached_hot" => "good",
        "lost" | "bad_number" | "do_not_call" => "bad",
        _ => "plain",
    };
    view! { <span class="tag status-tag" data-tone=tone data-test="status" data-status=status.clone()>{format::words(&status)}</span> }
}
