//! What stands beside the cases: calls, the pipeline, plaintiffs, the weekly review, the stages.
//!
//! Lists are read page by page: `next` of one answer is `after` of the next question, and absent at the end.
//! What people write goes through the functions under `/rpc`.

use policy::tier::Tier;
use serde::{Deserialize, Serialize};

use crate::DocumentRef;

bodies! {
    // ---- calls ----

    /// The query of `GET /api/calls`; everything is optional
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct CallQuery {
        /// Effective tiers `0`–`3` of the case, or `none`, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub tier: Option<String>,
        /// `past_due`, `today` (by the end of the organisation's day, what is past due included) or `later`.
        #[serde(skip_serializing_if = "Option::is_none")] pub due: Option<String>,
        /// Outcomes of the last call, or `none`, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub outcome: Option<String>,
        /// Matches plaintiff, firm, contact and telephone number.
        #[serde(skip_serializing_if = "Option::is_none")] pub search: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub after: Option<String>,
        /// 1 to 200, default 50.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    /// Calls that are to be made: what was due first comes first, what has no time last
    pub struct CallPage {
        pub rows: Vec<CallRow>,
        pub next: Option<String>,
        /// Of the whole queue, whatever the filters.
        pub open_count: u64,
        pub past_due_count: u64,
    }

    /// A row of `v_plaintiff_call_queue`
    #[derive(Eq, Hash)]
    pub struct CallRow {
        pub task_id: String,
        pub title: String,
        pub plaintiff_id: String,
        pub plaintiff_name: String,
        pub firm_name: Option<String>,
        pub contact_name: Option<String>,
        pub phone: Option<String>,
        pub plaintiff_status: String,
        pub case_id: Option<String>,
        pub case_number: Option<String>,
        /// The effective tier of the case.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        pub due_at: Option<String>,
        pub is_past_due: bool,
        pub last_outcome: Option<String>,
        pub last_called_at: Option<String>,
        pub note: Option<String>,
    }

    // ---- pipeline ----

    /// The query of `GET /api/pipeline` and `GET /api/pipeline.csv`; everything is optional
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct PipelineQuery {
        /// Collectability tiers `A`, `B`, `C`, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub tier: Option<String>,
        /// `urgent`, `high`, `normal`, `low`, `on_hold`, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub priority: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub county: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub after: Option<String>,
        /// 1 to 500, default 100.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    pub struct PipelinePage { pub rows: Vec<PipelineRow>, pub next: Option<String> }

    /// A row of `v_priority_pipeline`, with what names the judgment
    #[derive(Eq, Hash)]
    pub struct PipelineRow {
        /// `A`, `B` or `C`.
        pub collectability_tier: String,
        /// Within the collectability tier, among what the filters let through; without a filter as in the view.
        pub tier_rank: u64,
        pub judgment_id: String,
        pub case_number: String,
        pub case_id: Option<String>,
        pub plaintiff_id: String,
        pub plaintiff_name: String,
        pub plaintiff_status: String,
        pub defendant_name: Option<String>,
        pub priority_level: String,
        pub judgment_amount: String,
        /// ISO date; an undated judgment is no younger than its tier takes it for.
        pub judgment_date: Option<String>,
        pub county: Option<String>,
        pub state: Option<String>,
        /// Of the open case.
        pub stage: Option<String>,
    }

    // ---- plaintiffs ----

    /// The query of `GET /api/plaintiffs`; everything is optional
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct PlaintiffQuery {
        /// Matches name and firm, case-insensitively.
        #[serde(skip_serializing_if = "Option::is_none")] pub search: Option<String>,
        /// Statuses, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub status: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub after: Option<String>,
        /// 1 to 100, default 25.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    /// By name
    pub struct PlaintiffPage { pub rows: Vec<PlaintiffRow>, pub next: Option<String> }

    /// A row of `v_plaintiffs_overview`
    #[derive(Eq, Hash)]
    pub struct PlaintiffRow {
        pub plaintiff_id: String,
        pub plaintiff_name: String,
        pub firm_name: Option<String>,
        pub status: String,
        pub status_changed_at: Option<String>,
        pub judgment_count: u64,
        pub total_judgment_amount: String,
        /// Of judgments that are not closed.
        pub total_balance_due: String,
        pub case_count: u64,
        pub open_case_count: u64,
        pub recovered_amount: String,
        pub open_task_count: u64,
        pub next_call_at: Option<String>,
        pub last_called_at: Option<String>,
        pub created_at: String,
    }

    /// `GET /api/plaintiffs/{id}`
    pub struct PlaintiffDetail {
        pub plaintiff: PlaintiffRow,
        /// As the intake has it.
        pub contact_name: Option<String>,
        pub email: Option<String>,
        pub phone: Option<String>,
        pub address: Option<String>,
        /// The primary one first, then by name.
        pub contacts: Vec<PlaintiffContact>,
        /// Newest first, at most 100.
        pub statuses: Vec<PlaintiffStatusChange>,
        /// Newest first, at most 100.
        pub calls: Vec<CallAttempt>,
        /// Open ones by when they are due, then the last 50 that were closed.
        pub tasks: Vec<PlaintiffTask>,
        /// Those still open first, by balance; at most 200 of [`PlaintiffRow::judgment_count`].
        pub judgments: Vec<PlaintiffJudgment>,
    }

    pub struct PlaintiffContact {
        pub id: String,
        pub name: String,
        pub role: Option<String>,
        pub email: Option<String>,
        pub phone: Option<String>,
        pub is_primary: bool,
    }

    pub struct PlaintiffStatusChange {
        pub changed_at: String,
        pub previous_status: Option<String>,
        pub status: String,
        pub note: Option<String>,
        pub actor: String,
    }

    pub struct CallAttempt {
        pub called_at: String,
        pub outcome: String,
        pub interest: Option<String>,
        pub notes: Option<String>,
        pub follow_up_at: Option<String>,
        pub called_by: String,
    }

    pub struct PlaintiffTask {
        pub id: String,
        pub kind: String,
        pub title: String,
        /// `open`, `completed` or `cancelled`.
        pub status: String,
        pub due_at: Option<String>,
        pub is_past_due: bool,
        pub note: Option<String>,
        pub case_id: Option<String>,
        pub case_number: Option<String>,
        pub created_by: String,
        pub closed_at: Option<String>,
        pub closed_by: Option<String>,
    }

    pub struct PlaintiffJudgment {
        pub judgment_id: String,
        pub case_number: String,
        pub defendant_name: Option<String>,
        pub status: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        pub judgment_amount: String,
        pub balance_due: Option<String>,
        /// The open case, else the last one.
        pub case_id: Option<String>,
        pub stage: Option<String>,
        pub case_closed_at: Option<String>,
    }

    // ---- the weekly review ----

    /// The query of `GET /api/review`
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct ReviewQuery {
        /// An ISO week, such as `2026-W47`; default is the organisation's current one.
        #[serde(skip_serializing_if = "Option::is_none")] pub week: Option<String>,
    }

    /// How the cases stand now, and what the week brought
    ///
    /// Tiers, stages, workflows and overrides are as of now, whatever the week; what left a stage and what came in is of the
    /// week, in the organisation's zone.
    pub struct WeeklyReview {
        /// As `2026-W47`.
        pub week: String,
        /// ISO dates: its Monday and its Sunday.
        pub from: String,
        pub to: String,
        /// Whether the week is not over yet.
        pub is_running: bool,
        pub as_of: String,
        /// Tier 3 to 0, then cases without one, where there are any.
        pub tiers: Vec<ReviewTier>,
        /// In the order of the stages.
        pub stages: Vec<ReviewStage>,
        pub workflows: Vec<ReviewWorkflow>,
        /// Active ones, those without a milestone first, then by milestone; at most 100.
        pub actions: Vec<ReviewAction>,
        pub recoveries: Recoveries,
        /// Overrides that count and are older than 14 days or were renewed; the oldest first, at most 200.
        pub overrides: Vec<PersistentOverride>,
    }

    pub struct ReviewTier {
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        pub case_count: u64,
        pub balance: String,
        pub sla_breach_count: u64,
        pub past_due_count: u64,
    }

    pub struct ReviewStage {
        pub stage: String,
        pub sla_days: Option<u32>,
        /// Open cases that are in it now, and for how many days.
        pub case_count: u64,
        pub balance: String,
        pub sla_breach_count: u64,
        pub days_median: Option<u32>,
        pub days_max: Option<u32>,
        /// A quarter of its cases or more are past the SLA.
        pub is_bottleneck: bool,
        /// Cases that left it in the week, and after how many days.
        pub left_count: u64,
        pub left_days_median: Option<u32>,
    }

    pub struct ReviewWorkflow {
        /// `bank_levy`, `garnishment`, `subpoena` or `marshal`.
        pub action_type: String,
        pub active_count: u64,
        /// Active ones without a next milestone.
        pub without_milestone_count: u64,
        pub past_due_count: u64,
    }

    pub struct ReviewAction {
        pub action_id: String,
        pub action_type: String,
        pub status: String,
        pub opened_at: String,
        pub next_milestone_at: Option<String>,
        pub is_past_due: bool,
        pub case_id: String,
        pub case_number: String,
        pub owner_name: Option<String>,
    }

    pub struct Recoveries {
        pub week_amount: String,
        pub week_payment_count: u64,
        /// Payments that nobody has linked to a case yet, of whatever week.
        pub unlinked_count: u64,
        pub unlinked_amount: String,
        /// January to December of the year that the week's Thursday is in.
        pub months: Vec<RecoveryMonth>,
    }

    pub struct RecoveryMonth {
        /// As `2026-11`.
        pub month: String,
        pub plan: Option<String>,
        /// What came in, in the organisation's zone.
        pub actual: String,
        pub payment_count: u64,
        /// What the plan comes to by now: all of it for a month that is over, its share of the days for the current one.
        pub plan_to_date: Option<String>,
    }

    pub struct PersistentOverride {
        pub case_id: String,
        pub case_number: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub computed_tier: Option<Tier>,
        pub set_at: Option<String>,
        /// How often it was given another expiry since.
        pub renewed_count: u64,
        pub expires_at: String,
        pub note: String,
        pub root_cause: Option<String>,
        pub owner_name: Option<String>,
    }

    /// The query of `GET /api/review/sample`
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct SampleQuery {
        /// An ISO week; default is the organisation's current one.
        #[serde(skip_serializing_if = "Option::is_none")] pub week: Option<String>,
        /// 1 to 999999999, default 1.
        #[serde(skip_serializing_if = "Option::is_none")] pub seed: Option<u32>,
        /// 10 to 50, default 20.
        #[serde(skip_serializing_if = "Option::is_none")] pub size: Option<u32>,
    }

    /// Events to audit, drawn at random from those that were written down in the week
    ///
    /// The same week, seed and size draw the same events, once the week is over or the audit has begun
    /// (`/rpc/keep_review_sample`): from then on the sample keeps its events.
    pub struct ReviewSample {
        pub week: String,
        pub seed: u32,
        pub size: u32,
        /// Events that were written down in the week, by when the sample was drawn.
        pub event_count: u64,
        /// Events that were written down in the week since; 0 until the audit has begun.
        pub later_count: u64,
        /// Who has begun the audit, and when; `null` while the sample may still change.
        pub begun: Option<BegunAudit>,
        pub rows: Vec<SampledEvent>,
    }

    #[derive(Eq)]
    pub struct BegunAudit { pub begun_by: String, pub begun_at: String }

    #[derive(Eq, Hash)]
    pub struct SampledEvent {
        pub event_id: String,
        pub event_kind: String,
        pub occurred_at: String,
        pub recorded_at: String,
        pub case_id: Option<String>,
        pub case_number: String,
        pub judgment_id: String,
        pub actor: String,
        pub note: Option<String>,
        /// The function that wrote it.
        pub rpc: Option<String>,
        pub needs_document: bool,
        pub has_document: bool,
        /// Those that vouch for it, by name.
        pub documents: Vec<DocumentRef>,
        /// Where its document is said to lie, where the case has none there.
        pub document_path: Option<String>,
        /// The newest audit of it.
        pub audit: Option<EventAudit>,
    }

    #[derive(Eq, Hash)]
    pub struct EventAudit {
        /// `passed` or `failed`.
        pub result: String,
        pub note: Option<String>,
        pub auditor: String,
        pub audited_at: String,
    }

    // ---- stages ----

    /// A row of `v_enforcement_stages`
    pub struct Stage {
        pub stage: String,
        pub ordinal: u32,
        pub sla_days: Option<u32>,
        pub description: String,
        pub default_sla_days: Option<u32>,
        pub default_description: String,
        /// What entering it creates.
        pub tasks: Vec<StageTask>,
        /// When the organisation set it last; `null` while it never has.
        pub updated_at: Option<String>,
        pub updated_by: Option<String>,
    }

    pub struct StageTask { pub kind: String, pub title: String, pub due_days: u32 }
}
