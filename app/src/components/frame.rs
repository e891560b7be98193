//! The frame around every page: navigation, jump box, live indicator, alerts, organisation, theme, sign-out.

use super::bell::Bell;
use super::icon::{Icon, IconView};
use super::jump_dialog::JumpDialog;
use super::leave_dialog::LeaveDialog;
use super::modal::Modal;
use crate::api;
use crate::state::desk::use_desk;
use crate::state::leave_guard::{Leave, use_leave_guard};
use crate::state::live::{Connection, use_live};
use crate::state::session::use_session;
use crate::state::theme::{self, Theme};
use crate::state::toasts::use_toasts;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_location;

pub struct PageLink {
    pub name: &'static str,
    pub address: &'static str,
    pub icon: Icon,
}

/// The first of them are at hand on a telephone.
pub const PAGES: [PageLink; 13] = [
    PageLink { name: "Today", address: "/today", icon: Icon::Calendar },
    PageLink { name: "Cases", address: "/cases", icon: Icon::Case },
    PageLink { name: "Calls", address: "/calls", icon: Icon::Phone },
    PageLink { name: "Plaintiffs", address: "/plaintiffs", icon: Icon::Briefcase },
    PageLink { name: "Pipeline", address: "/pipeline", icon: Icon::Funnel },
    PageLink { name: "Alerts", address: "/alerts", icon: Icon::Bell },
    PageLink { name: "Tiers", address: "/tiers", icon: Icon::Layers },
    PageLink { name: "Judgments", address: "/judgments", icon: Icon::List },
    PageLink { name: "Policy", address: "/policy", icon: Icon::Sliders },
    PageLink { name: "Pools", address: "/pools", icon: Icon::People },
    PageLink { name: "Desk", address: "/desk", icon: Icon::Headset },
    PageLink { name: "Review", address: "/review", icon: Icon::Clipboard },
    PageLink { name: "Queues", address: "/queues", icon: Icon::Queue },
];
/// How many pages the bar at the foot of a telephone has, beside the button for the others.
const AT_HAND: usize = 4;

/// Goes to `address`, unless unsaved edits would be lost: then the person is asked first.
pub fn visit(navigate: &impl Fn(&str, NavigateOptions), address: &str) {
    let guard = use_leave_guard();
    if guard.has_unsaved.get_untracked() {
        guard.asked.set(Some(Leave::To(address.to_owned())));
    } else {
        navigate(address, NavigateOptions::default());
    }
}

#[component]
pub fn Frame(children: Children) -> impl IntoView {
    let is_jumping = RwSignal::new(false);
    let keys = window_event_listener(ev::keydown, move |event| {
        if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k") {
            event.prevent_default();
            is_jumping.set(true);
        }
    });
    on_cleanup(move || keys.remove());
    let unanswered = use_desk().unanswered;
    // A lead that waits shows in the browser's tab, whatever is on the screen.
    let title = move |page: String| match unanswered.try_get() {
        Some(1) => format!("(1) New lead · {page} · Dragonfly"),
        Some(n @ 2..) => format!("({n}) New leads · {page} · Dragonfly"),
        _ => format!("{page} · Dragonfly"),
    };
    view! {
        <Title formatter=title/>
        <div class="frame">
            <a class="skip-link" href="#main" on:click=move |event| {
                event.prevent_default();
                if let Some(main) = document().get_element_by_id("main").and_then(|main| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(main).ok()) {
                    let _ = main.focus();
                }
            }>"Skip to content"</a>
            <Navigation/>
            <TopBar is_jumping/>
            <main class="frame-main" id="main" tabindex="-1">{children()}</main>
            <JumpDialog is_open=is_jumping/>
            <LeaveDialog/>
        </div>
    }
}

/// Whether a path is of a page; the stages are the review's.
fn is_within(path: &str, page: &str) -> bool {
    path.starts_with(page) || (page == "/review" && path.starts_with("/stages"))
}

#[component]
fn Navigation() -> impl IntoView {
    let path = use_location().pathname;
    let is_more_open = RwSignal::new(false);
    let is_current = move |page: &PageLink| path.with(|path| is_within(path, page.address));
    let link = move |page: &'static PageLink, test: &'static str| {
        view! {
            <a
                href=page.address
                title=page.name
                data-test=format!("{test}-{}", page.name.to_lowercase())
                aria-current=move || is_current(page).then_some("page")
                on:click=move |_| is_more_open.set(false)
            >
                <IconView icon=page.icon/><span class="words">{page.name}</span>
                {(page.address == "/desk").then(|| view! { <Unanswered/> })}
            </a>
        }
        .into_any()
    };
    let (_, others) = PAGES.split_at(AT_HAND);
    let other = move || others.iter().find(|page| is_current(page));
    view! {
        <nav class="frame-nav" aria-label="Pages">
            <a class="brand" href="/today" aria-label="Dragonfly"><img src="/icon.svg" alt=""/><span class="words">"Dragonfly"</span></a>
            <ul>
                {PAGES.iter().enumerate().map(|(place, page)| view! { <li class:other={place >= AT_HAND}>{link(page, "nav")}</li> }).collect_view()}
                <li class="more-pages">
                    <button
                        type="button"
                        data-test="nav-more"
                        aria-haspopup="dialog"
                        aria-expanded=move || is_more_open.get().to_string()
                        aria-current=move || other().is_some().then_some("true")
                        on:click=move |_| is_more_open.set(true)
                    >
                        <IconView icon=Icon::More/>
                        <span class="words">"More"</span>
                        {move || other().map(|page| view! { <span class="visually-hidden">{format!(" pages: {}", page.name)}</span> })}
                        <Unanswered/>
                    </button>
                </li>
            </ul>
        </nav>
        <Modal is_open=is_more_open label="More pages" class="more-sheet" test="more-pages">
            <nav class="body" aria-label="More pages">
                <ul>{others.iter().map(|page| view! { <li>{link(page, "more")}</li> }).collect_view()}</ul>
            </nav>
        </Modal>
    }
}

/// How many leads wait for an answer at the desk
#[component]
fn Unanswered() -> impl IntoView {
    let unanswered = use_desk().unanswered;
    move || {
        (unanswered.get() > 0).then(|| {
            view! { <span class="unanswered" data-test="nav-unanswered">{unanswered.get()}<span class="visually-hidden">" new"</span></span> }
        })
    }
}

#[component]
fn TopBar(is_jumping: RwSignal<bool>) -> impl IntoView {
    view! {
        <header class="frame-bar">
            <button class="jump-button" data-test="jump" aria-keyshortcuts="Control+K" on:click=move |_| is_jumping.set(true)>
                <IconView icon=Icon::Search/><span class="words">"Search or jump to…"</span><kbd>"Ctrl K"</kbd>
            </button>
            <span class="spacer"></span>
            <LiveIndicator/>
            <Bell/>
            <OrganisationSwitcher/>
            <ThemeToggle/>
            <SignOutButton/>
        </header>
    }
}

#[component]
fn LiveIndicator() -> impl IntoView {
    let live = use_live();
    let shown = move || match live.connection.get() {
        Connection::Connecting => ("connecting", "connecting"),
        Connection::Live => ("live", "live"),
        Connection::Lost => ("lost", "offline"),
    };
    view! {
        <span
            class="live-indicator"
            role="status"
            data-test="live-indicator"
            data-state=move || shown().0
            title="Whether changes on the server show here by themselves"
        >
            <span class="dot" aria-hidden="true"></span>{move || shown().1}
        </span>
    }
}

#[component]
fn OrganisationSwitcher() -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let guard = use_leave_guard();
    let choose = move |id: String| {
        spawn_local(async move {
            match api::choose_organisation(id).await {
                // Everything on screen belongs to the other organisation: begin afresh.
                Ok(()) => {
                    guard.has_unsaved.set(false);
                    let _ = window().location().set_href("/today");
                }
                Err(error) => toasts.fail(&error),
            }
        });
    };
    let current = session.current();
    move || {
        current.get().map(|session| {
        let active = session.organisation.id;
        if session.organisations.len() < 2 {
            return view! { <span class="organisation clip" data-test="organisation">{session.organisation.name}</span> }.into_any();
        }
        view! {
            <select class="input organisation" aria-label="Organisation" data-test="organisation" on:change:target=move |event| choose(event.target().value())>
                {session.organisations.into_iter().map(|organisation| view! {
                    <option value=organisation.id.clone() selected=organisation.id == active>{organisation.name}</option>
                }).collect_view()}
            </select>
        }
        .into_any()
    })
    }
}

#[component]
fn ThemeToggle() -> impl IntoView {
    let theme = theme::use_theme();
    let label = move || match theme.get() {
        Theme::System => "Theme: as the system. Switch to light",
        Theme::Light => "Theme: light. Switch to dark",
        Theme::Dark => "Theme: dark. Switch to the system's",
    };
    view! {
        <button
            class="button quiet icon-only"
            data-test="theme-toggle"
            data-theme-chosen=move || theme.get().name()
            aria-label=label
            title=label
            on:click=move |_| theme::choose(theme.get_untracked().next())
        >
            {move || view! { <IconView icon=match theme.get() { Theme::System => Icon::Screen, Theme::Light => Icon::Sun, Theme::Dark => Icon::Moon }/> }}
        </button>
    }
}

#[component]
fn SignOutButton() -> impl IntoView {
    let session = use_session();
    let current = session.current();
    let title = move || {
        current
            .with(|session| session.as_ref().map(|session| format!("Sign out {}", session.email)))
            .unwrap_or_else(|| "Sign out".to_owned())
    };
    let guard = use_leave_guard();
    let leave = move |_| {
        if guard.has_unsaved.get_untracked() {
            guard.asked.set(Some(Leave::SignOut))
        } else {
            session.sign_out()
        }
    };
    view! {
        <button class="button quiet icon-only" data-test="sign-out" aria-label="Sign out" title=title on:click=leave>
            <IconView icon=Icon::SignOut/>
        </button>
    }
}
