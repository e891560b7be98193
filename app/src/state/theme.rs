//! Light, dark or as the system says; kept in this browser. `public/theme.js` applies it before the first paint.

use leptos::prelude::*;

const KEY: &str = "dragonfly.theme";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub fn name(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn next(self) -> Self {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }
}

pub fn provide() {
    let stored =
        window().local_storage().ok().flatten().and_then(|storage| storage.get_item(KEY).ok().flatten());
    provide_context(RwSignal::new(match stored.as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    }));
}

pub fn use_theme() -> RwSignal<Theme> {
    expect_context()
}

/// Shows `theme` from now on, and in this browser's next visits.
pub fn choose(theme: Theme) {
    use_theme().set(theme);
    if let Some(root) = document().document_element() {
        // Attributes and storage refuse only where the browser forbids them: then the choice lasts for this page.
        let _ = match theme {
            Theme::System => root.remove_attribute("data-theme"),
            chosen => root.set_attribute("data-theme", chosen.name()),
        };
    }
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(KEY, theme.name());
    }
}
