//! What stands between a draft and its publishing: the approval of a second person, and a time that was set.

use super::notice::{Notice, Tone};
use super::time::Time;
use crate::api::{self, ApiError};
use crate::state::clock;
use crate::state::draft::Origin;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use crate::state::workbench::Workbench;
use contract::{AnswerApproval, ApprovalState, PolicyState, PolicySummary, RequestApproval, Role};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::future::Future;

/// The saved draft's approval, where the organisation wants one
#[component]
pub fn Approval(workbench: Workbench, #[prop(into)] on_change: Callback<()>) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let draft = workbench.draft;
    let note = RwSignal::new(String::new());
    let is_busy = RwSignal::new(false);
    // The server answers with the draft as it then is.
    let settle = move |words: &'static str, answer: Result<PolicySummary, ApiError>| {
        match answer {
            Ok(summary) => {
                draft.origin.set(Origin::Saved(Box::new(summary)));
                note.set(String::new());
                toasts.say(words);
            }
            Err(error) => toasts.fail(&error),
        }
        is_busy.set(false);
        on_change.run(());
    };
    let run =
        move |words: &'static str,
              request: std::pin::Pin<Box<dyn Future<Output = Result<PolicySummary, ApiError>>>>| {
            is_busy.set(true);
            spawn_local(async move { settle(words, request.await) });
        };
    let text = move || Some(note.get_untracked().trim().to_owned()).filter(|note| !note.is_empty());
    let ask = move |saved: &PolicySummary| {
        let (id, request) =
            (saved.id.clone(), RequestApproval { expected_version: saved.version, note: text() });
        run("Put up for approval.", Box::pin(async move { api::request_approval(&id, request).await }));
    };
    let answer = move |saved: &PolicySummary, is_approved: bool| {
        let request = AnswerApproval { expected_version: saved.version, is_approved, note: text() };
        let id = saved.id.clone();
        let words = if is_approved { "Approved." } else { "Declined." };
        run(words, Box::pin(async move { api::answer_approval(&id, request).await }));
    };
    let is_mine = move |saved: &PolicySummary| {
        let me = session.current().get().map(|session| session.user_id);
        me.is_some() && (me == saved.author_id || me == saved.saved_by_id)
    };
    let field = move |label: &'static str| {
        view! {
            <div class="field">
                <label for="approval-note">{label}</label>
                <input id="approval-note" class="input" maxlength="2000" autocomplete="off" data-test="approval-note" prop:value=move || note.get() on:input:target=move |event| note.set(event.target().value())/>
            </div>
        }
    };
    let said = |note: Option<String>| note.map(|note| format!(": “{note}”")).unwrap_or_default();
    let standing = move || {
        let Origin::Saved(saved) = draft.origin.get() else {
            return view! { <p>"A second person has to approve this draft before it is published. Save it first."</p> }.into_any();
        };
        if draft.is_unsaved() {
            return view! { <p>"A second person has to approve this draft before it is published. Saving the edits clears the approval that it has."</p> }.into_any();
        }
        let stored = StoredValue::new(saved.clone());
        let ask_button = move || {
            view! {
                <div class="approval-form">
                    {field("Note for whoever approves (optional)")}
                    <button type="button" class="button" data-test="ask-approval" disabled=move || is_busy.get() on:click=move |_| stored.with_value(|saved| ask(saved))>"Ask for approval"</button>
                </div>
            }
        };
        match saved.approval.clone() {
            None => view! { <p>"A second person has to approve this draft before it is published."</p>{ask_button()} }.into_any(),
            Some(approval) => match approval.state {
                ApprovalState::Requested => view! {
                    <p data-test="approval-state" data-state="requested">{format!("{} has asked for approval{}", approval.requested_by, said(approval.request_note))}" "<Time at=approval.requested_at/>"."</p>
                    {if is_mine(&saved) {
                        view! { <p class="muted">"Another admin than its author approves or declines it. A save clears the request."</p> }.into_any()
                    } else {
                        view! {
                            <div class="approval-form">
                                {field("Note (needed to decline)")}
                                <button type="button" class="button primary" data-test="approve" disabled=move || is_busy.get() on:click=move |_| stored.with_value(|saved| answer(saved, true))>"Approve"</button>
                                <button type="button" class="button" data-test="decline" disabled=move || is_busy.get() || note.with(|note| note.trim().is_empty()) on:click=move |_| stored.with_value(|saved| answer(saved, false))>"Decline"</button>
                            </div>
                        }
                        .into_any()
                    }}
                }
                .into_any(),
                ApprovalState::Approved => view! {
                    <p data-test="approval-state" data-state="approved">{format!("Approved by {}{}", approval.answered_by.unwrap_or_default(), said(approval.note))}". It can be published as it is."</p>
                }
                .into_any(),
                ApprovalState::Declined => view! {
                    <p data-test="approval-state" data-state="declined">{format!("Declined by {}{}", approval.answered_by.unwrap_or_default(), said(approval.note))}". Change it and save, or ask again."</p>
                    {ask_button()}
                }
                .into_any(),
            },
        }
    };
    let is_shown = Memo::new(move |_| {
        workbench.needs_approval.get()
            && session.may(Role::Admin)
            && (workbench.edits.with(|edits| !edits.is_empty())
                || matches!(draft.origin.get(), Origin::Saved(_)))
    });
    move || {
        is_shown.get().then(|| view! { <Notice tone=Tone::Plain><div class="approval" data-test="approval">{standing}</div></Notice> })
    }
}

/// A policy that is to be published by itself
#[component]
pub fn Scheduled(policies: Memo<Vec<PolicySummary>>, #[prop(into)] on_change: Callback<()>) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let cancel = move |id: String| {
        spawn_local(async move {
            match api::cancel_schedule(&id).await {
                Ok(policy) => toasts.say(format!("“{}” is a draft again.", policy.name)),
                Err(error) => toasts.fail(&error),
            }
            on_change.run(());
        });
    };
    move || {
        let policies = policies.get();
        let published = policies.iter().find(|policy| policy.state == PolicyState::Published);
        let published = published.and_then(|policy| policy.revision).unwrap_or_default();
        let scheduled = policies.into_iter().find(|policy| policy.state == PolicyState::Scheduled)?;
        let schedule = scheduled.schedule?;
        let is_overtaken = schedule.error.is_none() && schedule.over_revision != published;
        let has_failed = is_overtaken || schedule.error.is_some();
        let (id, tone) = (scheduled.id, if has_failed { Tone::Error } else { Tone::Plain });
        let words = match &schedule.error {
            None if is_overtaken => format!(
                "“{}” was to follow revision {} on {}, but revision {published} has been published meanwhile: it will not be published by itself. Cancel it, preview the draft against revision {published} and schedule it again.",
                scheduled.name,
                schedule.over_revision,
                clock::full_time(&schedule.effective_at)
            ),
            None => format!(
                "“{}” is published by itself on {}, as {} has set.",
                scheduled.name,
                clock::full_time(&schedule.effective_at),
                schedule.scheduled_by
            ),
            Some(error) => format!(
                "“{}” was due on {} and was not published: {error}. Cancel it, mend the draft and schedule it again.",
                scheduled.name,
                clock::full_time(&schedule.effective_at)
            ),
        };
        Some(view! {
            <Notice tone>
                <div class="load-failed" data-test="scheduled" data-overtaken=is_overtaken.to_string()>
                    <span>{words}</span>
                    {session.may(Role::Admin).then(|| view! { <button class="button small" data-test="cancel-schedule" on:click=move |_| cancel(id.clone())>"Cancel it"</button> })}
                </div>
            </Notice>
        })
    }
}
