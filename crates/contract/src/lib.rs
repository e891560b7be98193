//! What the server and the console say to each other: one Rust type for each JSON body.
//!
//! Conventions. Money is a decimal string with two places (`"18340112.40"`), a score a decimal string
//! (`"79.6"`). A point in time is an RFC 3339 string in UTC. Ids are UUIDs as strings; `judgment_no` is a
//! number below 2^53. Errors are [`Problem`] documents with the media type `application/problem+json`.

use policy::assertions::{CheckedAssertion, PolicyAssertions};
use policy::portfolio::MigrationMatrix;
use policy::receipt::Receipt;
use policy::study::{Explanation, FactsChange, TierChanges, Verdict, WitnessCase};
use policy::tier::{DecidedBy, Tier, TierPolicyDocument};
use serde::{Deserialize, Serialize};

/// Declares JSON bodies with the derives that every one of them has.
macro_rules! bodies {
    ($($(#[$meta:meta])* $vis:vis $kind:ident $name:ident $body:tt)*) => {
        $(
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
            $(#[$meta])*
            $vis $kind $name $body
        )*
    };
}

mod alerts;
mod cases;
mod documents;
mod pools;
mod review;

pub use alerts::*;
pub use cases::*;
pub use documents::*;
pub use pools::*;
pub use review::*;

bodies! {
    /// An error, after RFC 9457. `code` is stable and machine-readable; `detail` is for people
    pub struct Problem {
        pub status: u16,
        /// One of the codes in [`problem`].
        pub code: String,
        pub title: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub detail: Option<String>,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hint: Option<String>,
        /// The field in error, as a path such as `rules[1].any[0].score_from`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub field: Option<String>,
        /// With `facts_moved`: the judgments whose facts are no longer those of the snapshot. With `preview_differs`: the
        /// first judgments that the server tiers otherwise than the preview showed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub judgments: Vec<JudgmentRef>,
        /// With `assertions_failed`: every assertion of the draft, those that fail among them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
        pub assertions: Vec<CheckedAssertion>,
    }

    /// `GET /api/health`, the one endpoint that asks for nothing: 200 when both are `ok`, else 503
    pub struct Health {
        /// `ok`, since somebody answered.
        pub server: String,
        /// `ok` or `unavailable`.
        pub database: String,
    }

    /// Names a judgment for people and for links
    pub struct JudgmentRef { pub id: String, pub judgment_no: u64, pub case_number: String }

    // ---- sessions ----

    /// `POST /api/session`
    pub struct SignIn { pub email: String, pub password: String }

    /// `POST /api/session/link`: redeems the one-time link that the server printed at its start
    pub struct RedeemLink { pub token: String }

    /// `POST /api/session/password`; `current` is required once a password is set
    pub struct SetPassword { #[serde(default)] pub current: Option<String>, pub new: String }

    /// `POST /api/session/organisation`
    pub struct ChooseOrganisation { pub organisation_id: String }

    /// `GET /api/session`: who is signed in, where, and what they may do
    pub struct Session {
        pub user_id: String,
        pub email: String,
        pub display_name: String,
        pub role: Role,
        pub organisation: Organisation,
        /// Every organisation that the user may switch to, the active one included.
        pub organisations: Vec<Organisation>,
        /// True until the user has set a password: the console asks for one first.
        pub must_set_password: bool,
    }

    /// `GET /api/tokens`: a token by which scripts call; the secret itself is shown once, when it is made
    pub struct ApiToken {
        pub id: String,
        pub name: String,
        /// The member on whose behalf it acts.
        pub email: String,
        pub role: Role,
        pub created_at: String,
        pub expires_at: String,
        /// To about five minutes; None while nothing has called with it.
        pub used_at: Option<String>,
        pub revoked_at: Option<String>,
        /// Neither expired nor revoked.
        pub is_good: bool,
    }

    /// `POST /api/tokens`: acts for whoever makes it, with `role` at most, for 1 to 366 days
    pub struct CreateApiToken { pub name: String, pub role: Role, pub days: i32 }

    pub struct CreatedApiToken { pub id: String, /** To be sent as `Authorization: Bearer …`; never shown again */ pub token: String }

    pub struct Organisation { pub id: String, pub name: String, /** IANA name */ pub time_zone: String }

    /// What a member may do: viewers read, operators work cases and jobs, admins change policies
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum Role { Viewer, Operator, Admin }

    // ---- tiers ----

    /// `GET /api/tiers`: the rows of `v_enforcement_tier_overview` and how current they are
    pub struct TierOverview {
        /// Tier 0 to 3, then the row of judgments without a tier.
        pub rows: Vec<TierOverviewRow>,
        pub coverage: Coverage,
        pub published: PolicySummary,
        /// The newest refresh, running or not.
        pub refresh: Option<RefreshRun>,
    }

    pub struct TierOverviewRow {
        /// `null` for judgments without a tier.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        pub tier_label: String,
        pub judgment_count: u64,
        pub total_principal: String,
        pub avg_principal: Option<String>,
        pub avg_collectability: Option<String>,
        pub active_count: u64,
        /// Balance due of the active judgments.
        pub active_balance: String,
        pub oldest_tier_assignment: Option<String>,
        pub newest_tier_assignment: Option<String>,
    }

    /// How many active judgments were tiered today (the organisation's day), earlier, or never
    pub struct Coverage { pub active: u64, pub tiered_today: u64, pub stale: u64, pub never: u64 }

    /// One set-based refresh: progress while it runs, the reconciliation afterwards
    pub struct RefreshRun {
        pub id: String,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub state: RefreshState,
        pub policy_revision: u32,
        /// Active judgments when the run began, and how many are refreshed.
        pub total: u64,
        pub done: u64,
        pub started_at: String,
        pub finished_at: Option<String>,
        pub error: Option<String>,
        /// The matrix that the publishing browser showed; `null` for a refresh without a publish.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub previewed: Option<MigrationMatrix>,
        /// The matrix counted from what was written.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub actual: Option<MigrationMatrix>,
        /// Judgments whose facts moved between publish and refresh: they may differ from the preview.
        pub facts_moved: u64,
        /// Judgments whose tier the stored SQL wrote otherwise than the policy crate decides on the same facts. Anything
        /// but 0 is a fault of the product or of whoever changed its database.
        pub drifted: u64,
        /// The first of them.
        pub drifts: Vec<TierDrift>,
    }

    /// A judgment whose written tier is not what the policy crate decides
    pub struct TierDrift {
        pub judgment: JudgmentRef,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub written: Tier,
        /// `null` where the stored document is no longer the one that was published, so that nothing can be decided by it.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub decided: Option<Tier>,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum RefreshState { Running, Done, Failed }

    // ---- judgments ----

    /// The query of `GET /api/judgments` and `GET /api/judgments.csv`; everything is optional
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct JudgmentQuery {
        /// Matches case number, plaintiff and defendant, case-insensitively.
        #[serde(skip_serializing_if = "Option::is_none")] pub search: Option<String>,
        /// Tiers `0`–`3` or `none`, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub tier: Option<String>,
        /// Statuses, comma-separated; `active` stands for all that are not closed.
        #[serde(skip_serializing_if = "Option::is_none")] pub status: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub county: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub balance_min: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub balance_max: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub score_min: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub score_max: Option<String>,
        /// An asset signal's name, `any` or `none`.
        #[serde(skip_serializing_if = "Option::is_none")] pub asset: Option<String>,
        /// `today`, `stale` or `never`.
        #[serde(skip_serializing_if = "Option::is_none")] pub coverage: Option<String>,
        /// `judgment_no`, `case_number`, `plaintiff`, `county`, `balance`, `score`, `tier`, `status`, `judgment_date` or `tier_as_of`; a leading `-` descends. Default: `-balance`.
        #[serde(skip_serializing_if = "Option::is_none")] pub sort: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub offset: Option<u32>,
        /// 1 to 500, default 100.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    pub struct JudgmentPage { pub total: u64, pub total_balance: String, pub rows: Vec<JudgmentRow> }

    pub struct JudgmentRow {
        pub id: String,
        pub judgment_no: u64,
        pub case_number: String,
        pub plaintiff_name: String,
        pub defendant_name: Option<String>,
        pub court: Option<String>,
        pub county: Option<String>,
        pub state: Option<String>,
        /// ISO date.
        pub judgment_date: Option<String>,
        pub judgment_amount: String,
        pub balance_due: Option<String>,
        pub collectability_score: Option<String>,
        /// Names of the signals that are present.
        pub asset_signals: Vec<String>,
        pub status: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        pub tier_reason: Option<String>,
        pub tier_as_of: Option<String>,
    }

    /// `GET /api/judgments/facets`: what the filters can offer
    pub struct JudgmentFacets { pub counties: Vec<String>, pub statuses: Vec<String> }

    /// `GET /api/judgments/{id}`
    pub struct JudgmentDetail {
        pub judgment: JudgmentRow,
        pub signals: SignalValues,
        /// What the published policy says of today's facts; `null` for a closed judgment.
        pub outcome: Option<Outcome>,
        /// How that came about, and what would change it; `null` with `outcome`.
        pub why: Option<Why>,
        pub policy_revision: Option<u32>,
        pub policy_digest: Option<String>,
        pub open_case: Option<OpenCase>,
        /// Newest first.
        pub assignments: Vec<Assignment>,
        /// Newest first: every change of score, balance, signals or status.
        pub facts: Vec<FactsRow>,
        /// True while a tier assignment of this judgment is queued.
        pub retier_queued: bool,
    }

    pub struct SignalValues {
        pub employer_name: Option<String>,
        pub bank_name: Option<String>,
        pub real_property_lead: Option<String>,
        pub vehicle_lead: Option<String>,
    }

    pub struct Outcome {
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub tier: Tier,
        pub tier_label: String,
        pub reason: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub decided_by: Option<DecidedBy>,
        pub policy_revision: Option<u32>,
    }

    /// Every arm of a policy against one judgment, and the least changes that would give another tier
    pub struct Why {
        /// In the order in which they are tried.
        pub arms: Vec<WhyArm>,
        /// For each tier that the judgment does not have.
        pub nearest: Vec<WhyNearest>,
    }

    pub struct WhyArm {
        pub rule: String,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub tier: Tier,
        /// Whether it decided, held behind the one that did, or failed.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub verdict: Verdict,
        pub conditions: Vec<WhyCondition>,
    }

    pub struct WhyCondition { pub words: String, pub holds: bool }

    pub struct WhyNearest {
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub tier: Tier,
        /// The least changes, those of a single fact first, at most 4; empty where the policy gives no judgment this tier.
        pub changes: Vec<String>,
    }

    pub struct OpenCase {
        pub id: String,
        pub current_stage: String,
        /// `tier0`–`tier3`.
        pub tier: Option<String>,
        pub tier_override: Option<String>,
        pub override_expires_at: Option<String>,
        pub override_note: Option<String>,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub effective_tier: Option<Tier>,
    }

    pub struct Assignment {
        pub assigned_at: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub old_tier: Option<Tier>,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub new_tier: Tier,
        pub reason: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub decided_by: Option<DecidedBy>,
        pub policy_revision: u32,
        pub policy_digest: String,
        /// `job`, `refresh` or `nightly`.
        pub source: String,
    }

    pub struct FactsRow {
        pub valid_from: String,
        pub collectability_score: Option<String>,
        pub balance_due: Option<String>,
        pub asset_signals: Vec<String>,
        pub status: String,
    }

    /// `POST /api/judgments/{id}/retier` and every other enqueueing
    pub struct Queued { pub msg_id: i64 }

    /// `POST /api/judgments/by-no`: names for rows of the snapshot, at most 500 at once
    pub struct JudgmentNumbers { pub judgment_nos: Vec<u64> }

    // ---- policies ----

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum PolicyState { Draft, /** To be published by itself at a later time */ Scheduled, Published, Superseded }

    pub struct PolicySummary {
        pub id: String,
        pub name: String,
        pub state: PolicyState,
        /// Set when published.
        pub revision: Option<u32>,
        /// Counts the saves of a draft; a save names the one that it builds on.
        pub version: u32,
        /// The published revision that a draft was started from.
        pub based_on: Option<u32>,
        pub digest: String,
        pub author: String,
        /// `null` for what came with the organisation.
        pub author_id: Option<String>,
        /// Who saved it last; the author where nobody has since.
        pub saved_by: String,
        pub saved_by_id: Option<String>,
        pub updated_at: String,
        pub published_at: Option<String>,
        pub published_by: Option<String>,
        pub note: Option<String>,
        /// Why it was published though assertions failed.
        pub override_note: Option<String>,
        /// The assertions that the note overrules, by their place: those that failed when it was written.
        #[serde(default)]
        pub overruled: Vec<String>,
        /// What the publishing browser showed for its preview, as the server found it to be; `null` for drafts and for
        /// what came with the organisation. Never changes.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub receipt: Option<Receipt>,
        /// `null` until it is asked for, and again after every save.
        pub approval: Option<PolicyApproval>,
        /// Set when scheduled; stays after it was published by itself.
        pub schedule: Option<PolicySchedule>,
    }

    /// Where the approval of a draft stands
    pub struct PolicyApproval {
        pub state: ApprovalState,
        pub requested_at: String,
        pub requested_by: String,
        pub request_note: Option<String>,
        pub answered_at: Option<String>,
        pub answered_by: Option<String>,
        /// Why it was approved or declined.
        pub note: Option<String>,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum ApprovalState { Requested, Approved, Declined }

    /// When a policy is to be published by itself
    pub struct PolicySchedule {
        pub effective_at: String,
        /// The revision that it was previewed against: over no other is it published by itself.
        pub over_revision: u32,
        pub scheduled_at: String,
        pub scheduled_by: String,
        /// Why it was not published when it was due: an admin has to cancel it, and may schedule it again.
        pub error: Option<String>,
    }

    /// `GET` and `PUT /api/organisation/settings`
    pub struct OrganisationSettings {
        /// A draft is published only after an admin other than its author, last saver and requester has approved it.
        pub publish_needs_approval: bool,
    }

    /// `POST /api/tier-policies/{id}/approval`
    pub struct RequestApproval {
        pub expected_version: u32,
        #[serde(default)]
        pub note: Option<String>,
    }

    /// `POST /api/tier-policies/{id}/approval/answer`
    pub struct AnswerApproval {
        pub expected_version: u32,
        pub is_approved: bool,
        /// Required to decline.
        #[serde(default)]
        pub note: Option<String>,
    }

    /// `GET /api/tier-policies/{id}/events` and `GET /api/tier-policies/events`: one step in the life of a policy
    pub struct PolicyEvent {
        /// `null` for what concerns every policy.
        pub policy_id: Option<String>,
        /// What the policy was called then.
        pub policy_name: Option<String>,
        pub at: String,
        /// `started`, `saved`, `discarded`, `approval_requested`, `approved`, `declined`, `scheduled`, `schedule_cancelled`,
        /// `schedule_failed`, `published`, `superseded`, `settings_changed`, `shadow_started` or `shadow_stopped`.
        pub kind: String,
        /// Who; `null` where the product acted by itself.
        pub actor: Option<String>,
        /// The draft's version then.
        pub version: Option<u32>,
        pub revision: Option<u32>,
        /// Of the document as it was then.
        pub digest: Option<String>,
        /// Why.
        pub note: Option<String>,
        pub override_note: Option<String>,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub receipt: Option<Receipt>,
        pub effective_at: Option<String>,
    }

    /// `GET /api/tier-policies/{id}` and `GET /api/tier-policies/published`
    pub struct PolicyDetail {
        pub summary: PolicySummary,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub policy: TierPolicyDocument,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub assertions: PolicyAssertions,
        /// Judgments that show what it does, as they were when it was published; empty for drafts and for what came with
        /// the organisation.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
        pub witnesses: Vec<WitnessCase>,
    }

    /// `POST /api/tier-policies`
    pub struct NewDraft {
        pub name: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub policy: TierPolicyDocument,
        /// Those of the published policy where it is missing.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub assertions: Option<PolicyAssertions>,
    }

    /// `POST /api/tier-policies/{id}/restore`: a new draft with document and assertions of that policy
    pub struct RestorePolicy { pub name: String }

    /// `PUT /api/tier-policies/{id}`: refused with `draft_moved` where `expected_version` is not the stored one
    pub struct SaveDraft {
        pub name: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub policy: TierPolicyDocument,
        /// Left as they are where it is missing.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub assertions: Option<PolicyAssertions>,
        pub expected_version: u32,
    }

    /// `POST /api/tier-policies/{id}/publish`
    pub struct PublishRequest {
        /// The draft's version that the preview showed.
        pub expected_version: u32,
        /// The revision that was published when the preview was made.
        pub expected_revision: u32,
        pub note: String,
        /// Why it is published though assertions fail: kept with the revision. Refused where none fails.
        #[serde(default)]
        pub override_note: Option<String>,
        /// The places of the assertions that the note was written about, such as `laws[0]`. One that fails and is not
        /// among them refuses the publish, now or when it is due.
        #[serde(default)]
        pub overruled: Vec<String>,
        /// `SnapshotMeta::snapshot` of the previewed snapshot.
        pub snapshot: String,
        /// What the preview showed; kept for the reconciliation and checked against the server's own count.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub previewed: MigrationMatrix,
        /// `Receipt::of` the draft, the snapshot and `previewed`: kept with the revision.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub receipt: Receipt,
        /// The draft's tier of every judgment in the snapshot's order, as `receipt::pack_tiers` writes them: base64 of two
        /// bits a judgment. One that the server decides otherwise refuses the publish.
        pub tiers: String,
        /// RFC 3339, in the future and within a year: the draft is published by itself then, not now.
        #[serde(default)]
        pub effective_at: Option<String>,
    }

    /// What a publish has done; `refresh_id` is `null` where it is to be done later, at `effective_at`
    pub struct Published {
        /// The revision that it is, or will be.
        pub revision: u32,
        pub digest: String,
        pub refresh_id: Option<String>,
        pub effective_at: Option<String>,
    }

    /// The first part of `GET /api/portfolio/snapshot`
    ///
    /// The body is a little-endian `u32` length, this document as JSON in that many bytes, then
    /// `Portfolio::encode`. Facts only: no names, no PII.
    pub struct SnapshotMeta {
        /// Opaque: names the database state, so that a publish can tell which facts have moved since.
        pub snapshot: String,
        /// `Portfolio::digest`.
        pub digest: String,
        pub taken_at: String,
        pub rows: u32,
        /// The day whose end it shows, where one was asked for: such a snapshot is to look at, not to publish on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub as_of: Option<String>,
        /// Until when each override is in force, in the order of the judgments that have one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub override_ends: Vec<String>,
    }

    /// The query of `GET /api/portfolio/snapshot`
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct SnapshotQuery {
        /// An ISO date, today at the latest: the facts and stored tiers with which that day ended, in the organisation's
        /// zone; without overrides, of which no history is kept.
        #[serde(skip_serializing_if = "Option::is_none")] pub as_of: Option<String>,
    }

    // ---- shadows ----

    /// `POST /api/tier-shadows`
    pub struct StartShadow {
        pub policy_id: String,
        /// 1 to 60.
        pub days: u32,
    }

    /// `GET /api/tier-shadows`: a policy that runs beside the published one, or has, without any effect
    pub struct ShadowSummary {
        pub id: String,
        /// Where the document was taken from; it may have been saved or discarded since.
        pub policy_id: String,
        pub name: String,
        pub digest: String,
        pub days: u32,
        pub started_at: String,
        pub started_by: Option<String>,
        /// When it ends by itself.
        pub ends_at: String,
        pub ended_at: Option<String>,
        pub is_running: bool,
    }

    /// `GET /api/tier-shadows/{id}`
    pub struct ShadowDetail {
        pub shadow: ShadowSummary,
        /// As it was when the shadow was started.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub policy: TierPolicyDocument,
        /// Oldest first.
        pub days: Vec<ShadowDay>,
        /// Judgments that were tiered while it ran.
        pub judgments: u64,
        /// Those of them that it would have tiered otherwise when they were tiered last, and their balance.
        pub differing: u64,
        pub differing_balance: String,
        /// The first 50 of these, the largest balance first.
        pub differing_most: Vec<ShadowedJudgment>,
    }

    /// What was tiered on one day of the organisation, every judgment by its last time
    pub struct ShadowDay {
        pub date: String,
        /// `counts[published][shadow]` and `balance[published][shadow]`.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub matrix: MigrationMatrix,
    }

    pub struct ShadowedJudgment {
        pub judgment: JudgmentRef,
        /// The day on which it was tiered last.
        pub day: String,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub published: Tier,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub shadow: Tier,
        pub balance: String,
    }

    // ---- replay ----

    /// `POST /api/tier-policies/replay`: past days under one policy, by its id or as a document
    pub struct ReplayRequest {
        /// ISO dates, both included, at most 366 days, today at the latest; every day is taken as it ended in the
        /// organisation's zone.
        pub from: String,
        pub to: String,
        #[serde(default)]
        pub policy_id: Option<String>,
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub policy: Option<TierPolicyDocument>,
    }

    /// What the policy would have made of those days, from the facts as they were
    pub struct ReplayReport {
        pub from: String,
        pub to: String,
        pub policy_digest: String,
        /// One entry a day.
        pub days: Vec<ReplayDay>,
        /// How many judgments would have changed tier how often; they add up to those that were active on any of the days.
        pub flips: Vec<ReplayFlips>,
        /// Those that would have changed tier most often, at most 50.
        pub most_flipped: Vec<ReplayFlipped>,
    }

    pub struct ReplayDay {
        pub date: String,
        /// Active judgments of tier 0 to 3.
        pub counts: [u32; 4],
        /// Their balances.
        pub balance: [String; 4],
        /// Judgments with another tier than the last that they had before; 0 on the first day.
        pub tier_changes: u32,
    }

    #[derive(Copy, Eq)]
    pub struct ReplayFlips { pub flips: u32, pub judgments: u32 }

    pub struct ReplayFlipped {
        pub judgment: JudgmentRef,
        pub flips: u32,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub first_tier: Tier,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub last_tier: Tier,
    }

    // ---- queues ----

    /// `GET /api/queues`
    pub struct QueueStats {
        pub kind: String,
        pub description: String,
        pub depth: u64,
        pub in_flight: u64,
        pub oldest_seconds: Option<u64>,
        pub dead_letters: u64,
        pub done_today: u64,
        pub is_paused: bool,
        /// Newest heartbeat of a worker that reads this kind.
        pub worker_seen_at: Option<String>,
    }

    /// `GET /api/queues/dead-letters?kind=`
    pub struct DeadLetter {
        pub id: String,
        pub kind: String,
        pub msg_id: i64,
        pub idempotency_key: Option<String>,
        pub reason: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub message: serde_json::Value,
        pub enqueued_at: String,
        pub dead_at: String,
        pub attempts: Vec<JobAttempt>,
    }

    pub struct JobAttempt { pub attempt: u32, pub at: String, pub worker: String, pub error: String }

    // ---- events ----

    /// What `GET /api/events` (server-sent events) carries: it names what changed; the reader fetches it
    #[derive(Eq)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum LiveEvent {
        /// A refresh has moved on.
        Refresh { id: String, done: u64, total: u64 },
        /// Another policy is published.
        PolicyPublished { revision: u32 },
        /// Tiers or facts of judgments have changed.
        Judgments,
        /// Queues have changed.
        Queues,
        /// Pools, agents or leads have changed; at most once a second.
        Pools,
        /// Something was done to cases, tasks or plaintiffs, or to what the weekly review shows.
        Cases,
        /// Alerts were told, sent or read, or their routes have changed.
        Alerts,
    }

    /// `POST /api/tier/evaluate`: the same shapes as `dragonfly tier eval --json`; `policy` defaults to the published one
    pub struct EvaluateRequest {
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub policy: Option<serde_json::Value>,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub facts: serde_json::Value,
    }
}

/// Stable values of [`Problem::code`]
pub mod problem {
    pub const UNAUTHENTICATED: &str = "unauthenticated";
    pub const FORBIDDEN: &str = "forbidden";
    pub const NOT_FOUND: &str = "not_found";
    pub const INVALID: &str = "invalid";
    pub const CONFLICT: &str = "conflict";
    /// The draft was saved by somebody else meanwhile.
    pub const DRAFT_MOVED: &str = "draft_moved";
    /// Another revision was published meanwhile.
    pub const REVISION_MOVED: &str = "revision_moved";
    /// Facts have moved since the snapshot; `judgments` names them.
    pub const FACTS_MOVED: &str = "facts_moved";
    /// The server decides another tier for a judgment, which `judgments` names, or counts another matrix than the preview
    /// showed.
    pub const PREVIEW_DIFFERS: &str = "preview_differs";
    /// The browser runs other code than the server: the page is to be loaded again.
    pub const BUILD_DIFFERS: &str = "build_differs";
    /// The previewed policy is not the draft.
    pub const POLICY_DIFFERS: &str = "policy_differs";
    /// The previewed judgments are not those that the server has, though no facts have moved.
    pub const SNAPSHOT_DIFFERS: &str = "snapshot_differs";
    /// The draft breaks assertions that it carries; `assertions` names them.
    pub const ASSERTIONS_FAILED: &str = "assertions_failed";
    /// The organisation wants a second person to approve the draft first.
    pub const APPROVAL_REQUIRED: &str = "approval_required";
    pub const RATE_LIMITED: &str = "rate_limited";
    pub const INTERNAL: &str = "internal";
    pub const UNAVAILABLE: &str = "unavailable";
}

/// Of the changes that would give a tier, those that people can look over
const NEAREST_MAX: usize = 4;

impl Why {
    /// An explanation and the nearest changes, as people read them.
    pub fn of(explained: Explanation, nearest: Vec<TierChanges>) -> Why {
        let arms = explained.rules.into_iter().flat_map(|rule| {
            let (id, tier) = (rule.id, rule.tier);
            rule.arms.into_iter().map(move |arm| WhyArm {
                rule: id.clone(),
                tier,
                verdict: arm.verdict,
                conditions: arm
                    .conditions
                    .iter()
                    .map(|condition| WhyCondition { words: condition.words(), holds: condition.holds })
                    .collect(),
            })
        });
        let nearest = nearest.into_iter().map(|changes| WhyNearest {
            tier: changes.tier,
            changes: changes.changes.iter().take(NEAREST_MAX).map(FactsChange::words).collect(),
        });
        Why { arms: arms.collect(), nearest: nearest.collect() }
    }
}

impl Role {
    /// Whether someone in this role may do what `needed` may
    pub fn covers(self, needed: Role) -> bool {
        self as u8 >= needed as u8
    }
}
