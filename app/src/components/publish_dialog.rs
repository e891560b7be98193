//! Publishing: what the preview showed, a note, and what to do when the world has moved meanwhile.

use super::migration_matrix::{Cells, MigrationMatrix};
use super::modal::Modal;
use super::notice::{Notice, Tone};
use crate::api::{self, ApiError};
use crate::format;
use crate::state::clock;
use crate::state::draft::Origin;
use crate::state::session::use_session;
use crate::state::workbench::Workbench;
use contract::{
    ApprovalState, JudgmentRef, NewDraft, PolicySummary, PublishRequest, Published, SaveDraft, problem,
};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::portfolio::TierTotal;
use policy::receipt::{Receipt, pack_tiers};
use policy::tier::TierPolicyDocument;

/// Sends the draft as it stands; the server's summary of it comes back.
pub async fn save(workbench: Workbench) -> Result<PolicySummary, ApiError> {
    let draft = workbench.draft;
    let name = draft.name.get_untracked().trim().to_owned();
    let policy: TierPolicyDocument = draft.document.get_untracked();
    let kept = draft.assertions.get_untracked();
    let assertions = Some(kept.clone());
    let summary = match draft.origin.get_untracked() {
        Origin::New => api::create_draft(NewDraft { name, policy: policy.clone(), assertions }).await?,
        Origin::Saved(saved) => {
            api::save_draft(
                &saved.id,
                SaveDraft { name, policy: policy.clone(), assertions, expected_version: saved.version },
            )
            .await?
        }
    };
    draft.name.set(summary.name.clone());
    draft.saved_as(policy, kept, summary.clone());
    Ok(summary)
}

/// Why a publish was refused, once the page has caught up with the server
#[derive(Clone, PartialEq)]
enum Refusal {
    /// These judgments have other facts now.
    FactsMoved(Vec<JudgmentRef>),
    RevisionMoved {
        revision: u32,
        by: String,
    },
    DraftMoved,
    /// What differs, in the server's words, and for which judgments.
    PreviewDiffers(String, Vec<JudgmentRef>),
    AssertionsFailed,
    Other(ApiError),
}

#[component]
pub fn PublishDialog(
    workbench: Workbench,
    is_open: RwSignal<bool>,
    #[prop(into)] on_published: Callback<Published>,
    /// Opens the draft as the server holds it.
    #[prop(into)]
    on_reopen: Callback<String>,
) -> impl IntoView {
    view! {
        <Modal is_open label="Publish" class="publish-dialog" test="publish-dialog">
            <PublishForm workbench is_open on_published on_reopen/>
        </Modal>
    }
}

#[component]
fn PublishForm(
    workbench: Workbench,
    is_open: RwSignal<bool>,
    on_published: Callback<Published>,
    on_reopen: Callback<String>,
) -> impl IntoView {
    let session = use_session();
    let note = RwSignal::new(String::new());
    let override_note = RwSignal::new(String::new());
    let failing = Memo::new(move |_| workbench.broken());
    let is_checking = workbench.checked.is_busy;
    // When it is published: at once, or at this time of the organisation's zone.
    let is_later = RwSignal::new(false);
    let later = RwSignal::new(String::new());
    let instant = Memo::new(move |_| later.with(|later| clock::instant_of(later)));
    let waits_for_approval = move || {
        let is_approved = |saved: &PolicySummary| {
            saved.approval.as_ref().is_some_and(|approval| approval.state == ApprovalState::Approved)
        };
        workbench.needs_approval.get()
            && (workbench.draft.is_unsaved()
                || !matches!(workbench.draft.origin.get(), Origin::Saved(saved) if is_approved(&saved)))
    };
    let refusal = RwSignal::new(None::<Refusal>);
    let is_busy = RwSignal::new(false);
    let cells = Signal::derive(move || workbench.simulation.with(|simulation| Cells::from(&simulation.flow)));
    let next_revision = move || workbench.revision() + 1;
    let is_blank = move || {
        note.with(|note| note.trim().is_empty())
            || (!failing.with(Vec::is_empty) && override_note.with(|note| note.trim().is_empty()))
            || (is_later.get() && instant.with(Option::is_none))
            || waits_for_approval()
    };
    let is_same = move || workbench.edits.with(|edits| edits.is_empty());

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() || is_checking.get_untracked() || untrack(is_blank) {
            return;
        }
        is_busy.set(true);
        refusal.set(None);
        spawn_local(async move {
            // The note is about what fails as it is written, and about nothing that fails later.
            let overruled: Vec<String> =
                failing.get_untracked().into_iter().map(|assertion| assertion.place).collect();
            let overriding =
                (!overruled.is_empty()).then(|| (override_note.get_untracked().trim().to_owned(), overruled));
            let effective_at = instant.get_untracked().filter(|_| is_later.get_untracked());
            let note = note.get_untracked().trim().to_owned();
            match publish(workbench, note, overriding, effective_at).await {
                Ok(published) => {
                    is_open.set(false);
                    on_published.run(published);
                }
                Err(error) => {
                    let refused = catch_up(workbench, error).await;
                    if refused == Refusal::AssertionsFailed {
                        // Other guardrails fail now: what was written was not about them.
                        override_note.set(String::new());
                    }
                    refusal.set(Some(refused));
                }
            }
            is_busy.set(false);
        });
    };
    let who = session.current();
    view! {
        <form on:submit=submit>
            <h2>{move || format!("Publish revision {}", next_revision())}</h2>
            {move || refusal.get().map(|refusal| view! { <RefusalNotice refusal workbench is_open on_reopen/> })}
            <div data-test="publish-preview">
                <p class="summary">{move || workbench.simulation.with(|simulation| {
                    let TierTotal { count, balance_cents } = simulation.flow.moved();
                    let (of, snapshot) = (u64::from(simulation.portfolio().len()), format::count(u64::from(simulation.portfolio().len())));
                    if of == 0 { "There is no active judgment: nothing changes tier.".to_owned() } else { format!("{} · {} change tier, of {snapshot}.", format::counted(count.into(), "judgment", "judgments"), format::cents(balance_cents)) }
                })}</p>
                <MigrationMatrix cells caption="What publishing moves" prefix="publish-matrix"/>
                {move || workbench.simulation.with(|simulation| overridden(&simulation.overridden_moves())).map(|words| view! { <p class="muted" data-test="publish-overrides">{words}</p> })}
            </div>
            {move || is_same().then(|| view! { <Notice tone=Tone::Plain>"The draft says the same as the published policy: publishing it only makes a new revision."</Notice> })}
            <div class="field">
                <label for="publish-note">"Note: why this change"</label>
                <textarea id="publish-note" class="input" rows="2" required maxlength="2000" data-test="publish-note" prop:value=move || note.get() on:input:target=move |event| note.set(event.target().value())></textarea>
            </div>
            {move || (!failing.with(Vec::is_empty)).then(|| view! {
                <div class="overriding" data-test="publish-failing">
                    <p><strong>{format!("The draft breaks {} that it carries:", format::counted(failing.with(Vec::len) as u64, "guardrail", "guardrails"))}</strong></p>
                    <ul>{failing.get().into_iter().map(|assertion| view! { <li>{assertion.words}". "<span class="muted">{assertion.found}"."</span></li> }).collect_view()}</ul>
                    <div class="field">
                        <label for="override-note">"Why it is published all the same"</label>
                        <textarea id="override-note" class="input" rows="2" required maxlength="2000" data-test="override-note" prop:value=move || override_note.get() on:input:target=move |event| override_note.set(event.target().value())></textarea>
                    </div>
                </div>
            })}
            <fieldset class="publish-when">
                <legend>"When"</legend>
                <label><input type="radio" name="publish-when" prop:checked=move || !is_later.get() on:change=move |_| is_later.set(false)/>"At once"</label>
                <label><input type="radio" name="publish-when" data-test="publish-later" prop:checked=move || is_later.get() on:change=move |_| is_later.set(true)/>"By itself, on"</label>
                <input type="datetime-local" class="input" aria-label=format!("Date and time, {}", clock::zone_words()) data-test="publish-at" disabled=move || !is_later.get() prop:value=move || later.get() on:input:target=move |event| later.set(event.target().value())/>
            </fieldset>
            {move || is_later.get().then(|| view! { <p class="muted" data-test="publish-at-words">{match instant.get() {
                Some(at) => format!("It is published on {}.", clock::full_time(&at)),
                None => format!("The time is {}.", clock::zone_words()),
            }}</p> })}
            {move || is_later.get().then(|| view! { <p class="muted">"What is previewed here is of today. When it is due, the guardrails are checked again on the facts of that moment; if one breaks, it is not published and this page says so."</p> })}
            {move || waits_for_approval().then(|| view! { <Notice tone=Tone::Plain>"A second person has to approve the draft first: save it and ask for approval on the page behind this dialog."</Notice> })}
            <p class="what-happens">
                {move || format!(
                    "{} revision {}. From then on every judgment is tiered by it, and all {} are re-tiered at once. Afterwards this page shows what the preview promised beside what was written.",
                    if workbench.draft.is_unsaved() || matches!(workbench.draft.origin.get(), Origin::New) { "The draft is saved and becomes" } else { "The draft becomes" },
                    next_revision(),
                    workbench.simulation.with(|simulation| format::counted(simulation.portfolio().len().into(), "active judgment", "active judgments")),
                )}
                {move || who.get().map(|session| format!(" It is recorded as published by {}.", session.display_name))}
            </p>
            <div class="buttons">
                <button type="button" class="button" data-test="publish-cancel" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button type="submit" class="button primary" data-test="publish-confirm" disabled=move || is_busy.get() || is_checking.get() || is_blank() || matches!(refusal.get(), Some(Refusal::DraftMoved))>
                    {move || if is_busy.get() { "Publishing…".to_owned() } else { format!("Publish revision {}", next_revision()) }}
                </button>
            </div>
        </form>
    }
}

/// What becomes of the judgments that move under an override, by the times at which theirs end.
fn overridden(ends: &[&str]) -> Option<String> {
    // All in one form and one zone, so that text is in the order of time.
    let (first, last) = (clock::date(ends.iter().min()?), clock::date(ends.iter().max()?));
    let until = if first == last { format!("until {first}") } else { format!("until {first} to {last}") };
    let (have, keep) = if ends.len() == 1 { ("has", "keeps its") } else { ("have", "keep their") };
    let count = format::count(ends.len() as u64);
    Some(format!(
        "{count} of the judgments that move {have} an override {until} and {keep} effective tier until then."
    ))
}

async fn publish(
    workbench: Workbench,
    note: String,
    overriding: Option<(String, Vec<String>)>,
    effective_at: Option<String>,
) -> Result<Published, ApiError> {
    let draft = workbench.draft;
    let saved = match draft.origin.get_untracked() {
        Origin::Saved(saved) if !untrack(|| draft.is_unsaved()) => *saved,
        _ => save(workbench).await?,
    };
    let simulation = workbench.simulation.get_untracked();
    let previewed = simulation.flow.matrix();
    let (override_note, overruled) = overriding.unzip();
    let request = PublishRequest {
        expected_version: saved.version,
        expected_revision: untrack(|| workbench.revision()),
        note,
        override_note,
        overruled: overruled.unwrap_or_default(),
        snapshot: simulation.before.snapshot.meta.snapshot.clone(),
        receipt: Receipt::of(&simulation.after, simulation.portfolio(), &previewed),
        tiers: pack_tiers(simulation.tiers()),
        previewed,
        effective_at,
    };
    api::publish(&saved.id, request).await
}

/// Fetches what has moved, so that the preview behind the dialog is of today, and says what it was.
async fn catch_up(workbench: Workbench, error: ApiError) -> Refusal {
    let refusal = match (error.code(), error.problem()) {
        (problem::FACTS_MOVED, Some(refused)) => Refusal::FactsMoved(refused.judgments.clone()),
        (problem::REVISION_MOVED, _) => Refusal::RevisionMoved { revision: 0, by: String::new() },
        (problem::DRAFT_MOVED, _) => return Refusal::DraftMoved,
        (problem::PREVIEW_DIFFERS | problem::SNAPSHOT_DIFFERS, Some(refused)) => {
            Refusal::PreviewDiffers(refused.detail.clone().unwrap_or_default(), refused.judgments.clone())
        }
        (problem::ASSERTIONS_FAILED, _) => Refusal::AssertionsFailed,
        _ => return Refusal::Other(error),
    };
    if let Err(error) = workbench.reload().await {
        return Refusal::Other(error);
    }
    match refusal {
        Refusal::RevisionMoved { .. } => workbench.inputs.with_untracked(|inputs| {
            let summary = &inputs.published.summary;
            Refusal::RevisionMoved {
                revision: summary.revision.unwrap_or(0),
                by: summary.published_by.clone().unwrap_or_else(|| summary.author.clone()),
            }
        }),
        other => other,
    }
}

/// Links to the judgments that a refusal names
fn named(test: &'static str, judgments: Vec<JudgmentRef>) -> impl IntoView {
    const NAMED_MAX: usize = 8;
    let more = judgments.len().saturating_sub(NAMED_MAX);
    let links = judgments.into_iter().take(NAMED_MAX).map(|judgment| {
        view! {
            <li><a href=format!("/judgments/{}", judgment.id) target="_blank">{judgment.case_number}</a></li>
        }
    });
    view! { <ul class="moved-judgments" data-test=test>{links.collect_view()}{(more > 0).then(|| view! { <li>{format!("and {} more", format::count(more as u64))}</li> })}</ul> }
}

#[component]
fn RefusalNotice(
    refusal: Refusal,
    workbench: Workbench,
    is_open: RwSignal<bool>,
    on_reopen: Callback<String>,
) -> impl IntoView {
    let code = match &refusal {
        Refusal::FactsMoved(_) => problem::FACTS_MOVED,
        Refusal::RevisionMoved { .. } => problem::REVISION_MOVED,
        Refusal::DraftMoved => problem::DRAFT_MOVED,
        Refusal::PreviewDiffers(..) => problem::PREVIEW_DIFFERS,
        Refusal::AssertionsFailed => problem::ASSERTIONS_FAILED,
        Refusal::Other(error) => error.code(),
    }
    .to_owned();
    let words = match refusal {
        Refusal::FactsMoved(judgments) => {
            let count = format::counted(judgments.len() as u64, "judgment", "judgments");
            view! {
                <p><strong>"Not published: facts have moved since the preview."</strong></p>
                <p>{format!("{count} changed meanwhile. The preview below has been counted again on today’s facts. Look at it, then publish again.")}</p>
                {named("facts-moved", judgments)}
            }
            .into_any()
        }
        Refusal::RevisionMoved { revision, by } => view! {
            <p><strong>{format!("Not published: {by} has published revision {revision} meanwhile.")}</strong></p>
            <p>"The preview below compares your draft with that revision now. If your draft should still replace it, publish again."</p>
        }
        .into_any(),
        Refusal::DraftMoved => {
            let reopen = move |_| {
                if let Origin::Saved(saved) = workbench.draft.origin.get_untracked() {
                    is_open.set(false);
                    on_reopen.run(saved.id);
                }
            };
            let keep = move |_| {
                workbench.draft.go_on_as_new();
                is_open.set(false);
            };
            view! {
                <p><strong>"Not published: somebody else has saved this draft meanwhile."</strong></p>
                <p>"Open their version, which drops your edits, or go on with yours as a new draft."</p>
                <div class="choices">
                    <button type="button" class="button small" data-test="open-theirs" on:click=reopen>"Open their version"</button>
                    <button type="button" class="button small" data-test="keep-mine" on:click=keep>"Go on with mine as a new draft"</button>
                </div>
            }
            .into_any()
        }
        Refusal::PreviewDiffers(detail, judgments) => view! {
            <p><strong>"Not published: the server counts differently from this preview."</strong></p>
            <p>{format!("{detail}.")}</p>
            {named("preview-differs", judgments)}
            <p>"The facts and the published policy have been fetched again and the preview below is new. If this happens again, reload the page: the console may be older than the server."</p>
        }
        .into_any(),
        Refusal::AssertionsFailed => view! {
            <p><strong>"Not published: on today’s facts the draft breaks guardrails that it carries."</strong></p>
            <p>"The preview below is new. Change the draft, or say below why it is published all the same."</p>
        }
        .into_any(),
        Refusal::Other(error) => view! { <p><strong>"Not published."</strong>" "{error.to_string()}</p> }.into_any(),
    };
    view! { <Notice tone=Tone::Error><div class="refusal" data-test="publish-refused" data-code=code>{words}</div></Notice> }
}
