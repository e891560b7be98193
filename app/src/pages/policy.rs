//! `/policy`: edit a draft, see at once what it does to every judgment, publish it, see that it did.

use crate::api::{self, ApiError};
use crate::components::alluvial::MigrationPicture;
use crate::components::approval::{Approval, Scheduled};
use crate::components::assertions::Assertions;
use crate::components::difference::Difference;
use crate::components::findings::Findings;
use crate::components::icon::{Icon, IconView};
use crate::components::judgment_drawer::JudgmentDrawer;
use crate::components::loaded::{CardsSkeleton, LoadFailed, Loaded, RowsSkeleton};
use crate::components::migration_matrix::{Cells, MigrationMatrix};
use crate::components::modal::ConfirmDialog;
use crate::components::notice::{Notice, Tone};
use crate::components::page_header::PageHeader;
use crate::components::policy_editor::PolicyEditor;
use crate::components::policy_map::PolicyMap;
use crate::components::publish_dialog::{PublishDialog, save};
use crate::components::reconciliation::Reconciliation;
use crate::components::share_link::{CopyLink, OpenedLink};
use crate::components::studies::StudiesPanel;
use crate::components::swap_set::SwapSet;
use crate::components::time::Time;
use crate::components::workload::Workload;
use crate::format;
use crate::state::draft::Origin;
use crate::state::leave_guard::use_leave_guard;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::toasts::{Toasts, use_toasts};
use crate::state::workbench::{Against, Workbench, load_inputs};
use crate::state::{clock, url};
use contract::{PolicyState, PolicySummary, Published, RefreshRun, RefreshState, Role, problem};
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::assertions::PolicyAssertions;
use policy::portfolio::TierTotal;
use policy::tier::TierPolicy;
use std::time::Duration;
use wasm_bindgen::JsCast;

/// The value of `?draft=` for the repaired policy that ships with the console.
const READY_MADE: &str = "monotone";

/// What the head and the simulator below it share
#[derive(Clone, Copy)]
struct Drafts {
    all: Remote<Vec<PolicySummary>>,
    /// The `draft` parameter of the address.
    chosen: Memo<String>,
    save_error: RwSignal<Option<ApiError>>,
    open_error: RwSignal<Option<ApiError>>,
}

#[component]
pub fn PolicyPage() -> impl IntoView {
    let inputs = Remote::new(|| load_inputs(None));
    let drafts = Drafts {
        all: Remote::new(api::policies),
        chosen: url::parameter("draft"),
        save_error: RwSignal::new(None),
        open_error: RwSignal::new(None),
    };
    let workbench = RwSignal::new(None::<Workbench>);
    view! {
        <div class="page policy-page">
            <PageHeader title="Policy" lead="Move a limit and see at once which judgments change tier. Nothing leaves this browser until you save.">
                {move || workbench.get().map(|workbench| view! { <DraftActions workbench drafts/> })}
            </PageHeader>
            <Loaded remote=inputs skeleton=|| view! { <RowsSkeleton rows=2/><CardsSkeleton cards=2/><RowsSkeleton rows=6/> } let:inputs>
                {
                    let opened = Workbench::new(inputs.get_untracked(), new_name());
                    workbench.set(Some(opened));
                    view! { <Simulator workbench=opened drafts/> }
                }
            </Loaded>
        </div>
    }
}

fn new_name() -> String {
    format!("Draft of {}", clock::day(&clock::today()))
}

#[component]
fn Simulator(workbench: Workbench, drafts: Drafts) -> impl IntoView {
    let refresh = url::parameter("refresh");
    let set = StoredValue::new(url::use_set_parameters());
    // The address says which draft is open; what is open already is left alone.
    Effect::new(move |_| {
        let choice = drafts.chosen.get();
        let is_open = workbench
            .draft
            .origin
            .with_untracked(|origin| matches!(origin, Origin::Saved(saved) if saved.id == choice));
        if !is_open {
            open(workbench, drafts, choice);
        }
    });
    let guard = use_leave_guard();
    Effect::new(move |_| guard.has_unsaved.set(workbench.draft.is_unsaved()));
    on_cleanup(move || guard.has_unsaved.set(false));
    undo_by_keyboard(workbench);
    spawn_local(async move {
        // Without an answer a publish tells what it needs.
        if let Ok(settings) = api::organisation_settings().await {
            let _ = workbench.needs_approval.try_set(settings.publish_needs_approval);
        }
    });
    // Somebody has published: what is scheduled may be overtaken.
    let live = use_live();
    Effect::new(move |previous: Option<()>| {
        live.published.track();
        if previous.is_some() {
            drafts.all.refetch();
        }
    });
    let close_refresh = move |()| set.with_value(|set| set(&[("refresh", "")]));
    view! {
        <DraftLine workbench drafts/>
        <Scheduled policies=Memo::new(move |_| drafts.all.value.get().unwrap_or_default()) on_change=move || drafts.all.refetch()/>
        <Approval workbench on_change=move || drafts.all.refetch()/>
        {move || drafts.open_error.get().map(|error| view! { <LoadFailed error on_retry=move |()| open(workbench, drafts, drafts.chosen.get_untracked())/> })}
        {move || { let id = refresh.get(); (!id.is_empty()).then(|| view! { <RunPanel id workbench on_close=Callback::new(close_refresh)/> }) }}
        <MovedNotice workbench/>
        <PastDayNotice workbench/>
        <StudiesNotice workbench/>
        <OpenedLink workbench/>
        <div class="policy-columns">
            <div class="policy-column">
                <PolicyEditor workbench/>
                <Findings workbench/>
            </div>
            <div class="policy-column">
                <Outcome workbench/>
                <Difference workbench/>
                <PolicyMap workbench/>
                <Workload workbench/>
                <Assertions workbench/>
            </div>
        </div>
        <StudiesPanel workbench/>
        <SwapSet workbench/>
        <JudgmentDrawer workbench/>
    }
}

fn open(workbench: Workbench, drafts: Drafts, choice: String) {
    spawn_local(async move { drafts.open_error.set(open_draft(workbench, &choice).await.err()) });
}

/// Shows the draft that `choice` names: an id, the ready-made one, or a new one from the published policy.
async fn open_draft(workbench: Workbench, choice: &str) -> Result<(), ApiError> {
    let draft = workbench.draft;
    match choice {
        "" => draft.open(
            workbench.inputs.with_untracked(|inputs| inputs.policy.document().clone()),
            published_assertions(workbench),
            new_name(),
            Origin::New,
        ),
        READY_MADE => draft.open(
            TierPolicy::monotone_draft().document().clone(),
            published_assertions(workbench),
            "Monotone repair".to_owned(),
            Origin::New,
        ),
        id => {
            let detail = api::policy(id).await?;
            let (name, origin) = match detail.summary.state {
                PolicyState::Draft => (detail.summary.name.clone(), Origin::Saved(Box::new(detail.summary))),
                // A revision is never edited in place: it is where a new draft begins.
                _ => (new_name(), Origin::New),
            };
            draft.open(detail.policy, detail.assertions, name, origin);
        }
    }
    Ok(())
}

fn published_assertions(workbench: Workbench) -> PolicyAssertions {
    workbench.inputs.with_untracked(|inputs| inputs.published.assertions.clone())
}

fn undo_by_keyboard(workbench: Workbench) {
    let keys = window_event_listener(ev::keydown, move |event| {
        if !(event.ctrl_key() || event.meta_key()) || !event.key().eq_ignore_ascii_case("z") {
            return;
        }
        // Text that is being written has an undo of its own, unless it is the table's; and what lies under a dialog rests.
        let is_text = event.target().is_some_and(|target| {
            let target = target.dyn_ref::<web_sys::Element>();
            target.is_some_and(|target| {
                let is = |selector: &str| target.closest(selector).ok().flatten().is_some();
                is("textarea, input:not([type=checkbox], [type=radio], [type=range])")
                    && !is(".policy-editor")
            })
        });
        if is_text {
            return;
        }
        // Nor may the browser's own undo go back to a field of the table.
        event.prevent_default();
        if document().query_selector("dialog[open]").ok().flatten().is_some() {
            return;
        }
        if event.shift_key() { workbench.draft.redo() } else { workbench.draft.undo() }
    });
    on_cleanup(move || keys.remove());
}

// ---- head: which draft, and what to do with it ----

#[component]
fn DraftActions(workbench: Workbench, drafts: Drafts) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let draft = workbench.draft;
    let set = StoredValue::new(url::use_set_parameters());
    let is_busy = RwSignal::new(false);
    let is_publishing = RwSignal::new(false);
    let is_discarding = RwSignal::new(false);
    let is_policy = Memo::new(move |_| workbench.policy.with(Result::is_ok));
    let is_saved = Memo::new(move |_| matches!(draft.origin.get(), Origin::Saved(_)));
    let has_edits = Memo::new(move |_| workbench.edits.with(|edits| !edits.is_empty()));
    let is_unsaved = Memo::new(move |_| draft.is_unsaved());
    let has_name = Memo::new(move |_| draft.name.with(|name| !name.trim().is_empty()));

    let save_now = move |_| {
        is_busy.set(true);
        drafts.save_error.set(None);
        spawn_local(async move {
            match save(workbench).await {
                Ok(summary) => {
                    toasts.say(format!("Draft “{}” saved.", summary.name));
                    drafts.all.refetch();
                    set.with_value(|set| set(&[("draft", &summary.id)]));
                }
                Err(error) => drafts.save_error.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let discard = move |()| {
        let origin = draft.origin.get_untracked();
        spawn_local(async move {
            if let Origin::Saved(saved) = origin {
                if let Err(error) = api::discard_draft(&saved.id).await {
                    toasts.fail(&error);
                    return;
                }
                toasts.say(format!("Draft “{}” discarded.", saved.name));
                drafts.all.refetch();
            }
            draft.open(
                workbench.inputs.with_untracked(|inputs| inputs.policy.document().clone()),
                published_assertions(workbench),
                new_name(),
                Origin::New,
            );
            set.with_value(|set| set(&[("draft", "")]));
        });
    };
    // What is published replaces the published policy: the preview in the dialog is against that one.
    let publish_now = move |_| {
        workbench.against.set(None);
        is_publishing.set(true);
    };
    let on_published = move |published: Published| {
        if let Some(at) = &published.effective_at {
            toasts.say(format!(
                "Revision {} is published by itself on {}.",
                published.revision,
                clock::full_time(at)
            ));
        }
        // What was the draft is the published policy, now or soon: the page begins afresh.
        draft.open(draft.document.get_untracked(), draft.assertions.get_untracked(), new_name(), Origin::New);
        set.with_value(|set| {
            set(&[("draft", ""), ("refresh", published.refresh_id.as_deref().unwrap_or_default())])
        });
        drafts.all.refetch();
        spawn_local(async move {
            drafts.open_error.set(match workbench.reload().await {
                Ok(()) => open_draft(workbench, "").await.err(),
                Err(error) => Some(error),
            });
        });
    };
    view! {
        <a class="button quiet" href="/policy/history" data-test="policy-history">"History"</a>
        <CopyLink workbench/>
        {move || session.may(Role::Admin).then(|| view! {
            <button class="button" data-test="discard-draft" disabled=move || is_busy.get() || !(is_saved.get() || has_edits.get() || is_unsaved.get()) on:click=move |_| is_discarding.set(true)>"Discard"</button>
            <button class="button" data-test="save-draft" disabled=move || is_busy.get() || !is_policy.get() || !has_name.get() || !(is_unsaved.get() || !is_saved.get() && has_edits.get()) on:click=save_now>"Save draft"</button>
            <button class="button primary" data-test="publish" title=move || workbench.as_of().map(|_| "Only what is previewed on today’s facts can be published") disabled=move || is_busy.get() || workbench.as_of().is_some() || !is_policy.get() || !has_name.get() || !(is_saved.get() || has_edits.get()) on:click=publish_now>"Publish…"</button>
        })}
        <PublishDialog workbench is_open=is_publishing on_published=on_published on_reopen=move |id| open(workbench, drafts, id)/>
        <ConfirmDialog
            is_open=is_discarding
            title=Signal::derive(move || if is_saved.get() { format!("Discard draft “{}”?", draft.name.get()) } else { "Discard the edits?".to_owned() })
            text=Signal::derive(move || if is_saved.get() { "The draft is deleted for everybody. The published policy stays as it is.".to_owned() } else { "The editor goes back to the published policy.".to_owned() })
            confirm=Signal::derive(move || if is_saved.get() { "Discard draft".to_owned() } else { "Discard edits".to_owned() })
            on_confirm=discard
        />
    }
}

/// Which draft this is, what it is called and how it stands
#[component]
fn DraftLine(workbench: Workbench, drafts: Drafts) -> impl IntoView {
    let session = use_session();
    let draft = workbench.draft;
    let is_unsaved = Memo::new(move |_| draft.is_unsaved());
    let has_name = Memo::new(move |_| draft.name.with(|name| !name.trim().is_empty()));
    let edits = move || {
        workbench.edits.with(|edits| match edits.len() {
            0 => "no edits".to_owned(),
            n => format::counted(n as u64, "edit", "edits"),
        })
    };
    let edit_labels = move || {
        workbench
            .edits
            .with(|edits| edits.iter().map(|edit| edit.label.clone()).collect::<Vec<_>>().join("\n"))
    };
    view! {
        <div class="draft-line">
            <DraftChooser drafts/>
            <div class="field">
                <label for="draft-name">"Name of the draft"</label>
                <input id="draft-name" class="input" maxlength="120" data-test="draft-name" autocomplete="off" aria-invalid=move || (!has_name.get()).to_string() prop:value=move || draft.name.get() on:input:target=move |event| draft.name.set(event.target().value())/>
            </div>
            <CompareWith workbench drafts/>
            <p class="draft-state" data-test="draft-state" data-unsaved=move || is_unsaved.get().to_string()>
                <span>{move || format!("revision {} published", workbench.revision())}</span>
                <span title=edit_labels>{edits}</span>
                <span>{move || match (draft.origin.get(), is_unsaved.get()) {
                    (Origin::New, _) => "not saved".to_owned(),
                    (Origin::Saved(_), true) => "unsaved edits".to_owned(),
                    (Origin::Saved(saved), false) => format!("saved, version {}", saved.version),
                }}</span>
            </p>
        </div>
        {move || (!session.may(Role::Admin)).then(|| view! { <Notice tone=Tone::Plain>"You can try out any change here. Only an admin can save or publish it."</Notice> })}
        {move || drafts.save_error.get().map(|error| view! { <SaveFailed error workbench drafts/> })}
    }
}

/// The policy that every figure of the page is compared with: the published one, unless another is chosen
#[component]
fn CompareWith(workbench: Workbench, drafts: Drafts) -> impl IntoView {
    let toasts = use_toasts();
    let against = workbench.against;
    let all = Memo::new(move |_| drafts.all.value.get().unwrap_or_default());
    let choose = move |id: String| {
        if id.is_empty() {
            return against.set(None);
        }
        spawn_local(async move {
            let found = api::policy(&id).await.and_then(|detail| {
                let name = policy_name(&detail.summary);
                let policy = TierPolicy::try_from(detail.policy)
                    .map_err(|error| ApiError::Unreadable(error.to_string()))?;
                Ok(Against { id, name, policy })
            });
            match found {
                Ok(found) => against.set(Some(found)),
                Err(error) => toasts.fail(&error),
            }
        });
    };
    let others = move || all.get().into_iter().filter(|policy| policy.state != PolicyState::Published);
    view! {
        <div class="field">
            <label for="compare-with">"Compare with"</label>
            <select
                id="compare-with"
                class="input"
                data-test="compare-with"
                prop:value=move || { all.track(); against.with(|against| against.as_ref().map(|against| against.id.clone()).unwrap_or_default()) }
                on:change:target=move |event| choose(event.target().value())
            >
                <option value="">{move || format!("The published policy, revision {}", workbench.revision())}</option>
                {move || others().map(|policy| view! { <option value=policy.id.clone()>{policy_name(&policy)}</option> }).collect_view()}
            </select>
        </div>
    }
}

/// `Revision 3 · Spring review`, or a draft's name with its author's
fn policy_name(policy: &PolicySummary) -> String {
    match policy.revision {
        Some(revision) => format!("Revision {revision} · {}", policy.name),
        None => format!("{}, by {}", policy.name, policy.author),
    }
}

#[component]
fn SaveFailed(error: ApiError, workbench: Workbench, drafts: Drafts) -> impl IntoView {
    let draft = workbench.draft;
    let is_moved = error.code() == problem::DRAFT_MOVED;
    let words = if is_moved {
        "Not saved: somebody else has saved this draft meanwhile. Open their version, which drops your edits, or go on with yours as a new draft.".to_owned()
    } else {
        format!("Not saved. {error}")
    };
    let open_theirs = move |_| {
        drafts.save_error.set(None);
        if let Origin::Saved(saved) = draft.origin.get_untracked() {
            open(workbench, drafts, saved.id);
        }
    };
    let keep_mine = move |_| {
        drafts.save_error.set(None);
        draft.go_on_as_new();
    };
    view! {
        <Notice tone=Tone::Error>
            <div data-test="save-error" data-code=error.code().to_owned()>{words}</div>
            {is_moved.then(|| view! {
                <div class="choices">
                    <button class="button small" data-test="open-theirs" on:click=open_theirs>"Open their version"</button>
                    <button class="button small" data-test="keep-mine" on:click=keep_mine>"Go on with mine as a new draft"</button>
                </div>
            })}
        </Notice>
    }
}

#[component]
fn DraftChooser(drafts: Drafts) -> impl IntoView {
    let chosen = drafts.chosen;
    let guard = use_leave_guard();
    let set = StoredValue::new(url::use_set_parameters());
    let wanted = RwSignal::new(None::<String>);
    let is_asking = RwSignal::new(false);
    let go = move |choice: &str| set.with_value(|set| set(&[("draft", choice)]));
    // Counts up when a choice is taken back, so that the field shows again what is open.
    let taken_back = RwSignal::new(0_u32);
    let choose = move |choice: String| {
        if guard.has_unsaved.get_untracked() {
            wanted.set(Some(choice));
            is_asking.set(true);
        } else {
            go(&choice);
        }
    };
    Effect::new(move |_| {
        if !is_asking.get() {
            taken_back.update(|n| *n += 1);
        }
    });
    let all = Memo::new(move |_| drafts.all.value.get().unwrap_or_default());
    let option = |policy: PolicySummary| {
        let name = policy_name(&policy);
        view! { <option value=policy.id>{name}</option> }
    };
    view! {
        <div class="field">
            <label for="draft-chooser">"Start from"</label>
            <select
                id="draft-chooser"
                class="input"
                data-test="draft-chooser"
                prop:value=move || { all.track(); taken_back.track(); chosen.get() }
                on:change:target=move |event| choose(event.target().value())
            >
                <option value="">"New draft from the published policy"</option>
                <option value=READY_MADE>"New draft: monotone repair (ready-made)"</option>
                {move || { let drafts: Vec<_> = all.get().into_iter().filter(|policy| policy.state == PolicyState::Draft).collect(); (!drafts.is_empty()).then(|| view! { <optgroup label="Drafts">{drafts.into_iter().map(option).collect_view()}</optgroup> }) }}
                {move || { let older: Vec<_> = all.get().into_iter().filter(|policy| policy.state == PolicyState::Superseded).collect(); (!older.is_empty()).then(|| view! { <optgroup label="Earlier revisions">{older.into_iter().map(option).collect_view()}</optgroup> }) }}
            </select>
        </div>
        <ConfirmDialog
            is_open=is_asking
            title="Leave these edits?"
            text="They are not saved and are lost when another draft is opened."
            confirm="Open the other draft"
            on_confirm=move |()| if let Some(choice) = wanted.get_untracked() { go(&choice) }
        />
    }
}

/// Somebody has published while this page was open.
#[component]
fn MovedNotice(workbench: Workbench) -> impl IntoView {
    let live = use_live();
    let toasts = use_toasts();
    let newer = Memo::new(move |_| live.published.get().filter(|revision| *revision > workbench.revision()));
    let catch_up = move |_| {
        spawn_local(async move {
            if let Err(error) = workbench.reload().await {
                toasts.fail(&error);
            }
        });
    };
    move || {
        newer.get().map(|revision| view! {
        <Notice tone=Tone::Plain>
            <div class="load-failed" data-test="revision-newer">
                <span>{format!("Revision {revision} has been published meanwhile. This preview still compares with the one before.")}</span>
                <button class="button small" on:click=catch_up>{format!("Compare with revision {revision}")}</button>
            </div>
        </Notice>
    })
    }
}

/// The preview is one of a past day: to look at, not to publish on.
#[component]
fn PastDayNotice(workbench: Workbench) -> impl IntoView {
    let toasts = use_toasts();
    let back = move |_| show_day(workbench, toasts, None);
    move || {
        workbench.as_of().map(|day| view! {
        <Notice tone=Tone::Plain>
            <div class="load-failed" data-test="past-day">
                <span>{format!("Every figure below is of {}: of the judgments and facts with which that day ended, without overrides. Publishing waits until you are back on today’s facts.", clock::day(&day))}</span>
                <button class="button small" data-test="past-day-back" on:click=back>"Back to today"</button>
            </div>
        </Notice>
    })
    }
}

/// Previews on the facts of another day.
fn show_day(workbench: Workbench, toasts: Toasts, day: Option<String>) {
    spawn_local(async move {
        if let Err(error) = workbench.show_day(day).await {
            toasts.fail(&error);
        }
    });
}

/// The policy module could not be asked: the preview stands, what it adds does not.
#[component]
fn StudiesNotice(workbench: Workbench) -> impl IntoView {
    let studies = workbench.studies;
    move || {
        studies.failure.get().map(|words| view! {
        <Notice tone=Tone::Error>
            <div class="load-failed" data-test="studies-failed">
                <span>{format!("Findings, differences and guardrails cannot be worked out: {words}. What moves is shown all the same.")}</span>
                <button class="button small" on:click=move |_| studies.retry()>"Try again"</button>
            </div>
        </Notice>
    })
    }
}

// ---- result ----

#[component]
fn Outcome(workbench: Workbench) -> impl IntoView {
    let simulation = workbench.simulation;
    let toasts = use_toasts();
    let is_reloading = RwSignal::new(false);
    let cells = Signal::derive(move || simulation.with(|simulation| Cells::from(&simulation.flow)));
    let moved = Memo::new(move |_| simulation.with(|simulation| simulation.flow.moved()));
    let taken_at =
        Memo::new(move |_| simulation.with(|simulation| simulation.before.snapshot.meta.taken_at.clone()));
    let rows = Memo::new(move |_| simulation.with(|simulation| u64::from(simulation.portfolio().len())));
    let is_policy = Memo::new(move |_| workbench.policy.with(Result::is_ok));
    let reload = move |_| {
        is_reloading.set(true);
        spawn_local(async move {
            if let Err(error) = workbench.reload().await {
                toasts.fail(&error);
            }
            is_reloading.set(false);
        });
    };
    view! {
        <section
            class="panel policy-result"
            aria-labelledby="result-title"
            data-test="result"
            data-moved=move || moved.get().count.to_string()
        >
            <header>
                <h2 id="result-title">"What moves"</h2>
                <span class="spacer"></span>
                <span class="muted snapshot">
                    {move || format::counted(rows.get(), "active judgment", "active judgments")}", facts of "{move || view! { <Time at=taken_at.get()/> }}
                </span>
                <label class="past-day" title="Preview on the facts of a past day">
                    "As of"
                    <input type="date" class="input" data-test="past-day-chooser" max=clock::days_after(&clock::today(), -1) prop:value=move || workbench.as_of().unwrap_or_default() on:change:target=move |event| show_day(workbench, toasts, Some(event.target().value()).filter(|day| !day.is_empty()))/>
                </label>
                <button class="button quiet small icon-only" aria-label="Fetch the facts again" title="Fetch the facts again" data-test="reload-snapshot" disabled=move || is_reloading.get() on:click=reload><IconView icon=Icon::Refresh/></button>
            </header>
            <div class="content">
                <div class="headline">
                    <p role="status">
                        {move || match moved.get() {
                            TierTotal { count: 0, .. } => view! { <strong>"No judgment changes tier"</strong> }.into_any(),
                            TierTotal { count, balance_cents } => view! { <strong>{format::counted(count.into(), "judgment", "judgments")}</strong>" · "<strong>{format::cents(balance_cents)}</strong>" change tier" }.into_any(),
                        }}
                    </p>
                    <p class="stays" role="status" data-test="stays-valid">{move || (!is_policy.get()).then_some("The draft has an error: this is its last valid state.")}</p>
                </div>
                <MigrationMatrix cells caption="Tier migration: judgments and balance from tier before to tier after" prefix="matrix" swap=workbench.swap/>
                <MigrationPicture workbench/>
                {move || match workbench.against.get() {
                    Some(against) => view! { <p class="muted" data-test="compared-with">{format!("Compared with {}, on these facts. Guardrails and publishing compare with the published policy.", against.name)}</p> }.into_any(),
                    None => view! { <Stale workbench/> }.into_any(),
                }}
            </div>
        </section>
    }
}

/// Stored tiers that are not what the published policy gives: they change at the next refresh, draft or not.
#[component]
fn Stale(workbench: Workbench) -> impl IntoView {
    let counts = Memo::new(move |_| {
        workbench.simulation.with(|simulation| {
            (simulation.before.stale.rows.len() as u64, u64::from(simulation.before.stale.never_tiered))
        })
    });
    move || {
        match counts.get() {
        (0, 0) => view! { <p class="muted" data-test="stale" data-stale="0" data-never="0">"Every stored tier is what the published policy gives."</p> }.into_any(),
        (stale, never) => view! {
            <p class="muted" data-test="stale" data-stale=stale.to_string() data-never=never.to_string()>
                {(stale > 0).then(|| format!("{} another tier than the published policy gives. ", format::counted(stale, "judgment stores", "judgments store")))}
                {(never > 0).then(|| view! { <a href="/judgments?tier=none&status=active">{format!("{} never been tiered", format::counted(never, "judgment has", "judgments have"))}</a>". " })}
                "“Before” is the published policy on these facts, not what is stored."
            </p>
        }
        .into_any(),
    }
    }
}

// ---- after a publish ----

/// Follows a refresh until it ends, then shows what came of it.
#[component]
fn RunPanel(id: String, workbench: Workbench, on_close: Callback<()>) -> impl IntoView {
    let live = use_live();
    let toasts = use_toasts();
    let id = StoredValue::new(id);
    let run = Remote::new(move || {
        let id = id.get_value();
        async move { api::refresh_run(&id).await }
    });
    let state = Memo::new(move |_| run.value.with(|run| run.as_ref().map(|run| run.state)));
    Effect::new(move |_| {
        if live.refresh.with(|tick| {
            tick.as_ref().is_some_and(|tick| tick.done >= tick.total && id.with_value(|id| *id == tick.id))
        }) {
            run.refetch();
        }
    });
    Effect::new(move |_| {
        if state.get() == Some(RefreshState::Running)
            && let Ok(timer) = set_interval_with_handle(move || run.refetch(), Duration::from_millis(1000))
        {
            on_cleanup(move || timer.clear());
        }
    });
    // The stored tiers are other ones now: what the page holds of them is fetched again.
    Effect::new(move |previous: Option<Option<RefreshState>>| {
        let now = state.get();
        if previous.flatten() == Some(RefreshState::Running) && now == Some(RefreshState::Done) {
            spawn_local(async move {
                if let Err(error) = workbench.reload().await {
                    toasts.fail(&error);
                }
            });
        }
        now
    });
    view! {
        <Loaded remote=run skeleton=|| view! { <RowsSkeleton rows=2/> } let:fetched>
            {
                let shown = Memo::new(move |_| {
                    let mut run: RefreshRun = fetched.get();
                    if let Some(tick) = live.refresh.get().filter(|tick| tick.id == run.id && run.state == RefreshState::Running) {
                        run.done = tick.done.max(run.done);
                    }
                    run
                });
                view! { <Reconciliation run=shown on_close/> }
            }
        </Loaded>
    }
}
