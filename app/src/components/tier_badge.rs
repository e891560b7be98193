//! A tier: its hue, always with its number or its name.

use leptos::prelude::*;
use policy::tier::Tier;

/// The value of `data-tier`, which picks the hue.
pub fn tier_key(tier: Option<Tier>) -> &'static str {
    match tier {
        Some(Tier::Monitor) => "0",
        Some(Tier::WarmProspects) => "1",
        Some(Tier::ActiveEnforcement) => "2",
        Some(Tier::StrategicPriority) => "3",
        None => "none",
    }
}

#[component]
pub fn TierBadge(#[prop(into)] tier: Option<Tier>, #[prop(optional)] short: bool) -> impl IntoView {
    let label = tier.map_or("No tier", Tier::label);
    let mark = tier.map_or("–", |tier| tier_key(Some(tier)));
    view! {
        <span class="tier-badge" data-tier=tier_key(tier) title=short.then_some(label)>
            <span class="mark" aria-hidden=if short { "false" } else { "true" }>{mark}</span>
            {if short {
                view! { <span class="visually-hidden">{label}</span> }.into_any()
            } else {
                view! { <span class="visually-hidden">{tier.map(|_| format!("Tier {mark}, "))}</span><span class="name">{label}</span> }.into_any()
            }}
        </span>
    }
}
