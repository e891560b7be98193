//! Routes, and the contexts that every page shares.

use crate::components::frame::Frame;
use crate::components::toasts::ToastList;
use crate::pages::{
    judgment::JudgmentPage, judgments::JudgmentsPage, not_found::NotFoundPage, policy::PolicyPage,
    queues::QueuesPage, set_password::SetPasswordPage, sign_in::SignInPage, tiers::TiersPage,
    welcome::WelcomePage,
};
use crate::state::{clock, focus, leave_guard, live, screen, session, theme, toasts};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Outlet, ParentRoute, Redirect, Route, Router, Routes};
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
            <Routes fallback=|| view! { <NotFoundPage/> }>
                <Route path=path!("/sign-in") view=SignInPage/>
                <Route path=path!("/welcome") view=WelcomePage/>
                <ParentRoute path=path!("") view=SignedIn>
                    <Route path=path!("/") view=|| view! { <Redirect path="/tiers"/> }/>
                    <Route path=path!("/tiers") view=TiersPage/>
                    <Route path=path!("/judgments") view=JudgmentsPage/>
                    <Route path=path!("/judgments/:id") view=JudgmentPage/>
                    <Route path=path!("/policy") view=PolicyPage/>
                    <Route path=path!("/queues") view=QueuesPage/>
                </ParentRoute>
            </Routes>
        </Router>
        <ToastList/>
    }
}

/// What stands between a route and its page: sign-in first, then a password, then the page in its frame
#[component]
fn SignedIn() -> impl IntoView {
    let session = session::use_session();
    let phase = session.phase();
    move || match phase.get() {
        session::Phase::Unknown => {
            view! { <div id="boot" role="status">"Dragonfly is loading…"</div> }.into_any()
        }
        session::Phase::Unreachable => view! { <SessionUnreachable/> }.into_any(),
        session::Phase::SignedOut => {
            let location = use_location();
            let here = format!(
                "{}{}",
                location.pathname.get_untracked(),
                location.search.with_untracked(|query| {
                    if query.is_empty() { String::new() } else { format!("?{query}") }
                })
            );
            view! { <Redirect path=format!("/sign-in?next={}", crate::state::url::encode(&here))/> }
                .into_any()
        }
        session::Phase::PasswordWanted => view! { <SetPasswordPage/> }.into_any(),
        session::Phase::SignedIn => {
            live::provide();
            view! { <Frame><Outlet/></Frame> }.into_any()
        }
    }
}

#[component]
fn SessionUnreachable() -> impl IntoView {
    let session = session::use_session();
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
