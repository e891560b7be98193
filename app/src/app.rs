//! From an address to a page, and the contexts that every page shares.

use crate::components::frame::Frame;
use crate::components::toasts::ToastList;
use crate::pages::parts;
use crate::pages::{
    judgment::JudgmentPage, judgments::JudgmentsPage, not_found::NotFoundPage, parts::Deferred,
    set_password::SetPasswordPage, sign_in::SignInPage, tiers::TiersPage, welcome::WelcomePage,
};
use crate::state::page::{Inner, Page};
use crate::state::session::{Phase, use_session};
use crate::state::{clock, desk, focus, leave_guard, live, screen, session, theme, toasts, url};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::hooks::use_location;
use leptos_router::path;

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    toasts::provide();
    theme::provide();
    screen::provide();
    clock::provide();
    session::provide();
    focus::provide();
    leave_guard::provide();
    view! {
        <Title formatter=|page: String| if page.is_empty() { "Dragonfly".to_owned() } else { format!("{page} · Dragonfly") }/>
        <Router>
            // One route: which page it is says `Page`. A route a page would make the router's types, and with
            // them the download, grow with every page.
            <FlatRoutes fallback=|| view! { <Pages/> }>
                <Route path=path!("/*any") view=Pages/>
            </FlatRoutes>
        </Router>
        <ToastList/>
    }
}

#[component]
fn Pages() -> impl IntoView {
    let path = use_location().pathname;
    let page = Memo::new(move |_| path.with(|path| Page::of(path)));
    // The frame and its live connection stay while its page changes.
    let is_inner = Memo::new(move |_| page.with(|page| matches!(page, Page::Inner(_))));
    move || match is_inner.get() {
        true => view! { <SignedIn page/> }.into_any(),
        false if page.get() == Page::Welcome => view! { <WelcomePage/> }.into_any(),
        false => view! { <SignInPage/> }.into_any(),
    }
}

/// What stands between an address and its page: sign-in first, then a password, then the page in its frame
#[component]
fn SignedIn(page: Memo<Page>) -> impl IntoView {
    let phase = use_session().phase();
    move || match phase.get() {
        Phase::Unknown => view! { <div id="boot" role="status">"Dragonfly is loading…"</div> }.into_any(),
        Phase::Unreachable => view! { <SessionUnreachable/> }.into_any(),
        Phase::SignedOut => {
            url::go(&format!("/sign-in?next={}", url::encode(&url::here())));
            ().into_any()
        }
        Phase::PasswordWanted => view! { <SetPasswordPage/> }.into_any(),
        Phase::SignedIn => {
            live::provide();
            desk::provide();
            view! { <Frame>{move || inner_page(page.get())}</Frame> }.into_any()
        }
    }
}

fn inner_page(page: Page) -> AnyView {
    match page {
        Page::Inner(Inner::Home) => {
            url::go("/today");
            ().into_any()
        }
        Page::Inner(Inner::Today) => view! { <Deferred page=parts::today_page/> }.into_any(),
        Page::Inner(Inner::Cases) => view! { <Deferred page=parts::cases_page/> }.into_any(),
        Page::Inner(Inner::Case(id)) => {
            view! { <Deferred page=move || parts::case_page(id.clone())/> }.into_any()
        }
        Page::Inner(Inner::Tiers) => view! { <TiersPage/> }.into_any(),
        Page::Inner(Inner::Judgments) => view! { <JudgmentsPage/> }.into_any(),
        Page::Inner(Inner::Judgment(id)) => view! { <JudgmentPage id/> }.into_any(),
        Page::Inner(Inner::Policy) => view! { <Deferred page=parts::policy_page/> }.into_any(),
        Page::Inner(Inner::PolicyHistory) => view! { <Deferred page=parts::policy_history_page/> }.into_any(),
        Page::Inner(Inner::Pools) => view! { <Deferred page=parts::pools_page/> }.into_any(),
        Page::Inner(Inner::Queues) => view! { <Deferred page=parts::queues_page/> }.into_any(),
        Page::Inner(Inner::Desk) => view! { <Deferred page=parts::desk_page/> }.into_any(),
        Page::Inner(Inner::PageRules) => view! { <Deferred page=parts::page_rules_page/> }.into_any(),
        Page::Inner(Inner::PoolStatistics) => {
            view! { <Deferred page=parts::pool_statistics_page/> }.into_any()
        }
        Page::Inner(Inner::Calls) => view! { <Deferred page=parts::calls_page/> }.into_any(),
        Page::Inner(Inner::Pipeline) => view! { <Deferred page=parts::pipeline_page/> }.into_any(),
        Page::Inner(Inner::Plaintiffs) => view! { <Deferred page=parts::plaintiffs_page/> }.into_any(),
        Page::Inner(Inner::Plaintiff) => view! { <Deferred page=parts::plaintiff_page/> }.into_any(),
        Page::Inner(Inner::Review) => view! { <Deferred page=parts::review_page/> }.into_any(),
        Page::Inner(Inner::Stages) => view! { <Deferred page=parts::stages_page/> }.into_any(),
        Page::Inner(Inner::Alerts) => view! { <Deferred page=parts::alerts_page/> }.into_any(),
        Page::Inner(Inner::NotFound) => view! { <NotFoundPage/> }.into_any(),
        // On its way out of the frame.
        Page::SignIn | Page::Welcome => ().into_any(),
    }
}

#[component]
fn SessionUnreachable() -> impl IntoView {
    let session = use_session();
    view! {
        <main class="sign-in">
            <div class="card">
                <h1>"The server does not answer"</h1>
                <p class="lead">"Dragonfly could not find out who is signed in. Check that the server is running, then try again."</p>
                <button class="button primary" on:click=move |_| session.load()>"Try again"</button>
            </div>
        </main>
    }
}
