//! `/queues`: what waits, what runs, what failed for good, and what to do about it.

use crate::api::{self, ApiError};
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{Loaded, RowsSkeleton};
use crate::components::modal::ConfirmDialog;
use crate::components::page_header::PageHeader;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use crate::state::url;
use contract::{DeadLetter, QueueStats, Role};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::future::Future;
use std::time::Duration;

#[component]
pub fn QueuesPage() -> impl IntoView {
    let live = use_live();
    let kind = url::parameter("kind");
    let queues = Remote::new(move || {
        live.queues.track();
        api::queues()
    });
    let letters = Remote::new(move || {
        live.queues.track();
        let kind = kind.get();
        async move { api::dead_letters(&kind).await }
    });
    // Ages and heartbeats move without an event.
    if let Ok(timer) = set_interval_with_handle(move || queues.refetch(), Duration::from_secs(10)) {
        on_cleanup(move || timer.clear());
    }
    let act = Action::new(queues, letters);
    view! {
        <div class="page queues-page">
            <PageHeader title="Queues" lead="What waits for a worker, what is being worked on, and what failed for good."/>
            <Loaded remote=queues skeleton=|| view! { <RowsSkeleton rows=4/> } let:queues>
                <QueueTable queues act/>
            </Loaded>
            <section class="dead-letters" aria-labelledby="dead-letters-title">
                <div class="head">
                    <h2 id="dead-letters-title">"Dead letters"</h2>
                    <KindFilter kind queues/>
                </div>
                <Loaded remote=letters skeleton=|| view! { <RowsSkeleton rows=4/> } let:letters>
                    <DeadLetters letters act/>
                </Loaded>
            </section>
        </div>
    }
}

/// Runs one change at a time and fetches both lists again afterwards.
#[derive(Clone, Copy)]
struct Action {
    queues: Remote<Vec<QueueStats>>,
    letters: Remote<Vec<DeadLetter>>,
    is_busy: RwSignal<bool>,
    toasts: crate::state::toasts::Toasts,
}

impl Action {
    fn new(queues: Remote<Vec<QueueStats>>, letters: Remote<Vec<DeadLetter>>) -> Self {
        Self { queues, letters, is_busy: RwSignal::new(false), toasts: use_toasts() }
    }

    fn run<T>(self, done: String, change: impl Future<Output = Result<T, ApiError>> + 'static) {
        self.is_busy.set(true);
        spawn_local(async move {
            match change.await {
                Ok(_) => self.toasts.say(done),
                Err(error) => self.toasts.fail(&error),
            }
            self.is_busy.set(false);
            self.queues.refetch();
            self.letters.refetch();
        });
    }
}

#[component]
fn KindFilter(kind: Memo<String>, queues: Remote<Vec<QueueStats>>) -> impl IntoView {
    let set = url::use_set_parameters();
    let kinds = Memo::new(move |_| {
        queues
            .value
            .with(|queues| queues.iter().flatten().map(|queue| queue.kind.clone()).collect::<Vec<_>>())
    });
    view! {
        <label class="kind-filter">
            <span class="muted">"Queue"</span>
            <select class="input" data-test="dead-letter-kind" on:change:target=move |event| set(&[("kind", &event.target().value())])>
                <option value="" selected=move || kind.with(String::is_empty)>"All"</option>
                {move || kinds.get().into_iter().map(|name| view! { <option value=name.clone() selected=kind.with(|kind| *kind == name)>{name.clone()}</option> }).collect_view()}
            </select>
        </label>
    }
}

#[component]
fn QueueTable(queues: Signal<Vec<QueueStats>>, act: Action) -> impl IntoView {
    view! {
        <div class="panel">
            <table class="table queue-table" role="table">
                <thead>
                    <tr>
                        <th scope="col">"Queue"</th>
                        <th scope="col" class="number">"Waiting"</th>
                        <th scope="col" class="number">"Oldest"</th>
                        <th scope="col" class="number">"In flight"</th>
                        <th scope="col" class="number">"Done today"</th>
                        <th scope="col" class="number">"Dead letters"</th>
                        <th scope="col">"Worker seen"</th>
                        <th scope="col">"State"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>
                    {move || queues.get().into_iter().map(|queue| view! { <QueueRow queue act/> }).collect_view()}
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn QueueRow(queue: QueueStats, act: Action) -> impl IntoView {
    let session = use_session();
    let kind = queue.kind.clone();
    let button_test = if queue.is_paused { format!("resume-{kind}") } else { format!("pause-{kind}") };
    let is_paused = queue.is_paused;
    let toggle = {
        let kind = kind.clone();
        move |_| {
            let kind = kind.clone();
            let done = if is_paused {
                format!("Queue {kind} resumed.")
            } else {
                format!("Queue {kind} paused: its messages wait until it is resumed.")
            };
            act.run(done, async move { api::set_queue_paused(&kind, !is_paused).await });
        }
    };
    view! {
        <tr role="row" data-test=format!("queue-row-{kind}") data-depth=queue.depth.to_string() data-dead=queue.dead_letters.to_string()>
            <th scope="row" role="rowheader"><span class="mono">{kind.clone()}</span><span class="description">{queue.description}</span></th>
            <td class="number" role="cell" data-label="Waiting"><strong>{format::count(queue.depth)}</strong></td>
            <td class="number" role="cell" data-label="Oldest">{queue.oldest_seconds.map_or_else(|| "–".to_owned(), format::duration)}</td>
            <td class="number" role="cell" data-label="In flight">{format::count(queue.in_flight)}</td>
            <td class="number" role="cell" data-label="Done today">{format::count(queue.done_today)}</td>
            <td class="number" role="cell" data-label="Dead letters">
                {if queue.dead_letters > 0 {
                    view! { <a class="dead" href=format!("/queues?kind={kind}")>{format::count(queue.dead_letters)}</a> }.into_any()
                } else {
                    view! { "0" }.into_any()
                }}
            </td>
            <td role="cell" data-label="Worker seen">{match queue.worker_seen_at {
                Some(at) => view! { <Time at/> }.into_any(),
                None => view! { <span class="muted">"never"</span> }.into_any(),
            }}</td>
            <td role="cell" data-label="State">{if is_paused { view! { <span class="tag paused">"Paused"</span> }.into_any() } else { view! { <span class="tag">"Running"</span> }.into_any() }}</td>
            <td role="cell" class="row-actions">
                {move || session.may(Role::Admin).then(|| view! {
                    <button class="button small" data-test=button_test.clone() disabled=move || act.is_busy.get() on:click=toggle.clone()>
                        <IconView icon=if is_paused { Icon::Play } else { Icon::Pause }/>{if is_paused { "Resume" } else { "Pause" }}
                    </button>
                })}
            </td>
        </tr>
    }
}

#[component]
fn DeadLetters(letters: Signal<Vec<DeadLetter>>, act: Action) -> impl IntoView {
    let discarding = RwSignal::new(None::<DeadLetter>);
    let is_asking = RwSignal::new(false);
    let ask = Callback::new(move |letter: DeadLetter| {
        discarding.set(Some(letter));
        is_asking.set(true);
    });
    let discard = move |()| {
        if let Some(letter) = discarding.get_untracked() {
            act.run(format!("Message {} discarded.", letter.msg_id), async move {
                api::discard_dead_letter(&letter.id).await
            });
        }
    };
    let is_empty = Memo::new(move |_| letters.with(Vec::is_empty));
    view! {
        {move || if is_empty.get() {
            view! { <div class="panel"><Empty title="No dead letters" text="A message that fails again and again, or that no retry can mend, ends here with its errors."/></div> }.into_any()
        } else {
            view! {
                <ul class="panel dead-letter-list">
                    <For each=move || letters.get() key=|letter| (letter.id.clone(), letter.attempts.len()) let:letter>
                        <li><DeadLetterItem letter act ask/></li>
                    </For>
                </ul>
            }
            .into_any()
        }}
        <ConfirmDialog
            is_open=is_asking
            title=Signal::derive(move || discarding.with(|letter| letter.as_ref().map_or_else(String::new, |letter| format!("Discard message {}?", letter.msg_id))))
            text="The job will not run again. The message and its errors stay in the archive."
            confirm="Discard message"
            on_confirm=discard
        />
    }
}

#[component]
fn DeadLetterItem(letter: DeadLetter, act: Action, ask: Callback<DeadLetter>) -> impl IntoView {
    let session = use_session();
    let message = serde_json::to_string_pretty(&letter.message).unwrap_or_default();
    let id = letter.id.clone();
    let asked = letter.clone();
    let msg_id = letter.msg_id;
    let retry = move |_| {
        let id = id.clone();
        act.run(
            format!("Message {msg_id} is queued again."),
            async move { api::retry_dead_letter(&id).await },
        );
    };
    view! {
        <details class="dead-letter" data-test="dead-letter" data-kind=letter.kind.clone() data-reason=letter.reason.clone()>
            <summary>
                <span class="mono kind">{letter.kind.clone()}</span>
                <span class="number muted">"#"{msg_id}</span>
                <span class="reason">{letter.reason.clone()}</span>
                <span class="muted">{format::counted(letter.attempts.len() as u64, "attempt", "attempts")}</span>
                <span class="muted"><Time at=letter.dead_at/></span>
            </summary>
            <div class="body">
                <dl class="facts">
                    <dt>"Queued"</dt><dd><Time at=letter.enqueued_at/></dd>
                    {letter.idempotency_key.map(|key| view! { <dt>"Idempotency key"</dt><dd class="mono">{key}</dd> })}
                </dl>
                <div>
                    <h3>"Message"</h3>
                    <pre class="message" data-test="dead-letter-message">{message}</pre>
                </div>
                <div>
                    <h3>"Attempts"</h3>
                    {if letter.attempts.is_empty() {
                        view! { <p class="muted">"None: the message was refused before it was tried."</p> }.into_any()
                    } else {
                        view! {
                            <ol class="attempts">
                                {letter.attempts.into_iter().map(|attempt| view! {
                                    <li data-test="attempt">
                                        <span class="number muted">{attempt.attempt}</span>
                                        <span><Time at=attempt.at/></span>
                                        <span class="mono muted clip" title=attempt.worker.clone()>{attempt.worker.clone()}</span>
                                        <span class="error">{attempt.error}</span>
                                    </li>
                                }).collect_view()}
                            </ol>
                        }
                        .into_any()
                    }}
                </div>
                {move || session.may(Role::Operator).then(|| {
                    let asked = asked.clone();
                    view! {
                        <div class="buttons">
                            <button class="button" data-test="retry" disabled=move || act.is_busy.get() on:click=retry.clone()><IconView icon=Icon::Refresh/>"Retry"</button>
                            <button class="button danger" data-test="discard" disabled=move || act.is_busy.get() on:click=move |_| ask.run(asked.clone())>"Discard…"</button>
                        </div>
                    }
                })}
            </div>
        </details>
    }
}
