//! The Ops Console: shows tiers, judgments and queues, and previews policy changes before they are saved.
//!
//! A page is one file a route in `pages`; what several pages use stands in `components`; what outlives a
//! page, or computes without a view, stands in `state`. The server is spoken to in `api` alone.

#![allow(unreachable_pub, reason = "a program has no API: `pub` says what the other modules use")]

mod api;
mod app;
mod components;
mod format;
mod pages;
mod state;

fn main() {
    console_error_panic_hook::set_once();
    if let Some(boot) = leptos::prelude::document().get_element_by_id("boot") {
        boot.remove();
    }
    // Before the router reads the address, which a draft's link is too long for.
    state::link::receive();
    leptos::mount::mount_to_body(app::App);
}
