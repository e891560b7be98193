//! The simulator's state: published policy, snapshot and draft, and what follows from them.

use super::draft::Draft;
use super::settled::settled;
use super::simulation::{Before, PolicyEdit, Simulation, Snapshot, SwapFilter, edits};
use super::studies::{Question, Script, Studies, Study, from_json};
use crate::api::{self, ApiError};
use contract::PolicyDetail;
use futures_util::future::try_join;
use leptos::prelude::*;
use policy::analysis::Region;
use policy::assertions::CheckedAssertion;
use policy::tier::{AssetSignals, JudgmentFacts, PolicyError, TierPolicy, TierPolicyDocument};
use std::sync::Arc;

/// What the simulator cannot begin without.
#[derive(Clone)]
pub struct Inputs {
    pub published: PolicyDetail,
    /// The same, validated: a server that publishes something else is not understood.
    pub policy: TierPolicy,
    pub snapshot: Arc<Snapshot>,
}

impl PartialEq for Inputs {
    fn eq(&self, other: &Self) -> bool {
        self.published == other.published && Arc::ptr_eq(&self.snapshot, &other.snapshot)
    }
}

/// The published policy and the facts that it is previewed on: today's, or those with which a past day ended.
pub async fn load_inputs(as_of: Option<String>) -> Result<Inputs, ApiError> {
    let (published, (meta, portfolio)) =
        try_join(api::published_policy(), api::portfolio_snapshot(as_of)).await?;
    let policy = TierPolicy::try_from(published.policy.clone())
        .map_err(|error| ApiError::Unreadable(error.to_string()))?;
    Ok(Inputs { published, policy, snapshot: Arc::new(Snapshot::new(meta, portfolio)) })
}

/// The list of judgments that move: which, and in which order.
#[derive(Clone, Copy)]
pub struct SwapView {
    pub filter: RwSignal<SwapFilter>,
    pub sort: RwSignal<String>,
}

/// The policy map: for how many assets, and which regions are outlined on it.
#[derive(Clone, Copy)]
pub struct MapView {
    pub assets: RwSignal<u8>,
    pub marked: RwSignal<Vec<Region>>,
}

impl MapView {
    /// The map's element.
    pub const ID: &str = "policy-map";

    /// Outlines regions, brings the map into sight, for the fewest assets that the first region speaks of.
    pub fn mark(self, regions: Vec<Region>, counted: AssetSignals) {
        if let Some(first) = regions.first() {
            let counts =
                first.signal_sets.iter().map(|bits| AssetSignals::from_bits(*bits).count_of(counted));
            self.assets.set(counts.min().unwrap_or(0));
        }
        self.marked.set(regions);
        if let Some(map) = document().get_element_by_id(Self::ID) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            map.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }
}

/// A judgment that is looked at beside the page
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// None for one that is made up.
    pub judgment_no: Option<u64>,
    pub facts: JudgmentFacts,
}

/// Another policy than the published one to compare the draft with.
#[derive(Clone, PartialEq)]
pub struct Against {
    pub id: String,
    /// `Revision 3 · Spring review`, or a draft's name with its author's.
    pub name: String,
    pub policy: TierPolicy,
}

#[derive(Clone, Copy)]
pub struct Workbench {
    pub inputs: RwSignal<Inputs>,
    /// Whether a second person has to approve a draft before it is published.
    pub needs_approval: RwSignal<bool>,
    /// What the draft is compared with; the published policy where it is nothing.
    pub against: RwSignal<Option<Against>>,
    pub draft: Draft,
    pub swap: SwapView,
    pub map: MapView,
    /// What the drawer shows.
    pub subject: RwSignal<Option<Subject>>,
    /// The draft as a policy, or what keeps it from being one.
    pub policy: Memo<Result<TierPolicy, PolicyError>>,
    /// Follows every edit that is a policy, in its frame; an edit that is none leaves the last one in place.
    pub simulation: Memo<Arc<Simulation>>,
    /// The same when edits rest: what is not watched while dragging shows this one.
    pub settled: Memo<Arc<Simulation>>,
    /// The rows of the swap set of `settled`, filtered and in order.
    pub swap_rows: Memo<Arc<Vec<u32>>>,
    /// How the draft differs from what it is compared with, when edits rest.
    pub edits: Memo<Arc<Vec<PolicyEdit>>>,
    /// What became of the draft's assertions; the server checks the same before it publishes.
    pub checked: Study<Vec<CheckedAssertion>>,
    pub studies: Studies,
}

fn is_another<T>(before: Option<&Arc<T>>, after: Option<&Arc<T>>) -> bool {
    !matches!((before, after), (Some(before), Some(after)) if Arc::ptr_eq(before, after))
}

impl Workbench {
    pub fn new(inputs: Inputs, name: String) -> Self {
        let draft = Draft::new(inputs.policy.document().clone(), inputs.published.assertions.clone(), name);
        let inputs = RwSignal::new(inputs);
        let swap =
            SwapView { filter: RwSignal::new(SwapFilter::All), sort: RwSignal::new("-balance".to_owned()) };
        let map = MapView { assets: RwSignal::new(1), marked: RwSignal::new(Vec::new()) };
        let policy = Memo::new(move |_| TierPolicy::try_from(draft.document.get()));
        let against = RwSignal::new(None::<Against>);
        let base = Memo::new(move |_| {
            let other = against.with(|against| against.as_ref().map(|against| against.policy.clone()));
            other.unwrap_or_else(|| inputs.with(|inputs| inputs.policy.clone()))
        });
        let before = Memo::new_with_compare(
            move |_| Arc::new(Before::new(inputs.with(|inputs| Arc::clone(&inputs.snapshot)), base.get())),
            is_another,
        );
        let simulation = Memo::new(move |previous: Option<&Arc<Simulation>>| {
            let before = before.get();
            let after = policy.get().unwrap_or_else(|_| {
                // Not a policy for the moment: the last one stays, over the newest facts.
                previous.map_or_else(|| before.policy.clone(), |previous| previous.after.clone())
            });
            match previous {
                Some(previous) if Arc::ptr_eq(&previous.before, &before) && previous.after == after => {
                    Arc::clone(previous)
                }
                Some(previous) if Arc::ptr_eq(&previous.before, &before) => Arc::new(previous.next(after)),
                _ => Arc::new(Simulation::run(before, after)),
            }
        });
        // Together, so that a drag waits for both at once.
        let shown = settled(Memo::new(move |_| (simulation.get(), draft.document.get())));
        let settled_simulation = Memo::new(move |_| shown.with(|(simulation, _)| Arc::clone(simulation)));
        let swap_rows = Memo::new(move |_| {
            let (filter, sort) = (swap.filter.get(), swap.sort.get());
            Arc::new(settled_simulation.with(|simulation| simulation.swap_set(&filter, &sort)))
        });
        let edits = Memo::new_with_compare(
            move |_| Arc::new(base.with(|base| shown.with(|(_, document)| edits(base.document(), document)))),
            is_another,
        );
        let studies = Studies::new(Script::Studies);
        Effect::new(move |_| inputs.with(|inputs| studies.set_portfolio(&inputs.snapshot.portfolio)));
        let checked = Study::new(studies, from_json, move || {
            let after = settled_simulation.with(|simulation| simulation.after.clone());
            // Against what it would replace, whatever the page compares with.
            inputs.with(|inputs| {
                let (before, after) = (inputs.policy.document(), after.document());
                draft
                    .assertions
                    .with(|assertions| Some(Question::new("checkAssertions", &(assertions, before, after))))
            })
        });
        Self {
            inputs,
            needs_approval: RwSignal::new(false),
            against,
            studies,
            checked,
            draft,
            swap,
            map,
            subject: RwSignal::new(None),
            policy,
            simulation,
            settled: settled_simulation,
            swap_rows,
            edits,
        }
    }

    /// What the draft is compared with.
    pub fn before(self) -> TierPolicyDocument {
        self.settled.with(|simulation| simulation.before.policy.document().clone())
    }

    /// The draft, or its last state that was a policy.
    pub fn after(self) -> TierPolicyDocument {
        self.settled.with(|simulation| simulation.after.document().clone())
    }

    /// Assertions of the draft that do not hold.
    pub fn broken(self) -> Vec<CheckedAssertion> {
        self.checked.answer.with(|checked| {
            checked.iter().flat_map(|all| all.iter()).filter(|it| !it.holds).cloned().collect()
        })
    }

    /// The revision that is published as far as this page knows.
    pub fn revision(self) -> u32 {
        self.inputs.with(|inputs| inputs.published.summary.revision.unwrap_or(0))
    }

    /// The past day on whose facts the draft is previewed; only a preview on today's can be published.
    pub fn as_of(self) -> Option<String> {
        self.inputs.with(|inputs| inputs.snapshot.meta.as_of.clone())
    }

    /// Opens the drawer of a judgment of the snapshot.
    pub fn look_at(self, judgment_no: u64) {
        let facts = self.settled.with_untracked(|simulation| {
            let row = simulation.before.snapshot.row_of(judgment_no)?;
            simulation.portfolio().facts(row)
        });
        if let Some(facts) = facts {
            self.subject.set(Some(Subject { judgment_no: Some(judgment_no), facts }));
        }
    }

    /// Fetches the published policy and the facts again; the draft stays as it is.
    pub async fn reload(self) -> Result<(), ApiError> {
        self.show_day(untrack(|| self.as_of())).await
    }

    /// The same, with the facts of another day.
    pub async fn show_day(self, as_of: Option<String>) -> Result<(), ApiError> {
        self.inputs.set(load_inputs(as_of).await?);
        Ok(())
    }
}
