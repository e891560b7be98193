//! The simulator's state: published policy, snapshot and draft, and what follows from them.

use super::clock;
use super::draft::Draft;
use super::simulation::{Before, PolicyEdit, Simulation, Snapshot, SwapFilter, edits};
use super::studies::{Question, Studies, Study, from_json};
use crate::api::{self, ApiError};
use contract::PolicyDetail;
use leptos::prelude::*;
use policy::analysis::Region;
use policy::assertions::CheckedAssertion;
use policy::tier::{AssetSignals, PolicyError, TierPolicy, TierPolicyDocument};
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

/// The published policy and the facts that it is previewed on.
pub async fn load_inputs() -> Result<Inputs, ApiError> {
    let published = api::published_policy().await?;
    let (meta, portfolio) = api::portfolio_snapshot().await?;
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

/// What one edit has led to
#[derive(Debug)]
pub struct Recomputed {
    pub simulation: Arc<Simulation>,
    /// The rows of the swap set, filtered and in order.
    pub swap_rows: Arc<Vec<u32>>,
    /// What all of that took in the browser, in milliseconds.
    pub took_ms: f64,
}

/// Another policy than the published one to compare the draft with.
#[derive(Clone, PartialEq)]
pub struct Against {
    pub id: String,
    /// `revision 3`, or a draft's name.
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
    /// The draft as a policy, or what keeps it from being one.
    pub policy: Memo<Result<TierPolicy, PolicyError>>,
    /// Follows every edit that is a policy; an edit that is none leaves the last one in place.
    pub recomputed: Memo<Arc<Recomputed>>,
    pub simulation: Memo<Arc<Simulation>>,
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
        let recomputed = Memo::new_with_compare(
            move |previous: Option<&Arc<Recomputed>>| {
                let start = clock::stopwatch();
                let before = before.get();
                let after = policy.get();
                let (filter, sort) = (swap.filter.get(), swap.sort.get());
                let still = previous.filter(|previous| {
                    Arc::ptr_eq(&previous.simulation.before, &before)
                        && after.as_ref().is_ok_and(|after| *after == previous.simulation.after)
                });
                let simulation = match (still, after) {
                    (Some(previous), _) => Arc::clone(&previous.simulation),
                    (None, Ok(after)) => Arc::new(Simulation::run(before, after)),
                    // Not a policy for the moment: the last one stays, over the newest facts.
                    (None, Err(_)) => {
                        match previous.filter(|previous| Arc::ptr_eq(&previous.simulation.before, &before)) {
                            Some(previous) => Arc::clone(&previous.simulation),
                            None => {
                                let after = previous.map_or_else(
                                    || before.policy.clone(),
                                    |previous| previous.simulation.after.clone(),
                                );
                                Arc::new(Simulation::run(before, after))
                            }
                        }
                    }
                };
                let swap_rows = Arc::new(simulation.swap_set(&filter, &sort));
                let took_ms = clock::measure("recompute", start);
                Arc::new(Recomputed { simulation, swap_rows, took_ms })
            },
            is_another,
        );
        let simulation = Memo::new_with_compare(
            move |_| recomputed.with(|recomputed| Arc::clone(&recomputed.simulation)),
            is_another,
        );
        let edits = Memo::new_with_compare(
            move |_| {
                Arc::new(base.with(|base| draft.document.with(|document| edits(base.document(), document))))
            },
            is_another,
        );
        let studies = Studies::new();
        Effect::new(move |_| inputs.with(|inputs| studies.set_portfolio(&inputs.snapshot.portfolio)));
        let checked = Study::new(studies, from_json, move || {
            let simulation = simulation.get();
            let (before, after) = (simulation.before.policy.document(), simulation.after.document());
            draft
                .assertions
                .with(|assertions| Some(Question::new("checkAssertions", &(assertions, before, after))))
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
            policy,
            recomputed,
            simulation,
            edits,
        }
    }

    /// What the draft is compared with.
    pub fn before(self) -> TierPolicyDocument {
        self.simulation.with(|simulation| simulation.before.policy.document().clone())
    }

    /// The draft, or its last state that was a policy.
    pub fn after(self) -> TierPolicyDocument {
        self.simulation.with(|simulation| simulation.after.document().clone())
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

    /// Fetches the published policy and the facts again; the draft stays as it is.
    pub async fn reload(self) -> Result<(), ApiError> {
        self.inputs.set(load_inputs().await?);
        Ok(())
    }
}
