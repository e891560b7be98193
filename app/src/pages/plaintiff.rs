//! `/plaintiffs/{id}`: how a plaintiff is reached, what was said, what is to be done, what its judgments come to.

use super::plaintiffs::{DueCall, StatusTag};
use crate::api;
use crate::components::empty::Empty;
use crate::components::form::{Field, FormError};
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{CardsSkeleton, Loaded, RowsSkeleton};
use crate::components::modal::{ConfirmDialog, Modal};
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::TierBadge;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::remote::{Remote, part};
use crate::state::rpc::Rpc;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use crate::state::{clock, url};
use contract::{
    CallAttempt, PlaintiffContact, PlaintiffDetail, PlaintiffJudgment, PlaintiffStatusChange, PlaintiffTask,
    Role, problem,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use serde_json::json;

/// Statuses that people set; the others follow from calls.
const SETTABLE: [&str; 7] =
    ["new", "contacted", "qualified", "sent_agreement", "signed", "lost", "do_not_call"];

/// The form that is open
#[derive(Clone, PartialEq)]
enum Form {
    Status,
    Contact(Option<PlaintiffContact>),
    Task,
    CloseTask(PlaintiffTask),
}

#[component]
pub fn PlaintiffPage() -> impl IntoView {
    let path = use_location().pathname;
    let id = Memo::new(move |_| {
        path.with(|path| {
            path.trim_end_matches('/').strip_prefix("/plaintiffs/").unwrap_or_default().to_owned()
        })
    });
    let live = use_live();
    let detail = Remote::live([live.cases, live.judgments], move || {
        let id = id.get();
        async move { api::review::plaintiff(&id).await }
    });
    let is_missing = Memo::new(move |_| {
        detail.error.with(|error| error.as_ref().is_some_and(|error| error.code() == problem::NOT_FOUND))
    });
    view! {
        <Title text="Plaintiff"/>
        <div class="page plaintiff-page">
            {move || if is_missing.get() {
                view! {
                    <PageHeader title="No such plaintiff" lead="It may belong to another organisation, or the address may be mistyped." parent=("/plaintiffs", "Plaintiffs")/>
                    <div class="panel"><Empty title="Nothing to show" text="Search for the name in the list of plaintiffs."><a class="button" href="/plaintiffs">"Go to Plaintiffs"</a></Empty></div>
                }
                .into_any()
            } else {
                view! {
                    <Loaded remote=detail skeleton=|| view! { <RowsSkeleton rows=2/><CardsSkeleton cards=3/><RowsSkeleton rows=8/> } let:now>
                        <Plaintiff now remote=detail/>
                    </Loaded>
                }
                .into_any()
            }}
        </div>
    }
}

#[component]
fn Plaintiff(now: Signal<PlaintiffDetail>, remote: Remote<PlaintiffDetail>) -> impl IntoView {
    let session = use_session();
    let form = RwSignal::new(None::<Form>);
    let name = Memo::new(move |_| now.with(|now| now.plaintiff.plaintiff_name.clone()));
    let open = move |wanted: Form| form.set(Some(wanted));
    let may_work = Memo::new(move |_| session.may(Role::Operator));
    view! {
        {move || {
            let lead = now.with_untracked(|now| now.plaintiff.firm_name.clone()).unwrap_or_else(|| "Contacts, calls, tasks and judgments of this plaintiff.".to_owned());
            view! {
                <PageHeader title=name.get() lead parent=("/plaintiffs", "Plaintiffs")>
                    {move || may_work.get().then(|| view! {
                        <button class="button" data-test="open-status" on:click=move |_| open(Form::Status)>"Change status…"</button>
                        <button class="button" data-test="open-contact" on:click=move |_| open(Form::Contact(None))><IconView icon=Icon::Plus/>"Contact"</button>
                        <button class="button primary" data-test="open-task" on:click=move |_| open(Form::Task)><IconView icon=Icon::Phone/>"Plan a call or task…"</button>
                    })}
                </PageHeader>
            }
        }}
        {move || now.with(figures)}
        <div class="plaintiff-columns">
            <div class="column">
                <Tasks now form may_work/>
                <Judgments now/>
                <Calls now/>
            </div>
            <div class="column">
                <Contacts now form may_work/>
                <Statuses now/>
            </div>
        </div>
        <Forms form now remote/>
    }
}

fn figures(detail: &PlaintiffDetail) -> AnyView {
    let row = &detail.plaintiff;
    let search = format!("/judgments?search={}", url::encode(&row.plaintiff_name));
    let next_call = row.next_call_at.clone();
    let cases = match (row.case_count, row.open_case_count) {
        (0, _) => "no case yet".to_owned(),
        (all, open) if all == open => format::counted(open, "open case", "open cases"),
        (all, open) => format!("{} of {} open", format::count(open), format::counted(all, "case", "cases")),
    };
    view! {
        <dl class="panel figure-row">
            <div><dt>"Status"</dt><dd class="figure words"><StatusTag status=row.status.clone()/></dd><dd class="under">{match row.status_changed_at.clone() { Some(at) => view! { "since "<Time at/> }.into_any(), None => view! { "as imported" }.into_any() }}</dd></div>
            <div><dt>"Balance due"</dt><dd class="figure" data-test="balance">{format::money(&row.total_balance_due)}</dd><dd class="under"><a href=search>{format::counted(row.judgment_count, "judgment", "judgments")}</a>" · "{format::money(&row.total_judgment_amount)}" awarded"</dd></div>
            <div><dt>"Recovered"</dt><dd class="figure">{format::money(&row.recovered_amount)}</dd><dd class="under">{cases}</dd></div>
            <div><dt>"Next call"</dt><dd class="figure words">{match next_call { Some(at) => view! { <DueCall at/> }.into_any(), None => view! { <span class="muted">"none planned"</span> }.into_any() }}</dd><dd class="under">{match row.last_called_at.clone() { Some(at) => view! { "last called "<Time at/> }.into_any(), None => view! { "never called" }.into_any() }}</dd></div>
        </dl>
    }
    .into_any()
}

#[component]
fn Tasks(now: Signal<PlaintiffDetail>, form: RwSignal<Option<Form>>, may_work: Memo<bool>) -> impl IntoView {
    let tasks = part(now, |now| now.tasks.clone());
    let rows = move |tasks: Vec<PlaintiffTask>| {
        tasks.into_iter().map(|task| {
            let is_open = task.status == "open";
            let is_call = task.kind == "call";
            let closing = task.clone();
            let due_at = task.due_at.clone();
            view! {
                <li data-test="task" data-kind=task.kind.clone() data-status=task.status.clone() class:closed=!is_open>
                    <div class="what"><span class="name">{task.title}</span>{task.note.map(|note| view! { <span class="muted">{note}</span> })}
                        {match (task.case_id, task.case_number) { (Some(id), Some(number)) => view! { <a class="case small" href=format!("/cases/{id}")>{number}</a> }.into_any(), _ => ().into_any() }}</div>
                    {if is_open {
                        view! {
                            <span class="due" class:loss=task.is_past_due>{move || due_at.as_deref().map_or_else(|| "no time".to_owned(), clock::due)}</span>
                            {if is_call {
                                view! { <a class="button small" href=format!("/calls?search={}", url::encode(&now.with_untracked(|now| now.plaintiff.plaintiff_name.clone())))>"Go to call"</a> }.into_any()
                            } else {
                                view! { {move || may_work.get().then(|| { let closing = closing.clone(); view! { <button class="button small" data-test="close-task" on:click=move |_| form.set(Some(Form::CloseTask(closing.clone())))>"Done…"</button> } })} }.into_any()
                            }}
                        }.into_any()
                    } else {
                        view! { <span class="muted due">{format::words(&task.status)}{task.closed_by.map(|by| format!(" by {by}"))}</span>{task.closed_at.map(|at| view! { <Time at/> })} }.into_any()
                    }}
                </li>
            }
        }).collect_view()
    };
    view! {
        <section class="panel" aria-labelledby="tasks-title">
            <header><h2 id="tasks-title">"Tasks"</h2></header>
            {move || {
                let (open, closed): (Vec<_>, Vec<_>) = tasks.get().into_iter().partition(|task| task.status == "open");
                let closed_count = closed.len() as u64;
                view! {
                    {if open.is_empty() { view! { <p class="none muted">"Nothing is to be done."</p> }.into_any() } else { view! { <ul class="task-list">{rows(open)}</ul> }.into_any() }}
                    {(closed_count > 0).then(|| view! { <details class="closed-tasks"><summary>{format::counted(closed_count, "task that is done", "tasks that are done")}</summary><ul class="task-list">{rows(closed)}</ul></details> })}
                }
            }}
        </section>
    }
}

#[component]
fn Judgments(now: Signal<PlaintiffDetail>) -> impl IntoView {
    let judgments = part(now, |now| now.judgments.clone());
    let row = |judgment: PlaintiffJudgment| {
        view! {
            <tr role="row" data-test="judgment">
                <td role="cell" class="tier"><TierBadge tier=judgment.tier short=true/></td>
                <th scope="row" role="rowheader" class="case"><a href=format!("/judgments/{}", judgment.judgment_id)>{judgment.case_number}</a></th>
                <td role="cell" class="parties clip">{judgment.defendant_name}</td>
                <td role="cell" class="number balance"><strong>{format::money_or_dash(judgment.balance_due.as_deref())}</strong></td>
                <td role="cell" class="number amount muted">{format::money(&judgment.judgment_amount)}</td>
                <td role="cell" class="stage">{match (judgment.case_id, judgment.stage, judgment.case_closed_at) {
                    (Some(id), Some(stage), None) => view! { <a href=format!("/cases/{id}")>{format::words(&stage)}</a> }.into_any(),
                    (Some(id), _, Some(_)) => view! { <a class="muted" href=format!("/cases/{id}")>"closed case"</a> }.into_any(),
                    _ => view! { <span class="muted">"no case"</span> }.into_any(),
                }}</td>
                <td role="cell" class="status">{format::words(&judgment.status)}</td>
            </tr>
        }
    };
    view! {
        <section class="panel" aria-labelledby="judgments-title">
            <header><h2 id="judgments-title">"Judgments and cases"</h2><span class="spacer"></span>
                {move || now.with(|now| (now.plaintiff.judgment_count > now.judgments.len() as u64).then(|| format!("the {} with the highest balances", now.judgments.len()))).map(|words| view! { <span class="muted small">{words}</span> })}
            </header>
            {move || {
                let judgments = judgments.get();
                if judgments.is_empty() { return view! { <p class="none muted">"No judgment of this plaintiff is known."</p> }.into_any(); }
                view! {
                    <table class="table rows-table plaintiff-judgments" role="table">
                        <thead><tr><th scope="col">"Tier"</th><th scope="col">"Case number"</th><th scope="col">"Defendant"</th><th scope="col" class="number">"Balance due"</th><th scope="col" class="number">"Awarded"</th><th scope="col">"Stage"</th><th scope="col">"Status"</th></tr></thead>
                        <tbody>{judgments.into_iter().map(row).collect_view()}</tbody>
                    </table>
                }.into_any()
            }}
        </section>
    }
}

#[component]
fn Calls(now: Signal<PlaintiffDetail>) -> impl IntoView {
    let calls = part(now, |now| now.calls.clone());
    let row = |call: CallAttempt| {
        view! {
            <li data-test="call-attempt">
                <span class="name">{format::words(&call.outcome)}{call.interest.map(|interest| format!(", {interest}"))}</span>
                <span class="muted">{call.called_by}", "<Time at=call.called_at/>{call.follow_up_at.map(|at| view! { " · again "{clock::due(&at)} })}</span>
                {call.notes.map(|notes| view! { <p>{notes}</p> })}
            </li>
        }
    };
    view! {
        <section class="panel" aria-labelledby="attempts-title">
            <header><h2 id="attempts-title">"Calls"</h2></header>
            {move || {
                let calls = calls.get();
                if calls.is_empty() { view! { <p class="none muted">"Nobody has called yet."</p> }.into_any() } else { view! { <ul class="log-list">{calls.into_iter().map(row).collect_view()}</ul> }.into_any() }
            }}
        </section>
    }
}

#[component]
fn Contacts(
    now: Signal<PlaintiffDetail>,
    form: RwSignal<Option<Form>>,
    may_work: Memo<bool>,
) -> impl IntoView {
    let lines = |phone: Option<String>, email: Option<String>| {
        view! {
            {phone.map(|phone| view! { <a href=format!("tel:{}", phone.replace(' ', ""))>{phone.clone()}</a> })}
            {email.map(|email| view! { <a href=format!("mailto:{email}")>{email.clone()}</a> })}
        }
    };
    let row = move |contact: PlaintiffContact| {
        let edited = contact.clone();
        view! {
            <li data-test="contact">
                <span class="name">{contact.name}{contact.is_primary.then(|| view! { " "<span class="tag">"Primary"</span> })}</span>
                {contact.role.map(|role| view! { <span class="muted">{role}</span> })}
                {lines(contact.phone, contact.email)}
                {move || may_work.get().then(|| { let edited = edited.clone(); view! { <button class="button small quiet" data-test="edit-contact" on:click=move |_| form.set(Some(Form::Contact(Some(edited.clone()))))>"Edit…"</button> } })}
            </li>
        }
    };
    view! {
        <section class="panel" aria-labelledby="contacts-title">
            <header><h2 id="contacts-title">"Contacts"</h2></header>
            {move || now.with(|now| {
                let has_intake = now.contact_name.is_some() || now.phone.is_some() || now.email.is_some() || now.address.is_some();
                if !has_intake && now.contacts.is_empty() { return view! { <p class="none muted">"Nobody is known yet. Add whom to call."</p> }.into_any(); }
                view! {
                    <ul class="contact-list">
                        {now.contacts.iter().cloned().map(row).collect_view()}
                        {has_intake.then(|| view! { <li><span class="name">{now.contact_name.clone().unwrap_or_else(|| "As imported".to_owned())}</span>{lines(now.phone.clone(), now.email.clone())}{now.address.clone().map(|address| view! { <span class="muted">{address}</span> })}</li> })}
                    </ul>
                }.into_any()
            })}
        </section>
    }
}

#[component]
fn Statuses(now: Signal<PlaintiffDetail>) -> impl IntoView {
    let statuses = part(now, |now| now.statuses.clone());
    let row = |change: PlaintiffStatusChange| {
        view! {
            <li data-test="status-change">
                <span class="name">{change.previous_status.map(|before| view! { <span class="muted">{format::words(&before)}" → "</span> })}{format::words(&change.status)}</span>
                <span class="muted">{change.actor}", "<Time at=change.changed_at/></span>
                {change.note.map(|note| view! { <p>{note}</p> })}
            </li>
        }
    };
    view! {
        <section class="panel" aria-labelledby="statuses-title">
            <header><h2 id="statuses-title">"Status history"</h2></header>
            {move || {
                let statuses = statuses.get();
                if statuses.is_empty() { view! { <p class="none muted">"The status has never changed."</p> }.into_any() } else { view! { <ul class="log-list">{statuses.into_iter().map(row).collect_view()}</ul> }.into_any() }
            }}
        </section>
    }
}

// ---- forms ----

#[component]
fn Forms(
    form: RwSignal<Option<Form>>,
    now: Signal<PlaintiffDetail>,
    remote: Remote<PlaintiffDetail>,
) -> impl IntoView {
    let is_open = RwSignal::new(false);
    Effect::new(move |_| is_open.set(form.with(Option::is_some)));
    Effect::new(move |_| {
        // Escape closes the dialog past the form.
        if !is_open.get() && form.with_untracked(Option::is_some) {
            form.set(None);
        }
    });
    let toasts = use_toasts();
    let on_done = Callback::new(move |words: String| {
        is_open.set(false);
        toasts.say(words);
        remote.refetch();
    });
    view! {
        <Modal is_open label="Change the plaintiff" class="narrow" test="plaintiff-form">
            {move || form.get().map(|form| match form {
                Form::Status => view! { <StatusForm now on_done is_open/> }.into_any(),
                Form::Contact(contact) => view! { <ContactForm now contact on_done is_open/> }.into_any(),
                Form::Task => view! { <TaskForm now on_done is_open/> }.into_any(),
                Form::CloseTask(task) => view! { <CloseTaskForm task on_done is_open/> }.into_any(),
            })}
        </Modal>
    }
}

fn plaintiff_id(now: Signal<PlaintiffDetail>) -> String {
    now.with_untracked(|now| now.plaintiff.plaintiff_id.clone())
}

/// A text as functions take it: nothing where it is blank
fn given(text: RwSignal<String>) -> Option<String> {
    text.with_untracked(|text| Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

#[component]
fn Buttons(rpc: Rpc, is_open: RwSignal<bool>, save: &'static str) -> impl IntoView {
    view! {
        <div class="buttons">
            <button type="button" class="button" data-test="cancel" on:click=move |_| is_open.set(false)>"Cancel"</button>
            <button type="submit" class="button primary" data-test="save" disabled=move || rpc.is_busy.get()>{save}</button>
        </div>
    }
}

#[component]
fn StatusForm(
    now: Signal<PlaintiffDetail>,
    on_done: Callback<String>,
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let rpc = Rpc::new("set_plaintiff_status");
    let current = now.with_untracked(|now| now.plaintiff.status.clone());
    let choices: Vec<&str> = SETTABLE.into_iter().filter(|status| *status != current).collect();
    let status = RwSignal::new(choices.first().copied().unwrap_or_default().to_owned());
    let note = RwSignal::new(String::new());
    let is_asking = RwSignal::new(false);
    let send = move || {
        let wanted = status.get_untracked();
        let fields = json!({ "plaintiff_id": plaintiff_id(now), "status": wanted, "note": given(note) });
        rpc.send(fields, move |_| {
            on_done.run(format!("Status is now {}.", format::words(&wanted).to_lowercase()))
        });
    };
    let submit = move || {
        if status.with_untracked(|status| status == "do_not_call") { is_asking.set(true) } else { send() }
    };
    view! {
        <form on:submit=move |event| { event.prevent_default(); submit(); }>
            <h2>"Change status"</h2>
            <p>"Now: "{format::words(&current)}</p>
            <Field id="new-status" label="New status" error=rpc.error_at("status")>
                <select id="new-status" class="input" data-test="new-status" on:change:target=move |event| status.set(event.target().value())>
                    {choices.into_iter().map(|choice| view! { <option value=choice>{format::words(choice)}</option> }).collect_view()}
                </select>
            </Field>
            <Field id="status-note" label="Note" error=rpc.error_at("note")>
                <textarea id="status-note" class="input" rows="2" maxlength="4000" data-test="status-note" prop:value=move || note.get() on:input:target=move |event| note.set(event.target().value())></textarea>
            </Field>
            <FormError error=rpc.error_beside(["status", "note"])/>
            <Buttons rpc is_open save="Change status"/>
        </form>
        <ConfirmDialog is_open=is_asking title="Never call this plaintiff again?".to_owned() text="Every open call is cancelled and none is planned." confirm="Do not call again" on_confirm=move |()| send()/>
    }
}

#[component]
fn ContactForm(
    now: Signal<PlaintiffDetail>,
    contact: Option<PlaintiffContact>,
    on_done: Callback<String>,
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let rpc = Rpc::new("put_plaintiff_contact");
    let is_new = contact.is_none();
    let id = contact.as_ref().map(|contact| contact.id.clone());
    let text = |read: fn(&PlaintiffContact) -> Option<String>| {
        RwSignal::new(contact.as_ref().and_then(read).unwrap_or_default())
    };
    let name = text(|contact| Some(contact.name.clone()));
    let (role, phone, email) = (
        text(|contact| contact.role.clone()),
        text(|contact| contact.phone.clone()),
        text(|contact| contact.email.clone()),
    );
    let is_primary = RwSignal::new(contact.as_ref().is_some_and(|contact| contact.is_primary));
    let is_nameless = RwSignal::new(false);
    let name_error = {
        let refused = rpc.error_at("name");
        Signal::derive(move || {
            if is_nameless.get() {
                Some("Who is it? A contact has a name.".to_owned())
            } else {
                refused.get()
            }
        })
    };
    let send = move || {
        let Some(said) = given(name) else { return is_nameless.set(true) };
        is_nameless.set(false);
        let fields = json!({
            "plaintiff_id": plaintiff_id(now), "contact_id": id, "name": said, "role": given(role), "phone": given(phone),
            "email": given(email), "is_primary": is_primary.get_untracked(),
        });
        rpc.send(fields, move |_| {
            on_done.run(format!("{said} is {}.", if is_new { "added" } else { "saved" }))
        });
    };
    let send = StoredValue::new_local(send);
    let input = |id: &'static str,
                 label: &'static str,
                 value: RwSignal<String>,
                 kind: &'static str,
                 error: Signal<Option<String>>| {
        view! {
            <Field id label error>
                <input id=id class="input" type=kind data-test=id autocomplete="off" aria-invalid=move || error.with(Option::is_some).to_string() prop:value=move || value.get() on:input:target=move |event| value.set(event.target().value())/>
            </Field>
        }
    };
    view! {
        <form novalidate on:submit=move |event| { event.prevent_default(); send.with_value(|send| send()); }>
            <h2>{if is_new { "Add a contact" } else { "Edit contact" }}</h2>
            {input("contact-name", "Name", name, "text", name_error)}
            {input("contact-role", "Role", role, "text", rpc.error_at("role"))}
            {input("contact-phone", "Telephone", phone, "tel", rpc.error_at("phone"))}
            {input("contact-email", "E-mail", email, "email", rpc.error_at("email"))}
            <label class="check"><input type="checkbox" data-test="contact-primary" prop:checked=move || is_primary.get() on:change:target=move |event| is_primary.set(event.target().checked())/>"Whom the call queue shows"</label>
            <FormError error=rpc.error_beside(["name", "role", "phone", "email"])/>
            <Buttons rpc is_open save=if is_new { "Add contact" } else { "Save contact" }/>
        </form>
    }
}

#[component]
fn TaskForm(
    now: Signal<PlaintiffDetail>,
    on_done: Callback<String>,
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let rpc = Rpc::new("add_plaintiff_task");
    let kind = RwSignal::new("call".to_owned());
    let title = RwSignal::new(String::new());
    let note = RwSignal::new(String::new());
    let due = RwSignal::new(format!("{}T09:00", clock::days_after(&clock::today(), 1)));
    let is_untitled = RwSignal::new(false);
    let title_error = {
        let refused = rpc.error_at("title");
        Signal::derive(move || {
            if is_untitled.get() { Some("Say what is to be done.".to_owned()) } else { refused.get() }
        })
    };
    let is_call = Memo::new(move |_| kind.with(|kind| kind == "call"));
    let send = move || {
        is_untitled.set(!is_call.get_untracked() && given(title).is_none());
        if is_untitled.get_untracked() {
            return;
        }
        let due_at = clock::instant_of(&due.get_untracked());
        let fields = json!({ "plaintiff_id": plaintiff_id(now), "kind": kind.get_untracked(), "title": given(title), "due_at": due_at, "note": given(note) });
        let words = if is_call.get_untracked() { "The call" } else { "The task" };
        rpc.send(fields, move |_| {
            on_done.run(match due_at {
                Some(at) => format!("{words} is planned: {}.", clock::due(&at)),
                None => format!("{words} is planned."),
            })
        });
    };
    view! {
        <form on:submit=move |event| { event.prevent_default(); send(); }>
            <h2>"Plan a call or task"</h2>
            <Field id="task-kind" label="What" error=rpc.error_at("kind")>
                <select id="task-kind" class="input" data-test="task-kind" on:change:target=move |event| kind.set(event.target().value())>
                    {[("call", "Call"), ("letter", "Letter"), ("email", "E-mail"), ("follow_up", "Follow up")].map(|(value, words)| view! { <option value=value>{words}</option> })}
                </select>
            </Field>
            <Field id="task-title" label="Title" error=title_error>
                <input id="task-title" class="input" maxlength="300" data-test="task-title" placeholder=move || if is_call.get() { "Call the plaintiff" } else { "" } prop:value=move || title.get() on:input:target=move |event| title.set(event.target().value())/>
            </Field>
            <Field id="task-due" label="Due" error=rpc.error_at("due_at")>
                <input id="task-due" class="input" type="datetime-local" data-test="task-due" prop:value=move || due.get() on:input:target=move |event| due.set(event.target().value())/>
            </Field>
            <Field id="task-note" label="Note" error=rpc.error_at("note")>
                <textarea id="task-note" class="input" rows="2" maxlength="4000" data-test="task-note" prop:value=move || note.get() on:input:target=move |event| note.set(event.target().value())></textarea>
            </Field>
            <FormError error=rpc.error_beside(["kind", "title", "due_at", "note"])/>
            <Buttons rpc is_open save="Plan it"/>
        </form>
    }
}

#[component]
fn CloseTaskForm(task: PlaintiffTask, on_done: Callback<String>, is_open: RwSignal<bool>) -> impl IntoView {
    let rpc = Rpc::new("close_plaintiff_task");
    let status = RwSignal::new("completed");
    let note = RwSignal::new(String::new());
    let (id, title) = (task.id, task.title.clone());
    let send = StoredValue::new_local(move || {
        let fields = json!({ "task_id": id, "status": status.get_untracked(), "note": given(note) });
        let words = format!("{title}: {}.", status.get_untracked());
        rpc.send(fields, move |_| on_done.run(words));
    });
    view! {
        <form on:submit=move |event| { event.prevent_default(); send.with_value(|send| send()); }>
            <h2>{task.title}</h2>
            <div class="segments" role="group" aria-label="How it ended">
                {[("completed", "Completed"), ("cancelled", "Cancelled")].map(|(value, words)| view! { <button type="button" data-test=format!("end-{value}") aria-pressed=move || (status.get() == value).to_string() on:click=move |_| status.set(value)>{words}</button> })}
            </div>
            <Field id="close-note" label="Note" error=rpc.error_at("note")>
                <textarea id="close-note" class="input" rows="2" maxlength="4000" data-test="close-note" prop:value=move || note.get() on:input:target=move |event| note.set(event.target().value())></textarea>
            </Field>
            <FormError error=rpc.error_beside(["note"])/>
            <Buttons rpc is_open save="End task"/>
        </form>
    }
}
