//! What a draft means for those who work the cases, and for the queue that re-tiers them.

use super::tier_badge::{TierBadge, tier_key};
use crate::api;
use crate::format;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::workbench::Workbench;
use crate::state::workload::{Capacity, rate, waiting};
use leptos::prelude::*;
use policy::tier::Tier;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

#[component]
pub fn Workload(workbench: Workbench) -> impl IntoView {
    let session = use_session().current();
    let organisation =
        Memo::new(move |_| session.get().map(|session| session.organisation.id).unwrap_or_default());
    let capacity = RwSignal::new(Capacity::load(&organisation.get_untracked()));
    let change = move |change: &dyn Fn(&mut Capacity)| {
        capacity.update(|capacity| change(capacity));
        capacity.get_untracked().keep(&organisation.get_untracked());
    };
    // Tenths of a person by tier, before and after.
    let needed = Memo::new(move |_| {
        let capacity = capacity.get();
        workbench.settled.with(|simulation| {
            (capacity.needed(&simulation.before.effective), capacity.needed(&simulation.flow.effective))
        })
    });
    let sums = Memo::new(move |_| {
        let (before, after) = needed.get();
        (before.iter().sum::<u64>(), after.iter().sum::<u64>())
    });
    let of = move |tier: Tier| {
        let (before, after) = needed.get();
        let place = usize::from(tier.number());
        (before.get(place).copied().unwrap_or(0), after.get(place).copied().unwrap_or(0))
    };
    let verdict = move || {
        let people = u64::from(capacity.get().people) * 10;
        let needed = sums.get().1;
        match people.cmp(&needed) {
            _ if people == 0 => "Say how many people there are, to see whether they are enough.".to_owned(),
            std::cmp::Ordering::Less => format!("{} too few for the draft.", tenths(needed - people)),
            std::cmp::Ordering::Equal => "Exactly enough for the draft.".to_owned(),
            std::cmp::Ordering::Greater => {
                format!("Enough for the draft, with {} to spare.", tenths(people - needed))
            }
        }
    };
    view! {
        <section class="panel workload" aria-labelledby="workload-title" data-test="workload">
            <header>
                <h2 id="workload-title">"Workload"</h2>
                <span class="muted">"people needed, by effective tier"</span>
            </header>
            <div class="content">
                <table>
                    <caption class="visually-hidden">"People needed for each tier, before and after"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Tier"</th>
                            <th scope="col" class="number">"Cases a month each"</th>
                            <th scope="col" class="number">"People before"</th>
                            <th scope="col" class="number">"After"</th>
                            <th scope="col" class="number">"Change"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {Tier::ALL.into_iter().rev().map(|tier| {
                            let place = usize::from(tier.number());
                            view! {
                                <tr data-tier=tier_key(Some(tier))>
                                    <th scope="row"><TierBadge tier/></th>
                                    <td class="number">
                                        <NumberField
                                            label=format!("Cases of tier {} that one person works a month", tier.number())
                                            test=format!("capacity-{}", tier.number())
                                            value=Signal::derive(move || capacity.with(|capacity| capacity.cases.get(place).copied().unwrap_or(0)))
                                            on_change=move |number| change(&|capacity| if let Some(cases) = capacity.cases.get_mut(place) { *cases = number })
                                        />
                                    </td>
                                    <People counted=Signal::derive(move || of(tier)) test=tier.number().to_string()/>
                                </tr>
                            }
                        }).collect_view()}
                    </tbody>
                    <tfoot>
                        <tr>
                            <th scope="row">"All tiers"</th>
                            <td></td>
                            <People counted=sums.into() test="all".to_owned()/>
                        </tr>
                    </tfoot>
                </table>
                <p class="there-are">
                    <label for="people">"People there are"</label>
                    <NumberField
                        id="people"
                        label=String::new()
                        test="people".to_owned()
                        value=Signal::derive(move || capacity.with(|capacity| capacity.people))
                        on_change=move |number| change(&|capacity| capacity.people = number)
                    />
                    <span role="status" data-test="people-verdict">{verdict}</span>
                </p>
                <Queue workbench/>
            </div>
        </section>
    }
}

/// `12.3`, with the thousands grouped.
fn tenths(people: u64) -> String {
    format!("{}.{}", format::count(people / 10), people % 10)
}

#[component]
fn People(counted: Signal<(u64, u64)>, test: String) -> impl IntoView {
    let change = move || {
        let (before, after) = counted.get();
        match before.cmp(&after) {
            std::cmp::Ordering::Equal => "·".to_owned(),
            std::cmp::Ordering::Less => format!("+{} ↑", tenths(after - before)),
            std::cmp::Ordering::Greater => format!("\u{2212}{} ↓", tenths(before - after)),
        }
    };
    view! {
        <td class="number">{move || tenths(counted.get().0)}</td>
        <td class="number strong" data-test=format!("people-after-{test}")>{move || tenths(counted.get().1)}</td>
        <td class="number change">{change}</td>
    }
}

#[component]
fn NumberField(
    #[prop(optional)] id: Option<&'static str>,
    /// Empty where a label stands before it.
    label: String,
    test: String,
    value: Signal<u32>,
    #[prop(into)] on_change: Callback<u32>,
) -> impl IntoView {
    let typed = RwSignal::new(None::<String>);
    let shown = move || typed.get().unwrap_or_else(|| format::count(value.get().into()));
    let on_input = move |text: String| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        on_change.run(if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u32::MAX) });
        typed.set(Some(text));
    };
    view! {
        <input
            id=id
            class="input number"
            inputmode="numeric"
            autocomplete="off"
            maxlength="12"
            aria-label=(!label.is_empty()).then_some(label)
            data-test=test
            prop:value=shown
            on:input:target=move |event| on_input(event.target().value())
            on:blur=move |_| typed.set(None)
        />
    }
}

/// Publishing re-tiers every active judgment: what of it waits, and for how long
#[component]
fn Queue(workbench: Workbench) -> impl IntoView {
    let overview = Remote::new(api::tiers);
    let judgments =
        Memo::new(move |_| workbench.settled.with(|simulation| u64::from(simulation.portfolio().len())));
    let rate = Memo::new(move |_| {
        overview
            .value
            .with(|overview| overview.as_ref().and_then(|overview| overview.refresh.as_ref()).and_then(rate))
    });
    view! {
        <h3>"Re-tiering after publishing"</h3>
        {move || match rate.get() {
            Some(rate) => {
                let left = |seconds: u64| match waiting(judgments.get(), rate, seconds) {
                    0 => "none".to_owned(),
                    some => format::count(some),
                };
                let seconds = (judgments.get() * 1000).div_ceil(rate).max(1);
                view! {
                    <dl class="queue" data-test="queue-after" data-rate=rate.to_string()>
                        <div><dt>"waiting at once"</dt><dd>{format::count(judgments.get())}</dd></div>
                        <div><dt>"after the first hour"</dt><dd>{left(HOUR)}</dd></div>
                        <div><dt>"after the first day"</dt><dd>{left(DAY)}</dd></div>
                    </dl>
                    <p class="muted">{format!("At the {} judgments a second of the last refresh it takes about {}.", format::count(rate / 1000), format::duration(seconds))}</p>
                }
                .into_any()
            }
            None => view! {
                <p class="muted" data-test="queue-unknown">{format!("{} will wait to be re-tiered. How fast is not known: no refresh has ended yet.", format::counted(judgments.get(), "judgment", "judgments"))}</p>
            }
            .into_any(),
        }}
    }
}
