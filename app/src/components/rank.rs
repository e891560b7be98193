//! A priority rank: its hue, always with its medal and its name.

use leptos::prelude::*;
use policy::routing::PriorityRank;

/// The value of `data-rank`, which picks the hue.
pub fn rank_key(rank: PriorityRank) -> &'static str {
    match rank.number() {
        1 => "1",
        2 => "2",
        3 => "3",
        _ => "other",
    }
}

/// Of the ranks that have one.
pub fn medal(rank: PriorityRank) -> Option<&'static str> {
    match rank.number() {
        1 => Some("🥇"),
        2 => Some("🥈"),
        3 => Some("🥉"),
        _ => None,
    }
}

/// `🥇 Primary`, and `Rank 7`: for options of a native select, which hold nothing but text.
pub fn rank_words(rank: PriorityRank) -> String {
    match medal(rank) {
        Some(medal) => format!("{medal} {}", rank.label()),
        None => rank.label(),
    }
}

#[component]
pub fn RankBadge(rank: PriorityRank) -> impl IntoView {
    view! {
        <span class="rank-badge" data-rank=rank_key(rank)>
            {medal(rank).map(|medal| view! { <span class="medal" aria-hidden="true">{medal}</span> })}
            <span class="name">{rank.label()}</span>
        </span>
    }
}
