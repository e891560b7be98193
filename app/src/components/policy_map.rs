//! The policy map: score × balance coloured by tier, the portfolio's density over it, what the draft changes hatched.

use super::tier_badge::tier_key;
use crate::format;
use crate::state::log_scale::{FLOOR_CENTS, LogScale};
use crate::state::simulation::{MapArea, Simulation, SwapFilter};
use crate::state::workbench::{MapView, Workbench};
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use policy::analysis::Region;
use policy::tier::{AssetSignals, Cents, JudgmentFacts, MapCell, Score, Tier};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// The plot's own units, whatever its size on the screen.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 640.0;
const SCORE_BINS: usize = 50;
const BALANCE_BINS: usize = 32;
/// Densities are drawn in so many shades.
const SHADES: usize = 5;
/// So many cells are outlined; of more only the colours are drawn.
const OUTLINED_MAX: u32 = 2_000;

const HATCH: &str = r#"<pattern id="policy-map-hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" y2="8"/></pattern>"#;

/// Up to the power of ten that no balance of the portfolio reaches, a million dollars at least
fn scale_of(simulation: &Simulation) -> LogScale {
    let largest = simulation.portfolio().columns().balance_cents.iter().copied().max().unwrap_or(0);
    let powers = largest.max(1).ilog10() + 1;
    LogScale { from: FLOOR_CENTS, to: 10_i64.pow(powers.clamp(8, 18)) }
}

/// The balance at a place, the foot being nothing.
fn balance_at(scale: LogScale, share: f64) -> i64 {
    if share <= 0.0 { 0 } else { scale.rounded(share) }
}

fn y(scale: LogScale, cents: i64) -> f64 {
    HEIGHT * (1.0 - scale.share(cents))
}

/// Judgments of one number of assets, counted by where they lie on the map
#[derive(Debug, PartialEq)]
struct Density(Vec<u32>);

impl Density {
    fn of(simulation: &Simulation, scale: LogScale, assets: u8) -> Self {
        let columns = simulation.portfolio().columns();
        let counted = simulation.after.assets();
        let has_so_many: [bool; 16] =
            std::array::from_fn(|bits| AssetSignals::from_bits(bits as u8).count_of(counted) == assets);
        let mut bins = vec![0; SCORE_BINS * BALANCE_BINS];
        for ((score, balance), bits) in columns.score.iter().zip(&columns.balance_cents).zip(&columns.bits) {
            if has_so_many.get(usize::from(bits & 15)) == Some(&true)
                && let Some(bin) = bins.get_mut(bin(*score, scale.share(*balance)))
            {
                *bin += 1;
            }
        }
        Self(bins)
    }

    fn at(&self, score: u16, share: f64) -> u32 {
        self.0.get(bin(score, share)).copied().unwrap_or(0)
    }
}

fn bin(score: u16, share: f64) -> usize {
    let column = (usize::from(score) * SCORE_BINS / 10_000).min(SCORE_BINS - 1);
    let row = ((share * BALANCE_BINS as f64) as usize).min(BALANCE_BINS - 1);
    row * SCORE_BINS + column
}

/// Where the pointer, or the arrow keys, point: hundredths of a point, and a share of the balance scale
#[derive(Debug, Clone, Copy, PartialEq)]
struct Probe {
    score: u16,
    share: f64,
}

#[component]
pub fn PolicyMap(workbench: Workbench) -> impl IntoView {
    let simulation = workbench.settled;
    let assets = workbench.map.assets;
    let probe = RwSignal::new(None::<Probe>);
    let scale = Memo::new(move |_| simulation.with(|simulation| scale_of(simulation)));
    let assets_max = Memo::new(move |_| {
        simulation.with(|simulation| simulation.after.document().asset_signals.len() as u8)
    });
    let shown_assets = Memo::new(move |_| assets.get().min(assets_max.get()));
    let cells = Memo::new(move |_| simulation.with(|simulation| simulation.map(shown_assets.get())));
    // Facts and what counts as an asset decide the density; moving a limit does not.
    let facts_of = Memo::new_with_compare(
        move |_| {
            simulation.with(|simulation| (Arc::clone(&simulation.before.snapshot), simulation.after.assets()))
        },
        |old, new| !matches!((old, new), (Some(old), Some(new)) if Arc::ptr_eq(&old.0, &new.0) && old.1 == new.1),
    );
    let density = Memo::new(move |_| {
        facts_of.track();
        Arc::new(
            simulation.with_untracked(|simulation| Density::of(simulation, scale.get(), shown_assets.get())),
        )
    });
    let has_changes =
        Memo::new(move |_| cells.with(|cells| cells.iter().any(|cell| cell.before != cell.after)));
    let choose = move || {
        let Some(probe) = probe.get_untracked() else { return };
        if let Some(cell) = cell_at(&cells.get_untracked(), scale.get_untracked(), probe) {
            let area = MapArea {
                score: (cell.score.start, cell.score.end),
                balance: (cell.balance.start, cell.balance.end),
                assets: shown_assets.get_untracked(),
            };
            if cell.before != cell.after {
                workbench.swap.filter.set(SwapFilter::Area(area));
            }
        }
    };
    view! {
        <section id=MapView::ID class="panel policy-map" aria-labelledby="policy-map-title" data-test="policy-map">
            <header>
                <h2 id="policy-map-title">"Map"</h2>
                <span class="spacer"></span>
                <div class="map-assets">
                    <span id="map-assets-label">"Assets"</span>
                    <div class="segments" role="group" aria-labelledby="map-assets-label">
                        {move || (0..=assets_max.get()).map(|n| view! {
                            <button type="button" data-test=format!("map-assets-{n}") aria-pressed=move || (shown_assets.get() == n).to_string() on:click=move |_| assets.set(n)>{n.to_string()}</button>
                        }).collect_view()}
                    </div>
                </div>
            </header>
            <div class="content">
                <div class="frame">
                    <div class="balances" aria-hidden="true">{move || balance_ticks(scale.get())}</div>
                    <Plot cells density scale probe marked=workbench.map.marked on_choose=Callback::new(move |()| choose())/>
                    <div class="scores" aria-hidden="true">
                        {[0, 20, 40, 60, 80, 100].map(|score| view! { <span style:left=format!("{score}%")>{score.to_string()}</span> }).collect_view()}
                    </div>
                </div>
                <p class="reading" role="status" data-test="map-reading">
                    {move || match probe.get() {
                        Some(probe) => view! { <Reading workbench cells density scale assets=shown_assets probe/> }.into_any(),
                        None => view! { "Score to the right, balance upwards on a logarithmic scale. Point at a place, or focus the map and use the arrow keys." }.into_any(),
                    }}
                </p>
                <div class="legend" aria-hidden="true">
                    {Tier::ALL.map(|tier| view! { <span data-tier=tier_key(Some(tier))><span class="swatch"></span>{format!("{} {}", tier.number(), tier.label())}</span> }).collect_view()}
                    <span><span class="swatch dots"></span>"judgments, larger where there are more"</span>
                    {move || has_changes.get().then(|| view! { <span><span class="swatch hatched"></span>"the draft changes the tier"</span> })}
                </div>
            </div>
        </section>
    }
}

/// The drawing itself; its keys are the arrows and Enter
#[component]
fn Plot(
    cells: Memo<Vec<MapCell>>,
    density: Memo<Arc<Density>>,
    scale: Memo<LogScale>,
    probe: RwSignal<Option<Probe>>,
    marked: RwSignal<Vec<Region>>,
    on_choose: Callback<()>,
) -> impl IntoView {
    let point = move |event: MouseEvent| {
        let Some(plot) = event.current_target().and_then(|plot| plot.dyn_into::<web_sys::Element>().ok())
        else {
            return;
        };
        let place = plot.get_bounding_client_rect();
        let across = ((f64::from(event.client_x()) - place.left()) / place.width()).clamp(0.0, 1.0);
        let up = 1.0 - ((f64::from(event.client_y()) - place.top()) / place.height()).clamp(0.0, 1.0);
        probe.set(Some(Probe { score: (across * 10_000.0).round() as u16, share: up }));
    };
    let step = move |event: KeyboardEvent| {
        let (across, up) = match event.key().as_str() {
            "ArrowLeft" => (-1, 0.0),
            "ArrowRight" => (1, 0.0),
            "ArrowUp" => (0, 1.0),
            "ArrowDown" => (0, -1.0),
            "Enter" | " " => {
                event.prevent_default();
                on_choose.run(());
                return;
            }
            _ => return,
        };
        event.prevent_default();
        let hundredths = if event.shift_key() { 1000 } else { 100 };
        let here = probe.get_untracked().unwrap_or(Probe { score: 5_000, share: 0.5 });
        probe.set(Some(Probe {
            score: here.score.saturating_add_signed(across * hundredths).min(10_000),
            share: (here.share + up / if event.shift_key() { 8.0 } else { 80.0 }).clamp(0.0, 1.0),
        }));
    };
    view! {
        <div
            class="plot"
            tabindex="0"
            role="application"
            aria-label="Policy map: arrow keys point at a score and a balance, Enter lists what the draft moves there"
            data-test="map-plot"
            on:mousemove=point
            on:mouseleave=move |_| probe.set(None)
            on:click=move |_| on_choose.run(())
            on:keydown=step
        >
            // In layers, so that an edit does not draw the portfolio again.
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                <defs inner_html=HATCH></defs>
                <g inner_html=move || cells.with(|cells| areas(cells, scale.get()))></g>
                <g inner_html=move || density.with(|density| shades(density))></g>
                <g inner_html=move || cells.with(|cells| changes(cells, scale.get()))></g>
                <g inner_html=move || marked.with(|regions| marks(regions, scale.get()))></g>
            </svg>
            {move || probe.get().map(|probe| view! {
                <span class="probe" style:left=format!("{}%", f64::from(probe.score) / 100.0) style:top=format!("{}%", (1.0 - probe.share) * 100.0)></span>
            })}
        </div>
    }
}

/// What the map says of one place
#[component]
fn Reading(
    workbench: Workbench,
    cells: Memo<Vec<MapCell>>,
    density: Memo<Arc<Density>>,
    scale: Memo<LogScale>,
    assets: Memo<u8>,
    probe: Probe,
) -> impl IntoView {
    let scale = scale.get();
    let cents = balance_at(scale, probe.share);
    let reading = workbench.settled.with(|simulation| {
        let signals = simulation.after.document().asset_signals.iter().copied().take(assets.get().into());
        let facts = JudgmentFacts {
            score: Score::from_hundredths(probe.score),
            balance: Cents::from_cents(cents),
            signals: signals.collect(),
        };
        let (before, after) = (simulation.before.policy.evaluate(&facts), simulation.after.evaluate(&facts));
        let outcome = if before.tier == after.tier {
            format!("tier {} {}: {}", after.tier.number(), after.tier.label(), after.reason)
        } else {
            format!(
                "tier {} → {} {}: {}",
                before.tier.number(),
                after.tier.number(),
                after.tier.label(),
                after.reason
            )
        };
        (facts, outcome)
    });
    let (facts, outcome) = reading;
    let near = density.with(|density| density.at(probe.score, probe.share));
    let is_changed = cell_at(&cells.get(), scale, probe).is_some_and(|cell| cell.before != cell.after);
    view! {
        <strong>{format!("Score {}", facts.score.map(|score| score.to_string()).unwrap_or_default())}</strong>" · "
        <strong>{format::cents(cents)}</strong>" · "
        {format::counted(assets.get().into(), "asset", "assets")}" — "{outcome}". "
        {format!("{} near here.", format::counted(near.into(), "judgment", "judgments"))}
        {is_changed.then_some(" Click, or press Enter, to list what moves in this area.")}
    }
}

fn cell_at(cells: &[MapCell], scale: LogScale, probe: Probe) -> Option<MapCell> {
    let cents = balance_at(scale, probe.share);
    cells.iter().find(|cell| cell.score.contains(&probe.score) && cell.balance.contains(&cents)).cloned()
}

/// One path a tier, however many cells: a large policy has tens of thousands
fn drawn<'a>(cells: impl Iterator<Item = &'a MapCell>, class: &str, scale: LogScale) -> String {
    let x = |hundredths: u16| WIDTH * f64::from(hundredths.min(10_000)) / 10_000.0;
    let mut paths = Tier::ALL.map(|tier| (tier, String::new()));
    let mut count = 0;
    for cell in cells {
        let Range { start, end } = cell.balance.clone();
        // The lowest band reaches the ground though the scale begins above 0.
        let (top, bottom) = (y(scale, end), if start < FLOOR_CENTS { HEIGHT } else { y(scale, start) });
        let (left, right) = (x(cell.score.start), x(cell.score.end));
        if bottom > top
            && right > left
            && let Some((_, path)) = paths.iter_mut().find(|(tier, _)| *tier == cell.after)
        {
            let (width, height) = (right - left, bottom - top);
            let _ = write!(path, "M{left:.1} {top:.1}h{width:.1}v{height:.1}h-{width:.1}z");
            count += 1;
        }
    }
    // Outlines of very many cells would hide what they outline.
    let fine = if count > OUTLINED_MAX { " fine" } else { "" };
    let mut svg = String::new();
    for (tier, path) in paths.iter().filter(|(_, path)| !path.is_empty()) {
        let _ =
            write!(svg, r#"<path class="{class}{fine}" data-tier="{}" d="{path}"/>"#, tier_key(Some(*tier)));
    }
    svg
}

fn areas(cells: &[MapCell], scale: LogScale) -> String {
    drawn(cells.iter(), "area", scale)
}

fn changes(cells: &[MapCell], scale: LogScale) -> String {
    drawn(cells.iter().filter(|cell| cell.before != cell.after), "changed", scale)
}

/// Outlines of what a finding or a difference is about; a region as thin as an edge is drawn as a line
fn marks(regions: &[Region], scale: LogScale) -> String {
    let mut svg = String::new();
    for region in regions {
        let x = |score: Score| WIDTH * f64::from(score.hundredths()) / 10_000.0;
        let (left, right) = (x(region.score_min), x(region.score_max));
        let bottom = if region.balance_min.cents() < FLOOR_CENTS {
            HEIGHT
        } else {
            y(scale, region.balance_min.cents())
        };
        let top = y(scale, region.balance_max.cents());
        let _ = write!(
            svg,
            r#"<rect class="marked" x="{left:.1}" y="{:.1}" width="{:.1}" height="{:.1}"/>"#,
            top.min(bottom),
            (right - left).max(1.0),
            (bottom - top).max(1.0),
        );
    }
    svg
}

/// One path a shade; shades grow with the logarithm, so that a lone judgment is seen beside a crowd
fn shades(density: &Density) -> String {
    let crowd = f64::from(density.0.iter().copied().max().unwrap_or(0).max(1)).ln_1p();
    let (width, height) = (WIDTH / SCORE_BINS as f64, HEIGHT / BALANCE_BINS as f64);
    let mut paths = vec![String::new(); SHADES];
    for (place, count) in density.0.iter().enumerate().filter(|(_, count)| **count > 0) {
        let shade = (f64::from(*count).ln_1p() / crowd * SHADES as f64).ceil() as usize;
        let (column, row) = (place % SCORE_BINS, place / SCORE_BINS);
        if let Some(path) = paths.get_mut(shade.clamp(1, SHADES) - 1) {
            let size = 0.25 + 0.1 * shade as f64;
            let x = (column as f64 + (1.0 - size) / 2.0) * width;
            let y = HEIGHT - (row as f64 + (1.0 + size) / 2.0) * height;
            let _ =
                write!(path, "M{x:.1} {y:.1}h{:.1}v{:.1}h-{:.1}z", width * size, height * size, width * size);
        }
    }
    let mut svg = String::new();
    for (path, shade) in paths.iter().zip(1..) {
        let opacity = 0.12 + 0.11 * f64::from(shade);
        let _ = write!(svg, r#"<path class="density" opacity="{opacity:.2}" d="{path}"/>"#);
    }
    svg
}

fn balance_ticks(scale: LogScale) -> impl IntoView {
    (scale.from.ilog10()..=scale.to.ilog10())
        .map(|power| {
            let cents = 10_i64.pow(power);
            let label = match cents / 100 {
                dollars @ 0..=999 => format!("${dollars}"),
                dollars @ 1_000..=999_999 => format!("${} k", dollars / 1_000),
                dollars @ 1_000_000..=999_999_999 => format!("${} M", dollars / 1_000_000),
                dollars => format!("${} B", format::count((dollars / 1_000_000_000).unsigned_abs())),
            };
            view! { <span style:bottom=format!("{}%", scale.share(cents) * 100.0)>{label}</span> }
        })
        .collect_view()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: LogScale = LogScale { from: FLOOR_CENTS, to: 1_000_000_00 };

    #[test]
    fn cells_of_a_tier_are_one_path_and_outlined_while_they_are_few() {
        let cell = |place: u16, after| MapCell {
            score: place..place + 1,
            balance: 0..i64::MAX,
            before: Tier::Monitor,
            after,
        };
        let few =
            [cell(0, Tier::Monitor), cell(5_000, Tier::WarmProspects), cell(9_000, Tier::WarmProspects)];
        let svg = areas(&few, SCALE);
        assert_eq!((svg.matches("<path").count(), svg.matches('M').count()), (2, 3), "{svg}");
        assert!(changes(&few[..1], SCALE).is_empty() && !svg.contains("fine"));
        let many: Vec<MapCell> = (0..3_000).map(|place| cell(place * 3, Tier::Monitor)).collect();
        assert!(areas(&many, SCALE).starts_with(r#"<path class="area fine" data-tier="0""#));
    }

    #[test]
    fn a_place_reads_the_cell_that_is_drawn_there() {
        let cell =
            |balance: Range<i64>, after| MapCell { score: 0..10_001, balance, before: Tier::Monitor, after };
        let cells = [cell(0..50_000_00, Tier::Monitor), cell(50_000_00..i64::MAX, Tier::WarmProspects)];
        let at = |share| cell_at(&cells, SCALE, Probe { score: 10_000, share }).map(|cell| cell.after);
        assert_eq!(
            (at(0.0), at(0.5), at(0.9)),
            (Some(Tier::Monitor), Some(Tier::Monitor), Some(Tier::WarmProspects))
        );
    }
}
