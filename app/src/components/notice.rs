//! A line or two about a state of affairs, beside what it concerns.

use super::icon::{Icon, IconView};
use leptos::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Error,
}

#[component]
pub fn Notice(tone: Tone, children: Children) -> impl IntoView {
    let (class, icon, role) = match tone {
        Tone::Plain => ("notice", Icon::Alert, "note"),
        Tone::Error => ("notice error", Icon::Alert, "alert"),
    };
    view! { <div class=class role=role><IconView icon/><div>{children()}</div></div> }
}
