//! What happens while a rank is away: the cascade, the peak load of the others and the time to recover.

use super::simulation::{points, time};
use crate::components::rank::{RankBadge, rank_key, rank_words};
use crate::format::share;
use crate::state::pool_lab::{Away, PoolLab, Stress};
use crate::state::studies::{Question, Study, from_json};
use leptos::prelude::*;
use policy::routing::PriorityRank;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

/// `10:30` in hours
fn hours(text: &str) -> Option<f64> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
    (hour < 24 && minute < 60).then(|| f64::from(hour) + f64::from(minute) / 60.0)
}

/// Hours as `10:30`
fn clock(hours: f64) -> String {
    let minutes = (hours * 60.0).round().rem_euclid(24.0 * 60.0) as u32;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[component]
pub fn StressStudy(lab: PoolLab) -> impl IntoView {
    let rank = RwSignal::new(PriorityRank::PRIMARY);
    let (from, until) = (RwSignal::new("10:00".to_owned()), RwSignal::new("10:30".to_owned()));
    let ranks = Memo::new(move |_| {
        let mut ranks: Vec<PriorityRank> = lab
            .bench
            .pool()
            .map(|pool| pool.members.iter().map(|member| member.priority_rank).collect())
            .unwrap_or_default();
        ranks.sort();
        ranks.dedup();
        ranks
    });
    let away = Memo::new(move |_| {
        let (from, until) = (hours(&from.get())?, hours(&until.get())?);
        (from < until).then(|| Away { ranks: vec![rank.get()], from, until })
    });
    let stress = Study::<Stress>::new(lab.studies, from_json, move || {
        let mut scenario = lab.scenario.get().ok()?;
        scenario.away.push(away.get()?);
        Some(Question::new("stress", &(scenario,)))
    });
    let moment = |id: &'static str, label: &'static str, value: RwSignal<String>| {
        view! {
            <div class="field"><label for=id>{label}</label><input id=id type="time" class="input" data-test=id prop:value=value on:input:target=move |event| value.set(event.target().value())/></div>
        }
    };
    view! {
        <div data-test="pool-stress" aria-busy=move || stress.is_busy.get().to_string()>
            <div class="scenario">
                <div class="field">
                    <label for="stress-rank">"All of"</label>
                    <select id="stress-rank" class="input" data-test="stress-rank" on:change:target=move |event| if let Some(chosen) = event.target().value().parse().ok().and_then(PriorityRank::new) { rank.set(chosen) }>
                        {move || ranks.get().into_iter().map(|choice| view! { <option value=choice.number().to_string() selected=rank.get_untracked() == choice>{rank_words(choice)}</option> }).collect_view()}
                    </select>
                </div>
                {moment("stress-from", "away from", from)}
                {moment("stress-until", "until", until)}
            </div>
            {move || away.get().is_none().then(|| view! { <p class="field-error" role="alert">"The time until which they are away comes after the time from which."</p> })}
            {move || stress.error.get().map(|words| view! { <p class="field-error" role="alert">{words}</p> })}
            {move || stress.answer.get().map(|found| view! { <Course found=(*found).clone()/> })}
        </div>
    }
}

#[component]
fn Course(found: Stress) -> impl IntoView {
    let (first, last) =
        (found.bins.first().map_or(0.0, |bin| bin.from), found.bins.last().map_or(1.0, |bin| bin.until));
    let across = move |at: f64| (at - first) / (last - first) * WIDTH;
    let top = found.peaks.iter().map(|peak| f64::from(peak.slots)).fold(1.0, f64::max);
    let path = |rank: PriorityRank, is_usual: bool| {
        let mut path = String::new();
        for bin in &found.bins {
            let Some(group) = bin.groups.iter().find(|group| group.rank == rank) else { continue };
            let load = if is_usual { group.usual } else { group.load.value };
            let letter = if path.is_empty() { 'M' } else { 'L' };
            path.push_str(&format!(
                "{letter}{:.1} {:.1}",
                across((bin.from + bin.until) / 2.0),
                HEIGHT - load / top * HEIGHT
            ));
        }
        path
    };
    let lines = found.peaks.iter().map(|peak| view! {
        <g data-rank=rank_key(peak.rank)><path class="usual" d=path(peak.rank, true)/><path class="load" d=path(peak.rank, false)/></g>
    });
    let lost = found.bins.iter().filter_map(|bin| {
        let share = bin.lost?.value;
        let (from, until) = (across(bin.from), across(bin.until));
        (share > 0.0005).then(|| view! { <rect x=format!("{from:.1}") width=format!("{:.1}", until - from) y="0" height=format!("{:.1}", share * HEIGHT)/> })
    });
    let recovery = match found.recovered_after {
        Some(0.0) => "Everything is as usual as soon as they are back.".to_owned(),
        Some(after) => format!("Everything is as usual again {} after they are back.", time(after)),
        None => "Not as usual again within the time shown.".to_owned(),
    };
    view! {
        <p class="note" role="status"><strong>{format!("{} points more are lost", points(found.lost_more.value))}</strong>{format!(" (±{:.1}) of all leads between {} and {}. {recovery}", found.lost_more.half() * 100.0, clock(first), clock(last))}</p>
        <figure class="course">
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label="Slots in use of each rank, and leads lost, over the time">
                <g class="lost">{lost.collect_view()}</g>
                {lines.collect_view()}
            </svg>
            <figcaption class="muted"><span>{clock(first)}</span><span>"slots in use by rank; dashed is usual; red from the top: share lost"</span><span>{clock(last)}</span></figcaption>
        </figure>
        <table class="figures">
            <caption class="visually-hidden">"The peak of each rank"</caption>
            <thead><tr><th scope="col">"Rank"</th><th scope="col" class="number">"Peak, on average"</th><th scope="col" class="number">"of its slots"</th><th scope="col" class="number">"At"</th><th scope="col" class="number">"Usual peak"</th><th scope="col" class="number">"Most ever"</th></tr></thead>
            <tbody>{found.peaks.iter().map(|peak| view! {
                <tr>
                    <th scope="row"><RankBadge rank=peak.rank/></th>
                    <td class="number">{format!("{:.1} of {}", peak.load, peak.slots)}</td>
                    <td class="number">{share(peak.load / f64::from(peak.slots.max(1)))}</td>
                    <td class="number">{clock(peak.at)}</td>
                    <td class="number">{format!("{:.1}", peak.usual)}</td>
                    <td class="number">{peak.most.to_string()}</td>
                </tr>
            }).collect_view()}</tbody>
        </table>
    }
}
