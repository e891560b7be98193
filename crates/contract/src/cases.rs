//! Cases as operators work them: lists, a case, its timeline, the morning list, and changes of many cases at once.
//!
//! What is done to a case is done by `POST /rpc/{name}` with the header `Idempotency-Key`, one key a click; what is here is
//! what people look at beforehand and afterwards. A cursor is the one that the page before has answered, as it is.

use policy::tier::Tier;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{JudgmentRef, Role};

bodies! {
    // ---- lists ----

    /// The query of `GET /api/cases` and `GET /api/cases.csv`; everything is optional
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct CaseQuery {
        /// Matches case number, plaintiff and defendant, case-insensitively.
        #[serde(skip_serializing_if = "Option::is_none")] pub search: Option<String>,
        /// Effective tiers `0`–`3` or `none`, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub tier: Option<String>,
        /// Stages, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub stage: Option<String>,
        /// A user's id, `me` or `nobody`.
        #[serde(skip_serializing_if = "Option::is_none")] pub owner: Option<String>,
        /// `open` (the default) or `closed`.
        #[serde(skip_serializing_if = "Option::is_none")] pub state: Option<String>,
        /// `true`: the next action was due before now.
        #[serde(skip_serializing_if = "Option::is_none")] pub past_due: Option<String>,
        /// `true`: longer in its stage than the stage's SLA.
        #[serde(skip_serializing_if = "Option::is_none")] pub sla_breach: Option<String>,
        /// `true`: somebody outside holds it up.
        #[serde(skip_serializing_if = "Option::is_none")] pub blocked: Option<String>,
        /// So many days in its stage at least, 0 to 9999.
        #[serde(skip_serializing_if = "Option::is_none")] pub days_min: Option<String>,
        /// `next_action`, `balance` or `days` (in stage); a leading `-` descends. Default: `next_action`. Of closed cases,
        /// `closed` too, for which `next_action` stands; their default is `-closed`.
        #[serde(skip_serializing_if = "Option::is_none")] pub sort: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub cursor: Option<String>,
        /// 1 to 500, default 100.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    pub struct CasePage {
        /// How many there are, and their balance; with the first page alone.
        pub total: Option<u64>,
        pub total_balance: Option<String>,
        pub rows: Vec<CaseRow>,
        /// For the next page; `null` with the last.
        pub next_cursor: Option<String>,
    }

    pub struct CaseRow {
        pub id: String,
        pub judgment_id: String,
        pub judgment_no: u64,
        pub case_number: String,
        pub plaintiff_id: Option<String>,
        pub plaintiff_name: Option<String>,
        pub defendant_name: Option<String>,
        /// The one that counts: the override while it has not expired.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub computed_tier: Option<Tier>,
        /// `null` once it has expired.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier_override: Option<Tier>,
        pub override_expires_at: Option<String>,
        pub current_stage: String,
        pub stage_entered_at: String,
        pub days_in_stage: u32,
        /// `null` where the stage has no SLA.
        pub sla_days: Option<u32>,
        pub is_sla_breached: bool,
        pub next_action_at: Option<String>,
        pub is_past_due: bool,
        pub is_blocked: bool,
        /// The ETA that was given, if any.
        pub blocked_until: Option<String>,
        pub owner_id: Option<String>,
        pub owner_name: Option<String>,
        pub current_balance: Option<String>,
        pub opened_at: String,
        pub closed_at: Option<String>,
        /// `satisfied`, `uncollectible` or `withdrawn`.
        pub closure_reason: Option<String>,
        /// Of its judgment: `urgent`, `high`, `normal`, `low` or `on_hold`.
        pub priority_level: String,
    }

    /// `GET /api/cases/facets`: what filters and forms can offer
    pub struct CaseFacets {
        /// In their order.
        pub stages: Vec<CaseStage>,
        /// Who may work cases, by name.
        pub owners: Vec<CaseOwner>,
        pub event_kinds: Vec<CaseEventKind>,
        /// Pools of which somebody may work cases, by name.
        pub pools: Vec<CasePool>,
    }

    pub struct CaseStage {
        pub stage: String,
        pub ordinal: u32,
        pub sla_days: Option<u32>,
        pub description: String,
        /// Entering it takes a document.
        pub needs_document: bool,
        /// The titles of the tasks that entering it creates.
        pub tasks: Vec<String>,
    }

    pub struct CaseOwner { pub user_id: String, pub display_name: String, pub role: Role }

    pub struct CasePool { pub id: String, pub name: String, /** Who takes its cases in turn: those of its best rank that may work cases. */ pub owners: Vec<String> }

    pub struct CaseEventKind {
        pub kind: String,
        pub description: String,
        pub needs_document: bool,
        /// The action that it moves on, and how far.
        pub action_type: Option<String>,
        pub action_status: Option<String>,
        /// Whether a person may log it by itself; the others are written by functions of their own.
        pub is_logged_by_hand: bool,
    }

    // ---- a case ----

    /// `GET /api/cases/{id}`
    pub struct CaseDetail {
        pub case: CaseRow,
        /// Of the tier that counts: `override` while one does, else as below.
        pub tier_reason: Option<String>,
        pub computed_tier_reason: Option<String>,
        /// Both of the override while it counts.
        pub override_note: Option<String>,
        pub override_root_cause: Option<String>,
        pub collectability_score: Option<String>,
        pub blocked_since: Option<String>,
        /// What the event said that blocked it.
        pub blocked_note: Option<String>,
        pub judgment: CaseJudgment,
        pub plaintiff_status: Option<String>,
        /// Running ones first, then the newest.
        pub actions: Vec<CaseAction>,
        /// Newest first.
        pub documents: Vec<CaseDocument>,
        /// Open ones, those that are due first in front.
        pub tasks: Vec<CaseTask>,
        pub payments: CasePayments,
        /// Payments of the judgment that have no case yet.
        pub unlinked_payments: Vec<CasePayment>,
    }

    pub struct CaseJudgment {
        pub status: String,
        pub priority_level: String,
        pub court: Option<String>,
        pub county: Option<String>,
        pub state: Option<String>,
        /// ISO date.
        pub judgment_date: Option<String>,
        pub judgment_amount: String,
        pub balance_due: Option<String>,
        /// Names of the signals that are present.
        pub asset_signals: Vec<String>,
    }

    pub struct CaseAction {
        pub id: String,
        /// `bank_levy`, `garnishment`, `subpoena` or `marshal`.
        pub action_type: String,
        /// `planned`, `filed`, `served`, `in_progress`, `completed` or `cancelled`.
        pub status: String,
        pub status_reason: Option<String>,
        pub opened_at: String,
        pub closed_at: Option<String>,
        pub next_milestone_at: Option<String>,
        pub created_by: String,
        pub documents: u64,
    }

    pub struct CaseDocument {
        pub id: String,
        pub doc_kind: String,
        pub storage_path: String,
        /// What it was called when it was uploaded.
        pub file_name: Option<String>,
        /// Whether its file is kept here, to be had from `GET /api/documents/{id}`.
        pub has_file: bool,
        pub uploaded_by: String,
        pub uploaded_at: String,
        pub action_id: Option<String>,
    }

    pub struct CaseTask {
        pub id: String,
        pub kind: String,
        pub title: String,
        pub due_at: Option<String>,
        pub is_past_due: bool,
        pub note: Option<String>,
        pub created_at: String,
    }

    pub struct CasePayments { pub count: u64, pub total: String, pub last_received_at: Option<String> }

    pub struct CasePayment {
        pub id: String,
        pub amount: String,
        pub received_at: String,
        pub source: Option<String>,
        pub recorded_by: String,
    }

    /// The query of `GET /api/cases/{id}/timeline`
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct TimelineQuery {
        /// `event`, `history`, `task`, `action` or `document`, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub source: Option<String>,
        /// Kinds, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub kind: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub cursor: Option<String>,
        /// 1 to 500, default 100.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    /// Newest first, by when it happened
    pub struct TimelinePage { pub rows: Vec<TimelineItem>, pub next_cursor: Option<String> }

    pub struct TimelineItem {
        pub id: String,
        /// `event`, `history`, `task`, `action` or `document`.
        pub source: String,
        pub kind: String,
        pub occurred_at: String,
        /// When it was written down, which may be later.
        pub recorded_at: String,
        pub actor: String,
        /// `user`, `automation` or `rpc`; `null` for tasks, actions and documents.
        pub actor_type: Option<String>,
        /// The function that wrote it.
        pub rpc: Option<String>,
        pub note: Option<String>,
        /// Field to `[before, after]`.
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub delta: Value,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub payload: Value,
        pub document_path: Option<String>,
        /// The document of the case that lies there.
        pub document: Option<DocumentRef>,
    }

    /// Names a document for people and for links
    #[derive(Eq, Hash)]
    pub struct DocumentRef {
        pub id: String,
        /// As its uploader called it, else the end of where it is stored.
        pub name: String,
        /// Whether its file is kept here, to be had from `GET /api/documents/{id}`.
        pub has_file: bool,
    }

    // ---- the morning list and what has just happened ----

    /// `GET /api/today`: what wants somebody's hand, group by group in the order in which it does
    pub struct Today {
        pub as_of: String,
        pub groups: Vec<TodayGroup>,
    }

    pub struct TodayGroup {
        /// `past_due`, `blocked`, `stale_strategic`, `without_document`, `unlinked_payments` or `intake_overdue`.
        pub kind: String,
        pub count: u64,
        /// The query of `GET /api/cases` that lists them all; `null` where they are no cases.
        pub query: Option<String>,
        /// The first of them.
        pub rows: Vec<TodayRow>,
        /// For `GET /api/today/{kind}`, which has the others; `null` where these are all.
        pub next: Option<String>,
    }

    /// The query of `GET /api/today/{kind}`
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct TodayQuery {
        #[serde(skip_serializing_if = "Option::is_none")] pub after: Option<String>,
        /// 1 to 200, default 50.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    /// The rows of a group, in the order in which to work them: tier 3 first, then what is late the longest
    pub struct TodayPage { pub rows: Vec<TodayRow>, pub next: Option<String> }

    pub struct TodayRow {
        pub judgment: JudgmentRef,
        /// `null` for a payment on a judgment that has no case.
        pub case: Option<CaseRow>,
        pub action: Option<CaseAction>,
        pub payment: Option<CasePayment>,
        /// The form that mends it: `assign`, `stage`, `unblock`, `document`, `link_payment` or `open_case`.
        pub mend: String,
    }

    /// The query of `GET /api/events/recent`
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct RecentQuery {
        /// Kinds of events, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub kind: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub cursor: Option<String>,
        /// 1 to 200, default 50.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    /// Newest first, by when it happened
    pub struct RecentEvents { pub rows: Vec<RecentEvent>, pub next_cursor: Option<String> }

    pub struct RecentEvent {
        pub event_no: u64,
        pub event_id: String,
        /// `null` for a payment that nobody has linked yet.
        pub case_id: Option<String>,
        pub judgment_id: String,
        pub case_number: Option<String>,
        pub event_kind: String,
        pub occurred_at: String,
        pub recorded_at: String,
        pub actor: String,
        pub rpc: Option<String>,
        pub note: Option<String>,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub payload: Value,
        pub document_path: Option<String>,
        /// How its case stands now.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        pub current_stage: Option<String>,
        pub next_action_at: Option<String>,
        pub days_in_stage: Option<u32>,
    }

    // ---- many cases at once ----

    /// `POST /api/cases/plans`: what is to be done to every case of a list
    pub struct PlanCases {
        /// Order, cursor and limit do not count.
        pub filter: CaseQuery,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub change: CaseChange,
    }

    #[derive(Eq)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum CaseChange {
        /// To a member, to those of a pool in turn, or with neither to nobody.
        AssignOwner {
            #[serde(default, skip_serializing_if = "Option::is_none")] owner_id: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")] pool_id: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")] note: Option<String>,
        },
        MoveStage {
            stage: String,
            /// Backwards too.
            #[serde(default, rename = "override")] is_override: bool,
            #[serde(default, skip_serializing_if = "Option::is_none")] note: Option<String>,
        },
        SetNextAction {
            next_action_at: String,
            #[serde(default, skip_serializing_if = "Option::is_none")] note: Option<String>,
        },
    }

    /// `GET /api/cases/plans/{id}`, and what making and applying a plan answers
    pub struct CasePlan {
        pub id: String,
        /// `planned`, `applying`, `done` or `cancelled`.
        pub state: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub change: CaseChange,
        pub filter: CaseQuery,
        pub created_by: String,
        pub created_at: String,
        pub total: u64,
        /// Still to be changed, and their balance.
        pub ready: u64,
        pub ready_balance: String,
        pub applied: u64,
        /// Everything that is not changed, by state and reason; the most frequent first.
        pub left_out: Vec<CasePlanReason>,
        /// The first cases that are still to be changed.
        pub first: Vec<CaseRow>,
    }

    pub struct CasePlanReason {
        /// `blocked` when the plan was made; `changed` or `refused` when it was applied; `dropped` when it was cancelled.
        pub state: String,
        pub reason: Option<String>,
        pub count: u64,
        /// The first of them.
        pub cases: Vec<CaseRef>,
    }

    pub struct CaseRef { pub id: String, pub case_number: String }
}
