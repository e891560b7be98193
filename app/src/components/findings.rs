//! What is wrong with the draft in itself, found anew after every edit.

use super::icon::{Icon, IconView};
use crate::format;
use crate::state::studies::{Question, Study, from_json};
use crate::state::workbench::{Subject, Workbench};
use leptos::prelude::*;
use policy::analysis::{ExampleJudgment, Finding, FindingCode, Region, Severity};
use policy::tier::JudgmentFacts;

#[component]
pub fn Findings(workbench: Workbench) -> impl IntoView {
    let findings = Study::new(workbench.studies, from_json::<Vec<Finding>>, move || {
        Some(Question::new("analyzePolicy", &[workbench.after()]))
    });
    let of = move |is_wanted: fn(Severity) -> bool| {
        findings.answer.with(|findings| {
            let wanted =
                findings.iter().flat_map(|all| all.iter()).filter(|finding| is_wanted(finding.severity));
            wanted.cloned().collect::<Vec<_>>()
        })
    };
    let faults = Memo::new(move |_| of(|severity| severity != Severity::Note));
    let notes = Memo::new(move |_| of(|severity| severity == Severity::Note));
    let is_missing = move || findings.answer.with(Option::is_none);
    let shown = RwSignal::new(None::<Vec<Region>>);
    let show = Callback::new(move |regions: Vec<Region>| {
        if shown.get_untracked().as_ref() == Some(&regions) {
            shown.set(None);
            workbench.map.marked.set(Vec::new());
        } else {
            shown.set(Some(regions.clone()));
            let counted = workbench.settled.with_untracked(|simulation| simulation.after.assets());
            workbench.map.mark(regions, counted);
        }
    });
    // What was outlined may be mended now.
    Effect::new(move |_| {
        findings.answer.track();
        shown.set(None);
        workbench.map.marked.set(Vec::new());
    });
    let list = move |findings: Vec<Finding>| {
        let entry = |finding| view! { <Entry finding shown on_show=show subject=workbench.subject/> };
        findings.into_iter().map(entry).collect_view()
    };
    view! {
        <section class="panel findings" aria-labelledby="findings-title" data-test="findings" data-faults=move || faults.with(Vec::len).to_string() aria-busy=move || findings.is_busy.get().to_string()>
            <header>
                <h2 id="findings-title">"Findings"</h2>
                <span class="muted" role="status">{move || match faults.with(Vec::len) {
                    _ if is_missing() => "looking…".to_owned(),
                    0 => "no fault".to_owned(),
                    n => format::counted(n as u64, "fault", "faults"),
                }}</span>
            </header>
            {move || (!is_missing() && faults.with(Vec::is_empty)).then(|| view! {
                <p class="none"><IconView icon=Icon::Check/>"No gap, no cliff, no rule without effect."</p>
            })}
            <ul>{move || list(faults.get())}</ul>
            {move || (!notes.with(Vec::is_empty)).then(|| view! {
                <details>
                    <summary>{format::counted(notes.with(Vec::len) as u64, "note", "notes")}</summary>
                    <ul>{list(notes.get())}</ul>
                </details>
            })}
        </section>
    }
}

#[component]
fn Entry(
    finding: Finding,
    shown: RwSignal<Option<Vec<Region>>>,
    on_show: Callback<Vec<Region>>,
    subject: RwSignal<Option<Subject>>,
) -> impl IntoView {
    let Finding { severity, code, message, examples, regions, regions_left_out, .. } = finding;
    let (mark, word) = match severity {
        Severity::Error => ("▲", "Error"),
        Severity::Warning => ("●", "Warning"),
        Severity::Note => ("○", "Note"),
    };
    let outlined = StoredValue::new(regions);
    let is_shown = Memo::new(move |_| {
        outlined.with_value(|regions| shown.with(|shown| shown.as_ref() == Some(regions)))
    });
    let has_regions = outlined.with_value(|regions| !regions.is_empty());
    view! {
        <li data-severity=word.to_lowercase() data-test=format!("finding-{}", code_name(code))>
            <span class="mark" aria-hidden="true">{mark}</span>
            <div>
                <p><strong>{kind(code)}</strong><span class="visually-hidden">{format!(", {word}")}</span>". "{message}"."</p>
                {(!examples.is_empty()).then(|| view! {
                    <p class="example">{format!("{}: ", if examples.len() > 1 { "Smallest examples" } else { "Smallest example" })}{examples.into_iter().enumerate().map(|(place, judgment)| {
                        let words = example(&judgment);
                        let facts = facts_of(&judgment);
                        view! {
                            {(place > 0).then_some("; ")}
                            <button type="button" class="link" data-test="finding-example" aria-haspopup="dialog" title="Why it gets this tier, and what would change it" on:click=move |_| subject.set(Some(Subject { judgment_no: None, facts }))>{words}</button>
                        }
                    }).collect_view()}</p>
                })}
                {(regions_left_out > 0).then(|| view! { <p class="example">{format!("and {} more places", format::count(regions_left_out.into()))}</p> })}
            </div>
            {has_regions.then(|| view! {
                <button class="button quiet small" aria-pressed=move || is_shown.get().to_string() on:click=move |_| on_show.run(outlined.get_value())>
                    {move || if is_shown.get() { "Hide" } else { "Show" }}
                </button>
            })}
        </li>
    }
}

fn facts_of(example: &ExampleJudgment) -> JudgmentFacts {
    JudgmentFacts {
        score: Some(example.collectability_score),
        balance: Some(example.balance),
        signals: example.signals.iter().copied().collect(),
    }
}

fn example(example: &ExampleJudgment) -> String {
    let signals: Vec<String> =
        example.signals.iter().map(|signal| format::signal(signal.name()).to_lowercase()).collect();
    let signals = if signals.is_empty() { "no asset signal".to_owned() } else { signals.join(" and ") };
    format!(
        "score {}, ${}, {signals} → tier {}",
        example.collectability_score,
        example.balance,
        example.tier.number(),
    )
}

fn kind(code: FindingCode) -> &'static str {
    match code {
        FindingCode::Cliff => "Cliff",
        FindingCode::ShadowedRule => "Rule without effect",
        FindingCode::ShadowedArm => "Condition without effect",
        FindingCode::Gap => "Gap",
        FindingCode::UnreachableTier => "Tier that nothing reaches",
        FindingCode::Overlap => "Overlap",
        FindingCode::IdleLimit => "Limit without effect",
        FindingCode::IdleCondition => "Bound without effect",
        FindingCode::UnusedLimit => "Unused limit",
    }
}

/// As JSON has it.
fn code_name(code: FindingCode) -> &'static str {
    match code {
        FindingCode::Cliff => "cliff",
        FindingCode::ShadowedRule => "shadowed_rule",
        FindingCode::ShadowedArm => "shadowed_arm",
        FindingCode::Gap => "gap",
        FindingCode::UnreachableTier => "unreachable_tier",
        FindingCode::Overlap => "overlap",
        FindingCode::IdleLimit => "idle_limit",
        FindingCode::IdleCondition => "idle_condition",
        FindingCode::UnusedLimit => "unused_limit",
    }
}
