//! Alerts: what events tell people, in the console and by other ways.
//!
//! `/rpc/mark_alerts_read` keeps what whoever calls has read; `/rpc/put_alert_route` and `/rpc/retry_alert` are for admins.

use policy::tier::Tier;
use serde::{Deserialize, Serialize};

bodies! {
    /// The query of `GET /api/alerts`; everything is optional
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct AlertQuery {
        /// Kinds of events, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub kind: Option<String>,
        /// `unread` or `read`, by whoever asks.
        #[serde(skip_serializing_if = "Option::is_none")] pub state: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub after: Option<String>,
        /// 1 to 200, default 50.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    /// Alerts for consoles, newest first
    pub struct AlertPage { pub rows: Vec<AlertRow>, pub next: Option<String> }

    #[derive(Eq)]
    pub struct AlertRow {
        pub id: u64,
        pub event_id: String,
        pub event_kind: String,
        pub occurred_at: String,
        /// When it was told, which may be later than what it tells of.
        pub created_at: String,
        /// `null` for a payment that nobody has linked yet.
        pub case_id: Option<String>,
        pub judgment_id: String,
        pub case_number: String,
        /// How its case stands now.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>))]
        pub tier: Option<Tier>,
        pub actor: String,
        pub note: Option<String>,
        /// Of a payment.
        pub amount: Option<String>,
        /// By whoever asks.
        pub is_read: bool,
    }

    /// `GET /api/alerts/unread`
    #[derive(Eq)]
    pub struct UnreadAlerts {
        /// By whoever asks, since they have joined; 100 stands for as many or more.
        pub count: u64,
        /// Whether any way leads to consoles: without one there are no alerts.
        pub has_route: bool,
    }

    /// The query of `GET /api/alerts/deliveries`; everything is optional
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct DeliveryQuery {
        /// `pending`, `sending`, `sent`, `failed` or `uncertain`, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub state: Option<String>,
        /// Kinds of events, comma-separated.
        #[serde(skip_serializing_if = "Option::is_none")] pub kind: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub after: Option<String>,
        /// 1 to 200, default 50.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    /// Alerts by webhook, queue and e-mail, newest first
    pub struct DeliveryPage {
        pub rows: Vec<DeliveryRow>,
        pub next: Option<String>,
        /// Of all, whatever the filters: those that failed and those of which nobody knows. 1,000 stands for as many or more.
        pub undelivered_count: u64,
    }

    #[derive(Eq)]
    pub struct DeliveryRow {
        pub id: u64,
        pub route_id: String,
        /// `webhook`, `queue` or `email`.
        pub channel: String,
        pub target: String,
        /// `pending`, `sending`, `sent`, `failed`, or `uncertain` where it may have arrived.
        pub state: String,
        pub attempts: u32,
        /// Why the last try did not arrive.
        pub error: Option<String>,
        pub created_at: String,
        pub sent_at: Option<String>,
        /// When a pending one is tried.
        pub next_try_at: Option<String>,
        pub event_kind: String,
        pub case_id: Option<String>,
        pub judgment_id: String,
        pub case_number: String,
    }

    /// `GET /api/alerts/routes`: by what way whom to tell of which events
    #[derive(Eq)]
    pub struct AlertRoute {
        pub id: String,
        /// `console`, `webhook`, `queue` or `email`.
        pub channel: String,
        /// The address of a webhook, the kind of a queue, or an e-mail address; `null` for consoles.
        pub target: Option<String>,
        /// `null` means all.
        pub event_kinds: Option<Vec<String>>,
        pub is_enabled: bool,
        pub created_by: String,
        pub created_at: String,
        pub updated_at: String,
    }
}
