//! `tier_assignment`: computes the enforcement tier of a judgment.

use std::collections::{BTreeMap, BTreeSet};

use db::assignments::{self, Assigned, LockedJudgment, NewAssignment};
use db::queue::Message;
use db::shadows::{self, TieredJudgment};
use db::{SqlError, Transaction};
use policy::tier::{OutcomeGrid, Tier, TierOutcomeRef, TierOutcomes, TierPolicy};
use serde_json::Value;
use uuid::Uuid;

use crate::{Job, Report, Verdict, Work};

const KIND: &str = "tier_assignment";

/// Evaluates the published policy on a judgment's facts and writes the outcome
///
/// Policy and facts are locked from before they are read until the outcome is committed, so that an
/// assignment never outlives the revision and the facts that it was made of.
#[derive(Debug, Clone, Copy)]
pub struct TierAssignment;

impl Job for TierAssignment {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run<'a>(&'a self, tx: &'a mut Transaction, messages: &'a [Message]) -> Work<'a> {
        Box::pin(assign(tx, messages))
    }
}

/// What is logged of a message once its transaction is committed
enum Line {
    Skipped { msg_id: i64, judgment_id: Uuid, status: String },
    Changed { msg_id: i64, judgment_id: Uuid, old_tier: Option<u8>, new_tier: u8, reason: String },
    Complete { msg_id: i64, judgment_id: Uuid, tier: u8 },
}

async fn assign(tx: &mut Transaction, messages: &[Message]) -> Result<Report, SqlError> {
    let subjects: Vec<Result<Subject, &str>> = messages.iter().map(Subject::of).collect();
    for (message, subject) in messages.iter().zip(&subjects) {
        if let Ok(subject) = subject {
            tracing::info!(kind = %KIND, msg_id = message.msg_id, judgment_id = %subject.judgment_id, "tier_assignment_start");
        }
    }

    let judgment_ids: BTreeSet<Uuid> = subjects.iter().flatten().map(|subject| subject.judgment_id).collect();
    let judgment_ids: Vec<Uuid> = judgment_ids.into_iter().collect();
    let orgs: BTreeMap<Uuid, Uuid> =
        assignments::organisations_of(tx, &judgment_ids).await?.into_iter().collect();
    let touched: BTreeSet<Uuid> = orgs.values().copied().collect();
    let policies = Policies::hold(tx, &touched).await?;
    let mut judgments: BTreeMap<Uuid, LockedJudgment> = assignments::lock_judgments(tx, &judgment_ids)
        .await?
        .into_iter()
        .map(|judgment| (judgment.id, judgment))
        .collect();

    let batches = policies.evaluate(&judgments);
    let outcomes: BTreeMap<Uuid, TierOutcomeRef> = batches
        .iter()
        .flat_map(|(judgment_ids, outcomes)| judgment_ids.iter().copied().zip(outcomes.iter()))
        .collect();

    let mut assigned: BTreeMap<Uuid, NewAssignment> = BTreeMap::new();
    let mut lines = Vec::with_capacity(messages.len());
    let mut verdicts = Vec::with_capacity(messages.len());
    for (message, subject) in messages.iter().zip(subjects) {
        let subject = match subject {
            Ok(subject) => subject,
            Err(reason) => {
                verdicts.push(Verdict::Discard { reason: reason.to_owned() });
                continue;
            }
        };
        let msg_id = message.msg_id;
        let judgment_id = subject.judgment_id;
        let Some(judgment) = judgments.get_mut(&judgment_id).filter(|judgment| subject.may_mean(judgment))
        else {
            verdicts.push(Verdict::Discard { reason: subject.not_found() });
            continue;
        };
        if judgment.is_closed {
            lines.push(Line::Skipped { msg_id, judgment_id, status: judgment.status.clone() });
            verdicts.push(Verdict::Done);
            continue;
        }
        let assignment = match policies.assign(judgment, outcomes.get(&judgment_id)) {
            Ok(assignment) => assignment,
            Err(error) => {
                verdicts.push(Verdict::Failed { error });
                continue;
            }
        };
        let (old_tier, new_tier) = (assignment.old_tier, assignment.assigned.tier);
        if old_tier != Some(new_tier) {
            let reason = assignment.assigned.reason.clone();
            lines.push(Line::Changed { msg_id, judgment_id, old_tier, new_tier, reason });
        }
        lines.push(Line::Complete { msg_id, judgment_id, tier: new_tier });
        verdicts.push(Verdict::Done);
        // A second message about the same judgment finds what the first has made of it.
        judgment.assigned = Some(assignment.assigned.clone());
        assigned.entry(judgment_id).or_insert(assignment);
    }
    let assigned: Vec<NewAssignment> = assigned.into_values().collect();
    assignments::write(tx, &assigned).await?;
    shadow(tx, &touched, &assigned, &judgments).await?;
    Ok(Report { verdicts, touched, announce: Box::new(move || lines.iter().for_each(Line::log)) })
}

/// Has the shadows that run decide the same judgments; no tier depends on it
async fn shadow(
    tx: &mut Transaction,
    orgs: &BTreeSet<Uuid>,
    assigned: &[NewAssignment],
    judgments: &BTreeMap<Uuid, LockedJudgment>,
) -> Result<(), SqlError> {
    let orgs: Vec<Uuid> = orgs.iter().copied().collect();
    for shadow in shadows::running(tx, &orgs).await? {
        let tiered = assigned.iter().filter_map(|assignment| {
            let judgment =
                judgments.get(&assignment.judgment_id).filter(|judgment| judgment.org_id == shadow.org_id)?;
            let tier = Tier::try_from(assignment.assigned.tier).ok()?;
            Some(TieredJudgment { judgment_no: judgment.judgment_no, facts: judgment.facts, tier })
        });
        let tiered: Vec<TieredJudgment> = tiered.collect();
        shadow.record(tx, &tiered).await?;
    }
    Ok(())
}

/// Which judgment a message is about
struct Subject {
    judgment_id: Uuid,
    /// None where the message came past `queue_job`: then it is the judgment's.
    org_id: Option<Uuid>,
}

impl Subject {
    /// Finds the judgment's id in the message, in its `payload`, or in the `payload` of that
    fn of(message: &Message) -> Result<Self, &'static str> {
        let outer = &message.body;
        let inner = outer.get("payload");
        let innermost = inner.and_then(|payload| payload.get("payload"));
        let judgment_id = [Some(outer), inner, innermost]
            .into_iter()
            .flatten()
            .find_map(|place| place.get("judgment_id"))
            .ok_or("the message names no judgment_id")?;
        let judgment_id = uuid(judgment_id).ok_or("judgment_id is not a UUID")?;
        let org_id = match outer.get("org_id") {
            None | Some(Value::Null) => None,
            Some(org_id) => Some(uuid(org_id).ok_or("org_id is not a UUID")?),
        };
        Ok(Self { judgment_id, org_id })
    }

    fn may_mean(&self, judgment: &LockedJudgment) -> bool {
        self.org_id.is_none_or(|org_id| org_id == judgment.org_id)
    }

    /// Does not tell whether another organisation has it
    fn not_found(&self) -> String {
        match self.org_id {
            Some(org_id) => format!("organisation `{org_id}` has no judgment `{}`", self.judgment_id),
            None => format!("there is no judgment `{}`", self.judgment_id),
        }
    }
}

fn uuid(value: &Value) -> Option<Uuid> {
    Uuid::try_parse(value.as_str()?.trim()).ok()
}

/// The published policy of each organisation, held by the transaction
struct Policies(BTreeMap<Uuid, Result<Published, String>>);

struct Published {
    grid: OutcomeGrid,
    digest: String,
    revision: i32,
}

impl Policies {
    async fn hold(tx: &mut Transaction, orgs: &BTreeSet<Uuid>) -> Result<Self, SqlError> {
        let orgs: Vec<Uuid> = orgs.iter().copied().collect();
        let held = assignments::hold_published_policies(tx, &orgs).await?;
        Ok(Self(
            held.into_iter()
                .map(|held| {
                    let policy = TierPolicy::try_from(held.document)
                        .map(|policy| Published {
                            grid: policy.compile_outcomes(),
                            digest: held.digest,
                            revision: held.revision,
                        })
                        .map_err(|error| {
                            format!("the policy of revision {} is not valid: {error}", held.revision)
                        });
                    (held.org_id, policy)
                })
                .collect(),
        ))
    }

    /// The outcomes of the judgments that are open, with their ids, organisation by organisation
    fn evaluate(&self, judgments: &BTreeMap<Uuid, LockedJudgment>) -> Vec<(Vec<Uuid>, TierOutcomes<'_>)> {
        let published =
            self.0.iter().filter_map(|(org_id, published)| Some((org_id, published.as_ref().ok()?)));
        published
            .map(|(org_id, published)| {
                let open = || {
                    judgments.values().filter(|judgment| judgment.org_id == *org_id && !judgment.is_closed)
                };
                let outcomes = published.grid.evaluate(open().map(|judgment| judgment.facts));
                (open().map(|judgment| judgment.id).collect(), outcomes)
            })
            .collect()
    }

    /// `outcome` is there unless the organisation has no policy
    fn assign(
        &self,
        judgment: &LockedJudgment,
        outcome: Option<&TierOutcomeRef>,
    ) -> Result<NewAssignment, String> {
        let (published, outcome) = match (self.0.get(&judgment.org_id), outcome) {
            (Some(Ok(published)), Some(outcome)) => (published, outcome),
            (Some(Err(error)), _) => return Err(error.clone()),
            _ => return Err("the organisation has no published policy".to_owned()),
        };
        let assigned = Assigned {
            tier: outcome.tier.number(),
            reason: outcome.reason.to_owned(),
            decided_by: outcome.decided_by.map(ToString::to_string),
            policy_digest: published.digest.clone(),
        };
        Ok(NewAssignment {
            judgment_id: judgment.id,
            is_change: judgment.assigned.as_ref() != Some(&assigned),
            old_tier: judgment.assigned.as_ref().map(|before| before.tier),
            assigned,
            policy_revision: published.revision,
        })
    }
}

impl Line {
    fn log(&self) {
        match self {
            Line::Skipped { msg_id, judgment_id, status } => {
                tracing::info!(kind = %KIND, msg_id, %judgment_id, %status, "tier_assignment_skipped");
            }
            Line::Changed { msg_id, judgment_id, old_tier: Some(old_tier), new_tier, reason } => {
                tracing::info!(kind = %KIND, msg_id, %judgment_id, old_tier, new_tier, %reason, "tier_assignment_changed");
            }
            Line::Changed { msg_id, judgment_id, old_tier: None, new_tier, reason } => {
                tracing::info!(kind = %KIND, msg_id, %judgment_id, old_tier = %"none", new_tier, %reason, "tier_assignment_changed");
            }
            Line::Complete { msg_id, judgment_id, tier } => {
                tracing::info!(kind = %KIND, msg_id, %judgment_id, tier, "tier_assignment_complete");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000000-0000-0000-0000-00000000000a";

    #[track_caller]
    fn check(body: &str, expect: Result<Option<Uuid>, &str>) {
        let message = Message { msg_id: 1, read_ct: 1, body: serde_json::from_str(body).unwrap() };
        let found = Subject::of(&message);
        assert_eq!(found.as_ref().map(|subject| subject.org_id).map_err(|reason| *reason), expect, "{body}");
        if let Ok(subject) = found {
            assert_eq!(subject.judgment_id, Uuid::from_u128(10), "{body}");
        }
    }

    #[test]
    fn the_judgment_is_found_in_three_places() {
        check(&format!(r#"{{"judgment_id": "{ID}"}}"#), Ok(None));
        check(&format!(r#"{{"payload": {{"judgment_id": "{ID}"}}}}"#), Ok(None));
        check(&format!(r#"{{"payload": {{"payload": {{"judgment_id": "{ID}"}}}}}}"#), Ok(None));
        check(
            &format!(r#"{{"org_id": "{ID}", "payload": {{"judgment_id": " {ID} "}}}}"#),
            Ok(Some(Uuid::from_u128(10))),
        );
    }

    #[test]
    fn a_payload_without_a_readable_judgment_id_says_what_is_wrong() {
        for body in [
            "null",
            "7",
            "[]",
            "{}",
            r#"{"payload": null}"#,
            r#"{"payload": {"payload": {"payload": {"judgment_id": "x"}}}}"#,
        ] {
            check(body, Err("the message names no judgment_id"));
        }
        for body in
            [r#"{"judgment_id": null}"#, r#"{"judgment_id": 7}"#, r#"{"payload": {"judgment_id": "Smith"}}"#]
        {
            check(body, Err("judgment_id is not a UUID"));
        }
        check(&format!(r#"{{"org_id": 7, "judgment_id": "{ID}"}}"#), Err("org_id is not a UUID"));
    }
}
