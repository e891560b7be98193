//! The migration as a picture: a band for each tier before and tier after, as thick as what goes that way.

use super::migration_matrix::Cells;
use super::swap_set::show;
use super::tier_badge::{TierBadge, tier_key};
use super::tier_totals::TierTotals;
use crate::format;
use crate::state::simulation::SwapFilter;
use crate::state::workbench::Workbench;
use leptos::ev::{Event, KeyboardEvent};
use leptos::prelude::*;
use policy::tier::Tier;
use wasm_bindgen::JsCast;

/// The plot's own units; vertically they are pixels.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 248.0;
/// Between one tier and the next.
const GAP: f64 = 14.0;
const NODE_WIDTH: f64 = 10.0;
/// What exists is never thinner.
const BAND_MIN: f64 = 1.5;
/// Of the words beside a tier.
const LABEL_HEIGHT: f64 = 36.0;

/// From the top down, as people think of tiers.
const TIERS: [Tier; 4] =
    [Tier::StrategicPriority, Tier::ActiveEnforcement, Tier::WarmProspects, Tier::Monitor];

fn place(tier: Tier) -> usize {
    usize::from(tier.number())
}

/// What one band of the picture takes: where it begins on either side, and how thick it is
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Band {
    left: f64,
    right: f64,
    thickness: f64,
}

/// Where a tier lies on one side: its top, its height and the top of its words
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Node {
    top: f64,
    height: f64,
    label: f64,
}

/// Pixels only: sizes are counts or cents, and neither is money to be reckoned with here
#[derive(Debug, Clone, PartialEq, Default)]
struct Layout {
    bands: [[Band; 4]; 4],
    left: [Node; 4],
    right: [Node; 4],
}

impl Layout {
    /// `sizes[before][after]`
    fn of(sizes: &[[f64; 4]; 4]) -> Self {
        let total: f64 = sizes.as_flattened().iter().sum();
        let existing = sizes.as_flattened().iter().filter(|size| **size > 0.0).count();
        // Room for the thinnest bands is kept back, so that the whole never grows beyond the picture.
        let room = HEIGHT - GAP * 3.0 - BAND_MIN * existing as f64;
        let thickness = |before: Tier, after: Tier| {
            let size = sizes.get(place(before)).and_then(|row| row.get(place(after))).copied().unwrap_or(0.0);
            if size > 0.0 { BAND_MIN + size / total * room } else { 0.0 }
        };
        let mut layout = Layout::default();
        let mut top = 0.0;
        for before in TIERS {
            let mut at = top;
            for after in TIERS {
                if let Some(band) = layout.band_mut(before, after) {
                    *band = Band { left: at, thickness: thickness(before, after), ..Band::default() };
                }
                at += thickness(before, after);
            }
            put(&mut layout.left, before, top, at - top);
            top = at + GAP;
        }
        let mut top = 0.0;
        for after in TIERS {
            let mut at = top;
            for before in TIERS {
                if let Some(band) = layout.band_mut(before, after) {
                    band.right = at;
                }
                at += thickness(before, after);
            }
            put(&mut layout.right, after, top, at - top);
            top = at + GAP;
        }
        label(&mut layout.left);
        label(&mut layout.right);
        layout
    }

    fn band_mut(&mut self, before: Tier, after: Tier) -> Option<&mut Band> {
        self.bands.get_mut(place(before))?.get_mut(place(after))
    }

    fn band(&self, before: Tier, after: Tier) -> Band {
        self.bands.get(place(before)).and_then(|row| row.get(place(after))).copied().unwrap_or_default()
    }
}

fn put(nodes: &mut [Node; 4], tier: Tier, top: f64, height: f64) {
    if let Some(node) = nodes.get_mut(place(tier)) {
        *node = Node { top, height, label: top + height / 2.0 - LABEL_HEIGHT / 2.0 };
    }
}

/// Moves words apart that would lie on one another, and back into the picture.
fn label(nodes: &mut [Node; 4]) {
    let mut free = 0.0;
    for node in nodes.iter_mut().rev() {
        node.label = node.label.max(free);
        free = node.label + LABEL_HEIGHT;
    }
    let mut end = HEIGHT;
    for node in nodes {
        node.label = node.label.min(end - LABEL_HEIGHT);
        end = node.label;
    }
}

impl Band {
    fn path(self) -> String {
        let Band { left, right, thickness } = self;
        let (from, to, middle) = (NODE_WIDTH, WIDTH - NODE_WIDTH, WIDTH / 2.0);
        let (left_end, right_end) = (left + thickness, right + thickness);
        format!(
            "M{from} {left:.1}C{middle} {left:.1} {middle} {right:.1} {to} {right:.1}V{right_end:.1}C{middle} {right_end:.1} {middle} {left_end:.1} {from} {left_end:.1}Z"
        )
    }
}

/// The picture with the totals of each tier under it, by judgments or by money
#[component]
pub fn MigrationPicture(workbench: Workbench) -> impl IntoView {
    let cells = Signal::derive(move || workbench.settled.with(|simulation| Cells::from(&simulation.flow)));
    let is_money = RwSignal::new(false);
    let choices = [("Judgments", false), ("Money", true)];
    view! {
        <div class="migration-picture">
            <div class="picture-head">
                <h3 id="alluvial-title">"Tier before → tier after"</h3>
                <div class="segments" role="group" aria-label="What the picture measures">
                    {choices.map(|(name, choice)| view! {
                        <button type="button" data-test=format!("picture-{}", name.to_lowercase()) aria-pressed=move || (is_money.get() == choice).to_string() on:click=move |_| is_money.set(choice)>{name}</button>
                    }).collect_view()}
                </div>
            </div>
            <Alluvial workbench cells is_money/>
            <TierTotals workbench is_money/>
        </div>
    }
}

#[component]
fn Alluvial(workbench: Workbench, cells: Signal<Cells>, is_money: RwSignal<bool>) -> impl IntoView {
    let swap = workbench.swap;
    let pointed = RwSignal::new(None::<(Tier, Tier)>);
    let layout = Memo::new(move |_| {
        let is_money = is_money.get();
        let size = |(count, cents): (u32, i64)| if is_money { cents.max(0) as f64 } else { f64::from(count) };
        cells.with(|cells| {
            Layout::of(&Tier::ALL.map(|before| Tier::ALL.map(|after| size(cells.at(before, after)))))
        })
    });
    // In the order of the keys: from the top down, the bands of a tier together.
    let existing = move || -> Vec<(Tier, Tier)> {
        let pairs = TIERS.into_iter().flat_map(|before| TIERS.into_iter().map(move |after| (before, after)));
        cells
            .with_untracked(|cells| pairs.filter(|(before, after)| cells.at(*before, *after).0 > 0).collect())
    };
    let choose = move |(before, after): (Tier, Tier)| show(swap, SwapFilter::Cell(before, after));
    let on_key = move |event: KeyboardEvent| {
        let existing = existing();
        let now = pointed.get_untracked().and_then(|now| existing.iter().position(|pair| *pair == now));
        let next = match event.key().as_str() {
            "ArrowDown" | "ArrowRight" => now.map_or(0, |now| (now + 1) % existing.len().max(1)),
            "ArrowUp" | "ArrowLeft" => {
                now.unwrap_or(0).checked_sub(1).unwrap_or(existing.len().saturating_sub(1))
            }
            "Enter" | " " => {
                event.prevent_default();
                return pointed.get_untracked().into_iter().for_each(choose);
            }
            _ => return,
        };
        event.prevent_default();
        pointed.set(existing.get(next).copied());
    };
    let point = move |pair: Option<(Tier, Tier)>| {
        if pointed.get_untracked() != pair {
            pointed.set(pair);
        }
    };
    let chosen = move || {
        swap.filter.with(|filter| match filter {
            SwapFilter::Cell(before, after) => Some((*before, *after)),
            _ => None,
        })
    };
    view! {
        <div class="alluvial" data-test="alluvial">
            <div class="ends">{TIERS.map(|tier| view! { <End cells layout is_money tier is_after=false/> }).collect_view()}</div>
            <svg
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                preserveAspectRatio="none"
                role="listbox"
                tabindex="0"
                aria-labelledby="alluvial-title"
                aria-activedescendant=move || pointed.get().map(band_id)
                on:keydown=on_key
                on:focus=move |_| if pointed.get_untracked().is_none() { point(existing().first().copied()) }
                on:blur=move |_| point(None)
                on:pointerover=move |event| point(band_under(&event))
                on:pointerleave=move |_| point(None)
                on:click=move |event| band_under(&event).into_iter().for_each(choose)
            >
                {TIERS.into_iter().flat_map(|before| TIERS.into_iter().map(move |after| (before, after))).map(|pair| {
                    let (before, after) = pair;
                    let band = Memo::new(move |_| layout.with(|layout| layout.band(before, after)));
                    let is_there = Memo::new(move |_| band.get().thickness > 0.0);
                    move || is_there.get().then(|| view! {
                        <path
                            id=band_id(pair)
                            role="option"
                            class="band"
                            class:stays=before == after
                            data-tier=tier_key(Some(after))
                            data-test=format!("band-{}-{}", before.number(), after.number())
                            data-pointed=move || (pointed.get() == Some(pair)).to_string()
                            aria-selected=move || (chosen() == Some(pair)).to_string()
                            aria-label=move || words(&cells.get(), pair)
                            d=move || band.get().path()
                        />
                    })
                }).collect_view()}
                {TIERS.map(|tier| view! {
                    <Bar layout tier is_after=false/>
                    <Bar layout tier is_after=true/>
                }).collect_view()}
            </svg>
            <div class="ends after">{TIERS.map(|tier| view! { <End cells layout is_money tier is_after=true/> }).collect_view()}</div>
        </div>
        <p class="reading" data-test="alluvial-reading">
            {move || match pointed.get() {
                Some(pair) => words(&cells.get(), pair),
                None => "Point at a band to read it, click it to list its judgments.".to_owned(),
            }}
        </p>
    }
}

fn node(layout: Memo<Layout>, tier: Tier, is_after: bool) -> Node {
    layout.with(|layout| {
        let side = if is_after { &layout.right } else { &layout.left };
        side.get(place(tier)).copied().unwrap_or_default()
    })
}

#[component]
fn Bar(layout: Memo<Layout>, tier: Tier, is_after: bool) -> impl IntoView {
    let node = Memo::new(move |_| node(layout, tier, is_after));
    view! {
        <rect
            class="bar"
            data-tier=tier_key(Some(tier))
            x=if is_after { WIDTH - NODE_WIDTH } else { 0.0 }
            width=NODE_WIDTH
            y=move || format!("{:.1}", node.get().top)
            height=move || format!("{:.1}", node.get().height)
        />
    }
}

#[component]
fn End(
    cells: Signal<Cells>,
    layout: Memo<Layout>,
    is_money: RwSignal<bool>,
    tier: Tier,
    is_after: bool,
) -> impl IntoView {
    let node = Memo::new(move |_| node(layout, tier, is_after));
    let size = move || {
        let (count, cents) = cells
            .with(|cells| cells.sum(|before, after| if is_after { after == tier } else { before == tier }));
        if is_money.get() { format::cents_short(cents) } else { format::count(count.into()) }
    };
    view! {
        <div class="end" data-tier=tier_key(Some(tier)) style:top=move || format!("{:.0}px", node.get().label)>
            <TierBadge tier/>
            <span class="size">{size}</span>
        </div>
    }
}

fn band_id((before, after): (Tier, Tier)) -> String {
    format!("band-{}-{}", before.number(), after.number())
}

/// The band that an event is on.
fn band_under(event: &Event) -> Option<(Tier, Tier)> {
    let id = event.target()?.dyn_into::<web_sys::Element>().ok()?.id();
    let (before, after) = id.strip_prefix("band-")?.split_once('-')?;
    let tier = |text: &str| Tier::try_from(text.parse::<u8>().ok()?).ok();
    Some((tier(before)?, tier(after)?))
}

fn words(cells: &Cells, (before, after): (Tier, Tier)) -> String {
    let (count, cents) = cells.at(before, after);
    let (of, _) = cells.sum(|from, _| from == before);
    let way = match before == after {
        true => format!("stay in tier {} {}", before.number(), before.label()),
        false => format!(
            "go from tier {} {} to tier {} {}",
            before.number(),
            before.label(),
            after.number(),
            after.label()
        ),
    };
    format!(
        "{}, {}, {way}: {} of tier {} before.",
        format::counted(count.into(), "judgment", "judgments"),
        format::cents(cents),
        format::percent(count.into(), of.into()),
        before.number(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_fill_both_sides_in_order_and_stay_in_the_picture() {
        for sizes in [
            [[50.0, 0.0, 0.0, 0.0], [0.0, 30.0, 5.0, 0.0], [0.0, 1.0, 10.0, 0.0], [0.0, 0.0, 0.0, 4.0]],
            [[1e9, 1.0, 1.0, 1.0]; 4],
            [[0.0, 0.0, 0.0, 7.0], [0.0; 4], [0.0; 4], [0.0; 4]],
        ] {
            let layout = Layout::of(&sizes);
            for nodes in [layout.left, layout.right] {
                let bottom = nodes[0].top + nodes[0].height;
                assert!((bottom - HEIGHT).abs() < 0.001, "the lowest tier ends at the bottom: {bottom}");
                for pair in nodes.windows(2) {
                    assert!(pair[1].top + pair[1].height <= pair[0].top - GAP + 0.001);
                    assert!(pair[1].label + LABEL_HEIGHT <= pair[0].label + 0.001, "words lie apart");
                }
                assert!(nodes[3].label >= 0.0 && nodes[0].label + LABEL_HEIGHT <= HEIGHT + 0.001);
            }
            for (before, row) in sizes.iter().enumerate() {
                for (after, size) in row.iter().enumerate() {
                    let band = layout.bands[before][after];
                    assert_eq!(*size > 0.0, band.thickness >= BAND_MIN);
                    assert!(band.left >= layout.left[before].top - 0.001);
                    assert!(
                        band.right + band.thickness
                            <= layout.right[after].top + layout.right[after].height + 0.001
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_has_no_bands() {
        assert!(Layout::of(&[[0.0; 4]; 4]).bands.as_flattened().iter().all(|band| band.thickness == 0.0));
    }
}
