//! `/alerts`: what events tell people; for admins also what became of the alerts by other ways, and which ways there are.

use crate::api;
use crate::components::empty::Empty;
use crate::components::filters::{Choice, SelectFilter};
use crate::components::form::{Field, FormError};
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{Loaded, RowsSkeleton};
use crate::components::modal::Modal;
use crate::components::more_rows::PagedList;
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::TierBadge;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::paged::{Chunk, Paged};
use crate::state::remote::Remote;
use crate::state::rpc::Rpc;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use crate::state::{clock, url};
use contract::{AlertPage, AlertRoute, AlertRow, CaseEventKind, DeliveryPage, DeliveryRow, Role};
use leptos::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

const PUT_ROUTE: &str = "put_alert_route";
/// How many the panel shows.
const NEWEST: usize = 12;

/// The three looks of the page: parameter and words.
const VIEWS: [(&str, &str); 3] = [("", "Alerts"), ("deliveries", "Deliveries"), ("routes", "Routes")];
const STATES: [(&str, &str); 3] = [("", "All"), ("unread", "Unread"), ("read", "Read")];
const DELIVERY_STATES: [(&str, &str); 4] = [
    ("", "All"),
    ("failed,uncertain", "Not delivered"),
    ("pending,sending", "On their way"),
    ("sent", "Sent"),
];
/// Channel, what it is called, and what its target is.
const CHANNELS: [(&str, &str, &str); 4] = [
    ("console", "Consoles", ""),
    ("email", "E-mail", "E-mail address"),
    ("webhook", "Webhook", "Address"),
    ("queue", "Queue", "Queue"),
];

fn channel_name(channel: &str) -> &str {
    CHANNELS.iter().find(|(value, ..)| *value == channel).map_or(channel, |(_, name, _)| name)
}

/// What happened, in words; money where it came in.
fn heading(alert: &AlertRow) -> String {
    let kind = format::words(&alert.event_kind);
    match &alert.amount {
        Some(amount) => format!("{kind}: {}", format::money(amount)),
        None => kind,
    }
}

/// Where an alert leads: its case, or the judgment of money that nobody has linked.
fn address_of(case_id: &Option<String>, judgment_id: &str) -> String {
    match case_id {
        Some(id) => format!("/cases/{id}"),
        None => format!("/judgments/{judgment_id}"),
    }
}

/// Marks all alerts as read, up to the newest that was seen: what comes meanwhile stays unread.
fn read_all(reading: Rpc, newest: Option<u64>) {
    if let Some(id) = newest {
        reading.send(json!({ "up_to": id }), |_| ());
    }
}

#[component]
fn AlertItem(alert: AlertRow, #[prop(into)] on_follow: Callback<()>) -> impl IntoView {
    let id = alert.id;
    let address = address_of(&alert.case_id, &alert.judgment_id);
    let is_unread = RwSignal::new(!alert.is_read);
    let reading = Rpc::of_button("mark_alerts_read");
    // It shows as read at once, since nothing else can come of it; the lists and counts follow by the server, as those
    // of other windows do. What did not get through is unread again.
    let read = move || {
        if is_unread.get_untracked() {
            is_unread.set(false);
            reading.send(json!({ "alert_id": id }), |_| ());
        }
    };
    Effect::new(move |_| {
        if reading.error.with(Option::is_some) {
            is_unread.set(true);
        }
    });
    // Written down a minute or more after it happened.
    let is_late =
        clock::millis_between(&alert.occurred_at, &alert.created_at).is_some_and(|late| late > 60_000);
    view! {
        <li class="alert-item" data-test="alert" data-kind=alert.event_kind.clone() data-unread=move || is_unread.get().to_string()>
            <span class="unread-dot" aria-hidden="true"></span>
            <div class="what">
                <p class="title">
                    {move || is_unread.get().then(|| view! { <span class="visually-hidden">"Unread: "</span> })}
                    <a href=address data-test="alert-open" on:click=move |_| { read(); on_follow.run(()); }>{heading(&alert)}</a>
                </p>
                <p class="case-line">{alert.case_id.is_some().then(|| view! { <TierBadge tier=alert.tier short=true/> })}<span>{alert.case_number}</span>{alert.case_id.is_none().then(|| view! { <span class="tag">"No case yet"</span> })}</p>
                {alert.note.map(|note| view! { <p class="note">{note}</p> })}
                <p class="who muted">{alert.actor}" · "<Time at=alert.created_at/>{is_late.then(|| view! { " · happened "<Time at=alert.occurred_at/> })}</p>
            </div>
            {move || is_unread.get().then(|| view! { <button type="button" class="button quiet small" data-test="alert-read" on:click=move |_| read()>"Mark read"</button> })}
        </li>
    }
}

// ---- the panel of the bell ----

#[component]
pub fn AlertsPanel(is_open: RwSignal<bool>) -> impl IntoView {
    let newest = Remote::live([use_live().alerts], || async {
        let page = api::alerts::alerts(&format!("limit={NEWEST}")).await?;
        let unread = api::alerts::unread().await?;
        Ok((page.rows, unread))
    });
    let reading = Rpc::of_button("mark_alerts_read");
    let close = Callback::new(move |()| is_open.set(false));
    let first = move || newest.value.with_untracked(|value| value.as_ref()?.0.first().map(|alert| alert.id));
    let has_unread = Memo::new(move |_| {
        newest.value.with(|value| value.as_ref().is_some_and(|(_, unread)| unread.count > 0))
    });
    view! {
        <div class="alerts-panel">
            <header>
                <h2>"Alerts"</h2>
                <span class="spacer"></span>
                {move || has_unread.get().then(|| view! { <button type="button" class="button small" data-test="read-all" disabled=move || reading.is_busy.get() on:click=move |_| read_all(reading, first())>"Mark all read"</button> })}
                <button type="button" class="button quiet small icon-only" aria-label="Close alerts" data-test="alerts-close" on:click=move |_| is_open.set(false)><IconView icon=Icon::Close/></button>
            </header>
            <div class="scroll">
                <Loaded remote=newest skeleton=|| view! { <RowsSkeleton rows=6/> } let:now>
                    {move || {
                        let (rows, unread) = now.get();
                        if rows.is_empty() {
                            view! { <NoAlerts has_route=unread.has_route on_follow=close/> }.into_any()
                        } else {
                            view! { <ol>{rows.into_iter().map(|alert| view! { <AlertItem alert on_follow=close/> }).collect_view()}</ol> }.into_any()
                        }
                    }}
                </Loaded>
            </div>
            <footer><a href="/alerts" data-test="alerts-all" on:click=move |_| is_open.set(false)>"All alerts"</a></footer>
        </div>
    }
}

#[component]
fn NoAlerts(has_route: bool, on_follow: Callback<()>) -> impl IntoView {
    let session = use_session();
    match (has_route, session.may(Role::Admin)) {
        (true, _) => view! { <Empty title="No alerts yet" text="Events that an admin has chosen appear here as they happen."/> }.into_any(),
        (false, true) => view! { <Empty title="No event is told here" text="Choose which events tell everybody in the console."><a class="button" href="/alerts?show=routes" data-test="to-routes" on:click=move |_| on_follow.run(())>"Choose events"</a></Empty> }.into_any(),
        (false, false) => view! { <Empty title="No event is told here" text="An admin of your organisation chooses which events tell everybody in the console."/> }.into_any(),
    }
}

// ---- the page ----

#[component]
pub fn AlertsPage() -> impl IntoView {
    let session = use_session();
    let show = url::parameter("show");
    let set = StoredValue::new(url::use_set_parameters());
    let is_admin = Memo::new(move |_| session.may(Role::Admin));
    let shown = Memo::new(move |_| match show.with(String::clone).as_str() {
        "deliveries" if is_admin.get() => 1,
        "routes" if is_admin.get() => 2,
        _ => 0,
    });
    let facets = Remote::new(api::case_facets);
    let kinds = Signal::derive(move || {
        facets
            .value
            .with(|facets| facets.as_ref().map(|facets| facets.event_kinds.clone()).unwrap_or_default())
    });
    view! {
        <div class="page alerts-page">
            <PageHeader title="Alerts" lead="What events tell everybody here, and, by e-mail, webhook and queue, others."/>
            {move || is_admin.get().then(|| view! {
                <div class="segments views" role="group" aria-label="What to show">
                    {VIEWS.into_iter().enumerate().map(|(place, (value, words))| view! {
                        <button type="button" data-test=format!("show-{}", if value.is_empty() { "alerts" } else { value }) aria-pressed=move || (shown.get() == place).to_string()
                            on:click=move |_| set.with_value(|set| set(&[("show", value), ("state", ""), ("kind", "")]))>{words}</button>
                    }).collect_view()}
                </div>
            })}
            {move || match shown.get() {
                1 => view! { <Deliveries kinds/> }.into_any(),
                2 => view! { <Routes kinds/> }.into_any(),
                _ => view! { <Alerts kinds/> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn KindFilter(kinds: Signal<Vec<CaseEventKind>>) -> impl IntoView {
    let options = Signal::derive(move || {
        let named = kinds.get().into_iter().map(|kind| (kind.kind.clone(), format::words(&kind.kind)));
        std::iter::once((String::new(), "All kinds".to_owned())).chain(named).collect::<Vec<_>>()
    });
    view! { <SelectFilter name="kind" label="Event" options/> }
}

#[component]
fn Alerts(kinds: Signal<Vec<CaseEventKind>>) -> impl IntoView {
    let query = url::use_query(["state", "kind"]);
    let live = use_live();
    let list: Paged<AlertRow, ()> = Paged::new(query, 200, |query| async move {
        let AlertPage { rows, next } = api::alerts::alerts(&query).await?;
        Ok(Chunk { rows, next, rest: () })
    })
    .following([live.alerts]);
    let unread = Remote::live([live.alerts], api::alerts::unread);
    let reading = Rpc::of_button("mark_alerts_read");
    let newest = move || list.rows.with_untracked(|rows| rows.as_ref()?.first().map(|alert| alert.id));
    let count =
        Memo::new(move |_| unread.value.with(|unread| unread.as_ref().map_or(0, |unread| unread.count)));
    let is_filtered = move || query.with(|query| !query.is_empty());
    // What is newest is known of the whole list alone.
    let may_read_all = Memo::new(move |_| count.get() > 0 && !is_filtered());
    let has_route =
        Memo::new(move |_| unread.value.with(|unread| unread.as_ref().is_none_or(|unread| unread.has_route)));
    let empty = move || {
        if is_filtered() {
            view! { <Empty title="No alert matches" text="No alert fits state and kind at once."><a class="button" href="/alerts" data-test="clear-empty">"Show all"</a></Empty> }.into_any()
        } else {
            view! { <NoAlerts has_route=has_route.get() on_follow=Callback::new(|()| ())/> }.into_any()
        }
    };
    view! {
        <search class="list-filters" aria-label="Filter alerts">
            <div class="segments" role="group" aria-label="Read or not">
                {STATES.map(|(value, words)| view! { <Choice name="state" value words/> })}
            </div>
            <KindFilter kinds/>
            <p class="summary" role="status" data-test="alerts-unread" data-count=move || count.get().to_string()>
                {move || match count.get() { 0 => "All read".to_owned(), 100.. => "99+ unread".to_owned(), count => format!("{} unread", format::count(count)) }}
            </p>
            {move || may_read_all.get().then(|| view! { <button type="button" class="button" data-test="read-all" disabled=move || reading.is_busy.get() on:click=move |_| read_all(reading, newest())>"Mark all read"</button> })}
        </search>
        <PagedList list empty>
            <ol class="panel alert-list">
                {move || list.rows.get().unwrap_or_default().into_iter().map(|alert| view! { <AlertItem alert on_follow=|()| ()/> }).collect_view()}
            </ol>
        </PagedList>
    }
}

// ---- deliveries ----

#[component]
fn Deliveries(kinds: Signal<Vec<CaseEventKind>>) -> impl IntoView {
    let query = url::use_query(["state", "kind"]);
    let list: Paged<DeliveryRow, u64> = Paged::new(query, 200, |query| async move {
        let DeliveryPage { rows, next, undelivered_count } = api::alerts::deliveries(&query).await?;
        Ok(Chunk { rows, next, rest: undelivered_count })
    })
    .following([use_live().alerts]);
    let retry = Rpc::of_button("retry_alert");
    let toasts = use_toasts();
    let again = move |id: u64| {
        retry.send(json!({ "alert_id": id }), move |_| {
            toasts.say("It is sent again.");
            list.reload();
        });
    };
    let row = move |delivery: DeliveryRow| {
        let is_undelivered = matches!(delivery.state.as_str(), "failed" | "uncertain");
        let id = delivery.id;
        view! {
            <tr role="row" data-test="delivery" data-state=delivery.state.clone()>
                <th scope="row" role="rowheader">{format::words(&delivery.event_kind)}<span class="under"><a href=address_of(&delivery.case_id, &delivery.judgment_id)>{delivery.case_number}</a></span></th>
                <td role="cell" class="words" data-label="To">{channel_name(&delivery.channel).to_owned()}<span class="muted small">{target_words(&delivery.channel, &delivery.target)}</span></td>
                <td role="cell" data-label="State"><StateTag state=delivery.state.clone() has_tried={delivery.attempts > 0}/></td>
                <td role="cell" class="number" data-label="Tries">{format::count(u64::from(delivery.attempts))}</td>
                <td role="cell" class="words" data-label="Why">{match (delivery.error, delivery.next_try_at) {
                    (Some(error), Some(at)) => view! { {error}<span class="muted small">"again "{move || clock::due(&at)}</span> }.into_any(),
                    (Some(error), None) => error.into_any(),
                    _ => view! { <span class="muted">"–"</span> }.into_any(),
                }}</td>
                <td role="cell" data-label="Told"><Time at=delivery.created_at/></td>
                <td role="cell" class="row-actions">{is_undelivered.then(|| view! { <button type="button" class="button small" data-test="retry" disabled=move || retry.is_busy.get() on:click=move |_| again(id)>"Send again"</button> })}</td>
            </tr>
        }
    };
    let is_filtered = move || query.with(|query| !query.is_empty());
    let empty = move || {
        if is_filtered() {
            view! { <Empty title="No delivery matches" text="No alert by e-mail, webhook or queue fits these filters."><a class="button" href="/alerts?show=deliveries" data-test="clear-empty">"Show all"</a></Empty> }.into_any()
        } else {
            view! { <Empty title="Nothing was sent yet" text="Alerts by e-mail, webhook and queue appear here with what became of them."><a class="button" href="/alerts?show=routes">"Go to Routes"</a></Empty> }.into_any()
        }
    };
    view! {
        <search class="list-filters" aria-label="Filter deliveries">
            <div class="segments" role="group" aria-label="What became of them">
                {DELIVERY_STATES.map(|(value, words)| view! { <Choice name="state" value words/> })}
            </div>
            <KindFilter kinds/>
            <p class="summary" role="status" data-test="undelivered" data-count=move || list.rest.get().map(|count| count.to_string())>
                {move || list.rest.get().map(|count| match count {
                    0 => list.rows.with(|rows| rows.as_ref().is_some_and(|rows| !rows.is_empty())).then_some("None failed").into_any(),
                    count => view! { <strong class="loss">{format::counted(count, "alert", "alerts")}</strong>" not delivered" }.into_any(),
                })}
            </p>
        </search>
        <PagedList list empty>
            <div class="panel">
                <table class="table rows-table deliveries-table" role="table">
                    <thead><tr><th scope="col">"Event"</th><th scope="col">"To"</th><th scope="col">"State"</th><th scope="col" class="number">"Tries"</th><th scope="col">"Why"</th><th scope="col">"Told"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th></tr></thead>
                    <tbody>{move || list.rows.get().unwrap_or_default().into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </PagedList>
    }
}

#[component]
fn StateTag(state: String, has_tried: bool) -> impl IntoView {
    let (tone, words, title) = match state.as_str() {
        "sent" => ("good", "Sent", "It arrived"),
        "failed" => ("bad", "Failed", "It did not arrive, and is not tried again by itself"),
        "uncertain" => {
            ("bad", "Uncertain", "It may have arrived: nobody knows, so it is not sent again by itself")
        }
        "sending" => ("plain", "Sending", "A worker is at it"),
        _ if has_tried => ("plain", "Retrying", "It did not arrive, and is tried again"),
        _ => ("plain", "Waiting", "It waits for a worker"),
    };
    view! { <span class="tag status-tag" data-tone=tone title=title>{words}</span> }
}

/// Where an alert goes, as much of it as people need to know it again: an address may carry a secret.
fn target_words(channel: &str, target: &str) -> String {
    match channel {
        "queue" => format::words(target),
        "webhook" => {
            let host = target.split_once("://").map_or(target, |(_, rest)| rest);
            host.split(['/', '?'])
                .next()
                .unwrap_or_default()
                .rsplit('@')
                .next()
                .unwrap_or_default()
                .to_owned()
        }
        _ => target.to_owned(),
    }
}

// ---- routes ----

#[component]
fn Routes(kinds: Signal<Vec<CaseEventKind>>) -> impl IntoView {
    let routes = Remote::live([use_live().alerts], api::alerts::routes);
    let toasts = use_toasts();
    let edited = RwSignal::new(None::<AlertRoute>);
    let is_editing = RwSignal::new(false);
    let switch = Rpc::of_button(PUT_ROUTE);
    let open = move |route: Option<AlertRoute>| {
        edited.set(route);
        is_editing.set(true);
    };
    let on_done = Callback::new(move |words: String| {
        is_editing.set(false);
        toasts.say(words);
        routes.refetch();
    });
    let turn = move |route: AlertRoute| {
        let is_on = !route.is_enabled;
        let fields = json!({ "route_id": route.id, "channel": route.channel, "target": route.target, "event_kinds": route.event_kinds, "is_enabled": is_on });
        switch.send(fields, move |_| {
            toasts.say(if is_on { "The route is on." } else { "The route is off: nothing goes by it." });
            routes.refetch();
        });
    };
    let row = move |route: AlertRoute| {
        let (editing, turned) = (route.clone(), route.clone());
        let said = match &route.event_kinds {
            None => "All kinds of events".to_owned(),
            Some(kinds) => kinds.iter().map(|kind| format::words(kind)).collect::<Vec<_>>().join(", "),
        };
        let target = route.target.as_ref().map(|target| target_words(&route.channel, target));
        view! {
            <tr role="row" data-test="alert-route" data-channel=route.channel.clone() data-enabled=route.is_enabled.to_string() class:is-off=!route.is_enabled>
                <th scope="row" role="rowheader">{channel_name(&route.channel).to_owned()}{target.map(|target| view! { <span class="under">{target}</span> })}</th>
                <td role="cell" class="words" data-label="Events">{said}</td>
                <td role="cell" data-label="State"><span class="tag status-tag" data-tone=if route.is_enabled { "good" } else { "plain" }>{if route.is_enabled { "On" } else { "Off" }}</span></td>
                <td role="cell" data-label="Set"><span class="muted">{route.created_by}", "<Time at=route.updated_at/></span></td>
                <td role="cell" class="row-actions">
                    <button type="button" class="button small" data-test="edit-route" on:click=move |_| open(Some(editing.clone()))>"Edit…"</button>
                    <button type="button" class="button small quiet" data-test="switch-route" disabled=move || switch.is_busy.get() on:click=move |_| turn(turned.clone())>{if route.is_enabled { "Switch off" } else { "Switch on" }}</button>
                </td>
            </tr>
        }
    };
    view! {
        <div class="routes-head">
            <p class="muted">"Each route tells one place of the events that you choose, from the moment it is on."</p>
            <button type="button" class="button primary" data-test="add-route" on:click=move |_| open(None)><IconView icon=Icon::Plus/>"Add route…"</button>
        </div>
        <Loaded remote=routes skeleton=|| view! { <RowsSkeleton rows=4/> } let:now>
            {move || if now.with(Vec::is_empty) {
                view! { <div class="panel"><Empty title="No route yet" text="Add one for consoles, so that the bell rings for everybody, or one for an e-mail address, a webhook or a queue."/></div> }.into_any()
            } else {
                view! {
                    <div class="panel">
                        <table class="table rows-table routes-table" role="table">
                            <thead><tr><th scope="col">"To"</th><th scope="col">"Events"</th><th scope="col">"State"</th><th scope="col">"Set"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th></tr></thead>
                            <tbody>{now.get().into_iter().map(row).collect_view()}</tbody>
                        </table>
                    </div>
                }.into_any()
            }}
        </Loaded>
        <Modal is_open=is_editing label="Alert route" test="route-form">
            {move || view! { <RouteForm route=edited.get() kinds on_done is_open=is_editing/> }}
        </Modal>
    }
}

/// What the database would have against a target, before it is sent.
fn target_problem(channel: &str, target: &str) -> Option<&'static str> {
    let is_good = match channel {
        "webhook" => ["https://", "http://"]
            .iter()
            .filter_map(|scheme| target.strip_prefix(scheme))
            .any(|rest| rest.starts_with(|first: char| !first.is_whitespace() && first != '/')),
        "email" => target.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty()
                && !host.contains('@')
                && host.rsplit_once('.').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
        }),
        "queue" => !target.is_empty(),
        _ => true,
    };
    (!is_good).then_some(match channel {
        "webhook" => "An address that begins with https://",
        "email" => "One e-mail address, such as ops@example.com",
        _ => "Choose a queue.",
    })
}

#[component]
fn RouteForm(
    route: Option<AlertRoute>,
    kinds: Signal<Vec<CaseEventKind>>,
    on_done: Callback<String>,
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let rpc = Rpc::new(PUT_ROUTE);
    let is_new = route.is_none();
    let id = route.as_ref().map(|route| route.id.clone());
    let is_enabled = route.as_ref().is_none_or(|route| route.is_enabled);
    let channel =
        RwSignal::new(route.as_ref().map_or_else(|| "console".to_owned(), |route| route.channel.clone()));
    let target = RwSignal::new(route.as_ref().and_then(|route| route.target.clone()).unwrap_or_default());
    let chosen = RwSignal::new(
        route
            .as_ref()
            .and_then(|route| route.event_kinds.clone())
            .unwrap_or_default()
            .into_iter()
            .collect::<BTreeSet<String>>(),
    );
    let takes_all = RwSignal::new(route.as_ref().is_none_or(|route| route.event_kinds.is_none()));
    let wrong_target = RwSignal::new(None::<&'static str>);
    let has_no_kind = RwSignal::new(false);
    let queues = Remote::new(api::queues);
    let target_error = {
        let refused = rpc.error_at("target");
        Signal::derive(move || wrong_target.get().map(str::to_owned).or_else(|| refused.get()))
    };
    let kinds_error = {
        let refused = rpc.error_at("event_kinds");
        Signal::derive(move || {
            if has_no_kind.get() {
                Some("Choose at least one kind, or all of them.".to_owned())
            } else {
                refused.get()
            }
        })
    };
    let send = StoredValue::new_local(move || {
        let to = target.with_untracked(|target| target.trim().to_owned());
        let by = channel.get_untracked();
        wrong_target.set(target_problem(&by, &to));
        has_no_kind.set(!takes_all.get_untracked() && chosen.with_untracked(BTreeSet::is_empty));
        if wrong_target.get_untracked().is_some() || has_no_kind.get_untracked() {
            return;
        }
        let kinds = (!takes_all.get_untracked()).then(|| chosen.get_untracked());
        let to = (by != "console").then_some(to);
        let fields = json!({ "route_id": id, "channel": by, "target": to, "event_kinds": kinds, "is_enabled": is_enabled });
        rpc.send(fields, move |_| {
            on_done.run(if is_new { "The route is on." } else { "The route is saved." }.to_owned())
        });
    });
    let target_field = move || {
        let by = channel.get();
        let label = CHANNELS.iter().find(|(value, ..)| *value == by).map_or("", |(.., label)| label);
        match by.as_str() {
            "console" => ().into_any(),
            "queue" => view! {
                <Field id="route-target" label=label error=target_error hint="The events’ cases become jobs of this kind.">
                    <select id="route-target" class="input" data-test="route-target" prop:value=move || { queues.value.track(); target.get() } on:change:target=move |event| target.set(event.target().value())>
                        <option value="">"Choose…"</option>
                        {move || queues.value.get().into_iter().flatten().filter(|queue| queue.kind != "tier_assignment").map(|queue| {
                            let is_chosen = target.with_untracked(|target| *target == queue.kind);
                            view! { <option value=queue.kind.clone() selected=is_chosen>{format::words(&queue.kind)}</option> }
                        }).collect_view()}
                    </select>
                </Field>
            }.into_any(),
            _ => view! {
                <Field id="route-target" label=label error=target_error hint=if by == "webhook" { "It is sent JSON as Slack takes it. Admins alone see the address." } else { "E-mails wait until a worker knows a mail server (smtp_url)." }>
                    <input id="route-target" class="input" type=if by == "email" { "email" } else { "url" } autocomplete="off" data-test="route-target" aria-invalid=move || target_error.with(Option::is_some).to_string() prop:value=move || target.get() on:input:target=move |event| { wrong_target.set(None); target.set(event.target().value()); }/>
                </Field>
            }.into_any(),
        }
    };
    view! {
        <form class="route-form" novalidate on:submit=move |event| { event.prevent_default(); send.with_value(|send| send()); }>
            <h2>{if is_new { "Add a route" } else { "Edit the route" }}</h2>
            <Field id="route-channel" label="To" error=rpc.error_at("channel")>
                <select id="route-channel" class="input" autofocus=true data-test="route-channel" prop:value=move || channel.get() on:change:target=move |event| { target.set(String::new()); wrong_target.set(None); channel.set(event.target().value()); }>
                    {CHANNELS.map(|(value, name, _)| view! { <option value=value selected=channel.with_untracked(|channel| channel == value)>{name}</option> })}
                </select>
            </Field>
            {target_field}
            <fieldset class="kinds">
                <legend>"Events"</legend>
                <label class="check"><input type="radio" name="kinds" data-test="kinds-all" prop:checked=move || takes_all.get() on:change=move |_| takes_all.set(true)/>"All kinds"</label>
                <label class="check"><input type="radio" name="kinds" data-test="kinds-some" prop:checked=move || !takes_all.get() on:change=move |_| takes_all.set(false)/>"Only these"</label>
                {move || (!takes_all.get()).then(|| view! {
                    <div class="kind-list" tabindex="0" role="group" aria-label="Kinds of events">
                        {kinds.get().into_iter().map(|kind| {
                            let (shown, toggled) = (kind.kind.clone(), kind.kind.clone());
                            view! {
                                <label class="check" title=kind.description>
                                    <input type="checkbox" data-test=format!("kind-{}", kind.kind) prop:checked=move || chosen.with(|chosen| chosen.contains(&shown))
                                        on:change:target=move |event| { has_no_kind.set(false); let is_on = event.target().checked(); chosen.update(|chosen| if is_on { chosen.insert(toggled.clone()); } else { chosen.remove(&toggled); }); }/>
                                    {format::words(&kind.kind)}
                                </label>
                            }
                        }).collect_view()}
                    </div>
                })}
                {move || kinds_error.get().map(|words| view! { <p class="field-error" role="alert" data-test="field-error">{words}</p> })}
            </fieldset>
            <FormError error=rpc.error_beside(["target", "channel", "event_kinds"])/>
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button type="submit" class="button primary" data-test="save" disabled=move || rpc.is_busy.get()>{if is_new { "Add route" } else { "Save route" }}</button>
            </div>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_refused_as_the_database_refuses_them() {
        for good in ["https://hooks.example.com/x", "http://127.0.0.1:9/"] {
            assert_eq!(target_problem("webhook", good), None, "{good}");
        }
        for bad in ["", "hooks.example.com", "https:///x", "https:// x", "ftp://example.com"] {
            assert!(target_problem("webhook", bad).is_some(), "{bad}");
        }
        assert_eq!(target_problem("email", "ops@example.com"), None);
        for bad in ["", "ops", "ops@example", "@example.com", "a@b@example.com"] {
            assert!(target_problem("email", bad).is_some(), "{bad}");
        }
        assert_eq!(target_problem("console", ""), None);
    }

    #[test]
    fn of_a_webhook_only_the_host_is_shown() {
        assert_eq!(
            target_words("webhook", "https://user:pw@hooks.example.com/T0/secret?x=1"),
            "hooks.example.com"
        );
        assert_eq!(target_words("email", "ops@example.com"), "ops@example.com");
    }
}
