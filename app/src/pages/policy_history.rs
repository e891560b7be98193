//! `/policy/history`: every revision with its receipt, who did what to which policy and why, and what publishing needs.

use crate::api;
use crate::components::empty::Empty;
use crate::components::loaded::{Loaded, RowsSkeleton};
use crate::components::page_header::PageHeader;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use contract::{OrganisationSettings, PolicyEvent, PolicyState, PolicySummary, Role};
use leptos::prelude::*;
use leptos::task::spawn_local;

#[component]
pub fn PolicyHistoryPage() -> impl IntoView {
    let live = use_live();
    let policies = Remote::new(move || {
        live.published.track();
        api::policies()
    });
    let events = Remote::new(move || {
        live.published.track();
        api::policy_events()
    });
    view! {
        <div class="page history-page">
            <PageHeader title="Policy history" lead="Every revision, who published it, why, and what its receipt vouches for." parent=("/policy", "Policy")/>
            <section class="panel" aria-labelledby="revisions-title">
                <header><h2 id="revisions-title">"Revisions"</h2></header>
                <Loaded remote=policies skeleton=|| view! { <RowsSkeleton rows=4/> } let:policies>
                    <Revisions policies/>
                </Loaded>
            </section>
            <section class="panel" aria-labelledby="events-title">
                <header><h2 id="events-title">"Log"</h2><span class="muted">"newest first"</span></header>
                <Loaded remote=events skeleton=|| view! { <RowsSkeleton rows=6/> } let:events>
                    {move || if events.with(Vec::is_empty) {
                        view! { <Empty title="Nothing yet" text="Drafts, approvals, schedules and publishes are written down here as they happen."/> }.into_any()
                    } else {
                        view! { <Log events/> }.into_any()
                    }}
                </Loaded>
            </section>
            <Settings on_change=move || events.refetch()/>
        </div>
    }
}

#[component]
fn Revisions(policies: Signal<Vec<PolicySummary>>) -> impl IntoView {
    let revisions = move || {
        let mut revisions = policies.get();
        revisions.retain(|policy| policy.revision.is_some() && policy.state != PolicyState::Draft);
        revisions.sort_by_key(|policy| std::cmp::Reverse(policy.revision));
        revisions.into_iter().map(revision).collect_view()
    };
    view! {
        <div class="scrolled">
            <table class="table">
                <thead><tr><th scope="col" class="number">"Revision"</th><th scope="col">"Policy"</th><th scope="col">"Published"</th><th scope="col">"Why"</th><th scope="col">"Receipt"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th></tr></thead>
                <tbody>{revisions}</tbody>
            </table>
        </div>
    }
}

fn revision(policy: PolicySummary) -> AnyView {
    let number = policy.revision.map(|revision| revision.to_string()).unwrap_or_default();
    let is_published = policy.state == PolicyState::Published;
    let receipt = policy.receipt.map(|receipt| {
        [
            ("policy", receipt.policy),
            ("build", receipt.build),
            ("facts", receipt.snapshot),
            ("matrix", receipt.matrix),
        ]
    });
    let overruled: Vec<String> = policy.overruled.iter().map(|place| words_of_place(place)).collect();
    let overruled = policy.override_note.map(|note| {
        let which = if overruled.is_empty() { "Guardrails".to_owned() } else { overruled.join(", ") };
        view! { <span class="override" data-test="overruled">{format!("{which} overruled: {note}")}</span> }
    });
    view! {
        <tr data-test="revision">
            <th scope="row" class="number">{number}</th>
            <td>{policy.name}{is_published.then(|| view! { " "<span class="tag">"published"</span> })}</td>
            <td>{policy.published_at.map(|at| view! { <Time at/> })}" by "{policy.published_by.unwrap_or_default()}</td>
            <td class="note">{policy.note.unwrap_or_else(|| "–".to_owned())}{overruled}</td>
            <td class="receipt">{match receipt {
                Some(digests) => digests.map(|(name, digest)| view! { <span title=digest.clone()>{name}" "<code>{short(&digest)}</code></span> }).collect_view().into_any(),
                None => view! { <span class="muted">"came with Dragonfly"</span> }.into_any(),
            }}</td>
            <td class="row-actions">{(!is_published).then(|| view! { <a class="button quiet small" href=format!("/policy?draft={}", policy.id)>"Restore as a draft"</a> })}</td>
        </tr>
    }
    .into_any()
}

/// `guardrails[1]` as people count: `Guardrail 2`
fn words_of_place(place: &str) -> String {
    let words = || {
        let (list, number) = place.strip_suffix(']')?.split_once('[')?;
        let name = match list {
            "examples" => "Example",
            "guardrails" => "Guardrail",
            "laws" => "Law",
            _ => return None,
        };
        Some(format!("{name} {}", number.parse::<usize>().ok()?.checked_add(1)?))
    };
    words().unwrap_or_else(|| place.to_owned())
}

/// As many digits as people compare.
fn short(digest: &str) -> String {
    digest.chars().take(8).collect()
}

#[component]
fn Log(events: Signal<Vec<PolicyEvent>>) -> impl IntoView {
    let line = |event: PolicyEvent| {
        let notes: Vec<String> = [event.note, event.override_note.map(|note| format!("overruled: {note}"))]
            .into_iter()
            .flatten()
            .collect();
        view! {
            <tr data-test="policy-event" data-kind=event.kind.clone()>
                <td><Time at=event.at/></td>
                <td>{event.actor.unwrap_or_else(|| "Dragonfly".to_owned())}</td>
                <td>{format::words(&event.kind)}{event.revision.map(|revision| format!(" as revision {revision}"))}</td>
                <td>{event.policy_name.unwrap_or_default()}{event.version.map(|version| view! { <span class="muted">{format!(" version {version}")}</span> })}</td>
                <td class="note">{notes.join("; ")}</td>
                <td>{event.digest.map(|digest| view! { <code title=digest.clone()>{short(&digest)}</code> })}</td>
            </tr>
        }
    };
    view! {
        <div class="scrolled">
            <table class="table">
                <thead><tr><th scope="col">"When"</th><th scope="col">"Who"</th><th scope="col">"What"</th><th scope="col">"Policy"</th><th scope="col">"Why"</th><th scope="col">"Digest"</th></tr></thead>
                <tbody>{move || events.get().into_iter().map(line).collect_view()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Settings(#[prop(into)] on_change: Callback<()>) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let settings = Remote::new(api::organisation_settings);
    let is_busy = RwSignal::new(false);
    let set = move |publish_needs_approval: bool| {
        is_busy.set(true);
        spawn_local(async move {
            match api::set_organisation_settings(OrganisationSettings { publish_needs_approval }).await {
                Ok(_) => toasts.say(if publish_needs_approval {
                    "From now on a second person approves what is published."
                } else {
                    "Publishing needs no approval any more."
                }),
                Err(error) => toasts.fail(&error),
            }
            is_busy.set(false);
            settings.refetch();
            on_change.run(());
        });
    };
    view! {
        <section class="panel" aria-labelledby="settings-title">
            <header><h2 id="settings-title">"Publishing"</h2></header>
            <Loaded remote=settings skeleton=|| view! { <RowsSkeleton rows=1/> } let:settings>
                <label class="setting">
                    <input type="checkbox" data-test="needs-approval" disabled=move || is_busy.get() || !session.may(Role::Admin) prop:checked=move || settings.get().publish_needs_approval on:change:target=move |event| set(event.target().checked())/>
                    <span>"A second person approves a draft before it is published"<span class="muted">"Nobody approves what they have written, saved or put up themselves."</span></span>
                </label>
            </Loaded>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_people_count() {
        assert_eq!(words_of_place("guardrails[1]"), "Guardrail 2");
        assert_eq!(words_of_place("laws[0]"), "Law 1");
        assert_eq!(words_of_place("elsewhere"), "elsewhere");
    }
}
