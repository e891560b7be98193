//! One judgment beside the page: its tiers under both policies, why, what would change them, and its history.

use super::icon::{Icon, IconView};
use super::judgment_story::{Assignments, FactsHistory, WhyPanel};
use super::loaded::{Loaded, RowsSkeleton};
use super::tier_badge::TierBadge;
use crate::api;
use crate::format;
use crate::state::clock;
use crate::state::remote::Remote;
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::{Subject, Workbench};
use contract::{JudgmentDetail, Why};
use leptos::html;
use leptos::prelude::*;
use policy::study::{Explanation, TierChanges};
use policy::tier::{AssetSignal, JudgmentFacts};

const ID: &str = "judgment-drawer";

/// A popover, so that Escape and a click beside it close it and the focus goes back to where it was
#[component]
pub fn JudgmentDrawer(workbench: Workbench) -> impl IntoView {
    let drawer = NodeRef::<html::Div>::new();
    let subject = workbench.subject;
    let is_open = move || {
        drawer.get_untracked().is_some_and(|drawer| drawer.matches(":popover-open").unwrap_or_default())
    };
    Effect::new(move |_| {
        let Some(drawer) = drawer.get() else { return };
        // Refused only where the drawer has left the document: then there is nothing to show.
        match (subject.with(Option::is_some), is_open()) {
            (true, false) => drop(drawer.show_popover()),
            (false, true) => drop(drawer.hide_popover()),
            _ => {}
        }
    });
    let on_toggle = move |_| {
        if !is_open() {
            subject.set(None);
        }
    };
    view! {
        <div node_ref=drawer id=ID class="drawer" popover="auto" role="dialog" aria-labelledby="drawer-title" data-test="drawer" on:toggle=on_toggle>
            <button type="button" class="button quiet small icon-only close" aria-label="Close" title="Close (Escape)" autofocus=true popovertarget=ID popovertargetaction="hide" data-test="drawer-close"><IconView icon=Icon::Close/></button>
            {move || subject.get().map(|subject| view! { <Told subject workbench/> })}
        </div>
    }
}

#[component]
fn Told(subject: Subject, workbench: Workbench) -> impl IntoView {
    let Subject { judgment_no, facts } = subject;
    let is_of_draft = RwSignal::new(true);
    let detail = judgment_no.map(detail_of);
    let known =
        move || detail?.value.with(|detail| detail.as_ref()?.as_ref().map(|detail| detail.judgment.clone()));
    let title = move || match (judgment_no, known()) {
        (None, _) => "A made-up judgment".to_owned(),
        (_, Some(judgment)) => judgment.case_number,
        (Some(judgment_no), None) => format!("Judgment no. {}", format::count(judgment_no)),
    };
    let document = json_of(&facts);
    let ask = move |call: &'static str| {
        let document = document.clone();
        move || {
            let policy = if is_of_draft.get() { workbench.after() } else { workbench.before() };
            Some(Question::new(call, &(policy, &document)))
        }
    };
    let explained = Study::new(workbench.studies, from_json::<Explanation>, ask("explain"));
    let nearest = Study::new(workbench.studies, from_json::<Vec<TierChanges>>, ask("nearestChanges"));
    let why = Memo::new(move |_| {
        let (explained, nearest) = (explained.answer.get()?, nearest.answer.get()?);
        Some(Why::of((*explained).clone(), (*nearest).clone()))
    });
    let outcomes = move || {
        workbench.settled.with(|simulation| {
            let (before, after) =
                (simulation.before.policy.evaluate(&facts), simulation.after.evaluate(&facts));
            let line = |name: &'static str, outcome: policy::tier::TierOutcome| {
                view! { <div><dt>{name}</dt><dd><TierBadge tier=outcome.tier/><span class="reason">{outcome.reason}</span></dd></div> }
            };
            let row = judgment_no.and_then(|judgment_no| simulation.before.snapshot.row_of(judgment_no));
            let overriding = row.and_then(|row| simulation.before.snapshot.overriding(row));
            view! {
                <dl class="outcomes" data-test="drawer-tiers">
                    {line(before_name(workbench), before)}
                    {line("Draft", after)}
                    {overriding.map(|overriding| view! {
                        <div data-test="drawer-override"><dt>"Override"</dt><dd><TierBadge tier=overriding.tier/><span class="reason">{match overriding.until {
                            Some(until) => format!("takes effect instead of either until {}", clock::full_time(&until)),
                            None => "takes effect instead of either".to_owned(),
                        }}</span></dd></div>
                    })}
                </dl>
            }
        })
    };
    let name = move || if is_of_draft.get() { "the draft" } else { before_words(workbench) };
    view! {
        <header>
            <h2 id="drawer-title" data-test="drawer-title">{title}</h2>
            {move || known().map(|judgment| view! { <a href=format!("/judgments/{}", judgment.id) data-test="drawer-page">"Open its page"</a> })}
        </header>
        <p class="facts" data-test="drawer-facts">{facts_in_words(&facts)}</p>
        {outcomes}
        <div class="segments" role="group" aria-label="Explain the tier under">
            {[("Draft", true), (before_name(workbench), false)].map(|(name, choice)| view! {
                <button type="button" data-test=format!("drawer-of-{}", if choice { "draft" } else { "before" }) aria-pressed=move || (is_of_draft.get() == choice).to_string() on:click=move |_| is_of_draft.set(choice)>{name}</button>
            })}
        </div>
        {move || match (why.get(), explained.error.get().or_else(|| nearest.error.get())) {
            (_, Some(words)) => view! { <p class="muted" role="alert">{format!("Not to be worked out: {words}.")}</p> }.into_any(),
            (Some(why), None) => view! { <WhyPanel why of=name()/> }.into_any(),
            (None, None) => view! { <p class="muted" role="status">"Working it out…"</p> }.into_any(),
        }}
        {match detail {
            Some(remote) => view! {
                <Loaded remote skeleton=|| view! { <RowsSkeleton rows=4/> } let:detail>
                    <Assignments assignments=Signal::derive(move || detail.with(|detail| detail.as_ref().map(|detail| detail.assignments.clone()).unwrap_or_default()))/>
                    <FactsHistory facts=Signal::derive(move || detail.with(|detail| detail.as_ref().map(|detail| detail.facts.clone()).unwrap_or_default()))/>
                </Loaded>
            }
            .into_any(),
            None => view! { <p class="muted">"It is an example that the analysis has found: it has no history."</p> }.into_any(),
        }}
    }
}

fn before_name(workbench: Workbench) -> &'static str {
    if workbench.against.with(Option::is_some) { "Compared with" } else { "Published" }
}

fn before_words(workbench: Workbench) -> &'static str {
    if workbench.against.with(Option::is_some) { "the policy compared with" } else { "the published policy" }
}

/// As the policy module reads facts: of a signal it only matters that there is one.
fn json_of(facts: &JudgmentFacts) -> serde_json::Value {
    let mut document = serde_json::json!({ "collectability_score": facts.score, "balance": facts.balance });
    for signal in facts.signals.iter() {
        document[signal.name()] = "known".into();
    }
    document
}

fn facts_in_words(facts: &JudgmentFacts) -> String {
    let score = facts.score.map_or_else(|| "no score".to_owned(), |score| format!("score {score}"));
    let balance = facts.balance.map_or_else(|| "no balance".to_owned(), |balance| format!("${balance}"));
    let signals: Vec<&str> =
        facts.signals.iter().map(|signal: AssetSignal| format::signal(signal.name())).collect();
    let signals = if signals.is_empty() { "no assets known".to_owned() } else { signals.join(", ") };
    [score, balance, signals].join(" · ")
}

/// What the snapshot does not say, fetched for one judgment.
fn detail_of(judgment_no: u64) -> Remote<Option<JudgmentDetail>> {
    Remote::new(move || async move {
        match api::judgments_by_no(vec![judgment_no]).await?.first() {
            Some(row) => api::judgment(&row.id).await.map(Some),
            None => Ok(None),
        }
    })
}
