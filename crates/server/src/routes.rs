//! The endpoints: one file a resource.

mod agent;
mod agents;
mod alerts;
mod approvals;
mod calls;
mod cases;
mod documents;
mod evaluate;
mod events;
mod export;
mod health;
mod judgments;
mod leads;
mod openapi;
mod pipeline;
mod plaintiffs;
mod policies;
mod pools;
mod portfolio;
mod publishing;
mod queues;
mod replay;
mod review;
mod rpc;
mod sessions;
mod shadows;
mod tiers;
mod tokens;

use axum::routing::options;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::AppState;

/// Every endpoint with its documentation
pub(crate) fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(health::health))
        .routes(routes!(openapi::document))
        .routes(routes!(sessions::show, sessions::sign_in, sessions::sign_out))
        .routes(routes!(sessions::redeem_link))
        .routes(routes!(sessions::set_password))
        .routes(routes!(sessions::choose_organisation))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(tiers::overview))
        .routes(routes!(tiers::start_refresh))
        .routes(routes!(tiers::show_refresh))
        .routes(routes!(evaluate::evaluate))
        .routes(routes!(judgments::list))
        .routes(routes!(judgments::export))
        .routes(routes!(judgments::facets))
        .routes(routes!(judgments::by_no))
        .routes(routes!(judgments::show))
        .routes(routes!(judgments::retier))
        .routes(routes!(cases::list))
        .routes(routes!(cases::export))
        .routes(routes!(cases::facets))
        .routes(routes!(cases::make_plan))
        .routes(routes!(cases::show_plan, cases::cancel_plan))
        .routes(routes!(cases::apply_plan))
        .routes(routes!(cases::show))
        .routes(routes!(cases::timeline))
        .routes(routes!(cases::today))
        .routes(routes!(cases::today_group))
        .routes(routes!(cases::recent))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::unread))
        .routes(routes!(alerts::deliveries))
        .routes(routes!(alerts::routes))
        .routes(routes!(calls::list))
        .routes(routes!(pipeline::list))
        .routes(routes!(pipeline::export))
        .routes(routes!(plaintiffs::list))
        .routes(routes!(plaintiffs::show))
        .routes(routes!(review::show))
        .routes(routes!(review::sample))
        .routes(routes!(review::export))
        .routes(routes!(review::stages))
        .routes(routes!(portfolio::snapshot))
        .routes(routes!(policies::list, policies::create_draft))
        .routes(routes!(policies::published))
        .routes(routes!(policies::show, policies::save_draft, policies::discard_draft))
        .routes(routes!(policies::restore))
        .routes(routes!(publishing::publish))
        .routes(routes!(replay::replay))
        .routes(routes!(shadows::list, shadows::start))
        .routes(routes!(shadows::show, shadows::stop))
        .routes(routes!(approvals::settings, approvals::set_settings))
        .routes(routes!(approvals::request))
        .routes(routes!(approvals::answer))
        .routes(routes!(approvals::cancel_schedule))
        .routes(routes!(approvals::all_events))
        .routes(routes!(approvals::events))
        .routes(routes!(queues::list))
        .routes(routes!(queues::pause))
        .routes(routes!(queues::resume))
        .routes(routes!(queues::dead_letters))
        .routes(routes!(queues::retry))
        .routes(routes!(queues::discard))
        .routes(routes!(pools::list, pools::create))
        .routes(routes!(pools::save, pools::delete))
        .routes(routes!(pools::add_member))
        .routes(routes!(pools::change_rank, pools::remove_member))
        .routes(routes!(pools::save_ranks))
        .routes(routes!(pools::history))
        .routes(routes!(pools::people))
        .routes(routes!(pools::page_rules, pools::save_page_rules))
        .routes(routes!(pools::match_page))
        .routes(routes!(pools::routing_state))
        .routes(routes!(pools::decisions))
        .routes(routes!(pools::arrivals))
        .routes(routes!(pools::statistics))
        .routes(routes!(agents::create))
        .routes(routes!(agents::save, agents::retire))
        .routes(routes!(agents::set_status))
        .routes(routes!(agents::list_keys, agents::create_key))
        .routes(routes!(agents::save_key, agents::revoke_key))
        .routes(routes!(agent::show))
        .routes(routes!(agent::socket))
        .routes(routes!(leads::create))
        .routes(routes!(leads::show, leads::cancel))
        .routes(routes!(leads::socket))
        .route("/api/leads", options(leads::preflight))
        .route("/api/leads/{id}", options(leads::preflight))
        .routes(routes!(documents::upload))
        .routes(routes!(documents::download))
        .routes(routes!(events::events))
        .routes(routes!(rpc::call))
}
