//! What the draft promises: examples, guardrails and laws, checked after every edit.

use super::icon::{Icon, IconView};
use crate::format;
use crate::state::session::use_session;
use crate::state::studies::Study;
use crate::state::workbench::Workbench;
use contract::Role;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use policy::assertions::{CheckedAssertion, ExpectedTier, Guardrail, Law, PolicyAssertions};
use policy::tier::{AssetSignal, Cents, Score, Tier};

#[component]
pub fn Assertions(workbench: Workbench) -> impl IntoView {
    let session = use_session();
    let Study { answer: checked, is_busy, .. } = workbench.checked;
    let failing = Memo::new(move |_| workbench.broken().len());
    let is_empty =
        Memo::new(move |_| workbench.draft.assertions.with(|all| *all == PolicyAssertions::default()));
    let remove = Callback::new(move |place: String| workbench.draft.assert(|all| take_out(all, &place)));
    view! {
        <section class="panel assertions" aria-labelledby="assertions-title" data-test="assertions" data-failing=move || failing.get().to_string() aria-busy=move || is_busy.get().to_string()>
            <header>
                <h2 id="assertions-title">"Guardrails"</h2>
                <span class="muted" role="status">{move || match (is_empty.get(), failing.get()) {
                    (true, _) => "none yet".to_owned(),
                    (false, 0) => "all hold".to_owned(),
                    (false, n) => format!("{} broken", format::count(n as u64)),
                }}</span>
            </header>
            {move || is_empty.get().then(|| view! {
                <p class="none">"What must stay true whatever is edited: example judgments, limits for the portfolio, laws. They are saved with the policy, and a draft that breaks one is published only with a reason."</p>
            })}
            <ul>{move || checked.get().iter().flat_map(|all| all.iter()).cloned().map(|assertion| view! { <Entry assertion on_remove=remove workbench/> }).collect_view()}</ul>
            {move || session.may(Role::Admin).then(|| view! { <NewAssertion workbench/> })}
        </section>
    }
}

#[component]
fn Entry(assertion: CheckedAssertion, on_remove: Callback<String>, workbench: Workbench) -> impl IntoView {
    let CheckedAssertion { place, words, holds, found, judgment_no } = assertion;
    let label = format!("Remove: {words}");
    let place = StoredValue::new(place);
    view! {
        <li data-holds=holds.to_string() data-test="assertion">
            <IconView icon=if holds { Icon::Check } else { Icon::Alert }/>
            <div>
                <p><span class="visually-hidden">{if holds { "Holds: " } else { "Broken: " }}</span>{words}</p>
                <p class="found">{found}{judgment_no.map(|number| view! {
                    "; the first is "
                    <button type="button" class="link" data-test="assertion-judgment" aria-haspopup="dialog" on:click=move |_| workbench.look_at(number)>{format!("judgment no. {}", format::count(number))}</button>
                })}</p>
            </div>
            <button class="button quiet small icon-only" aria-label=label title="Remove" on:click=move |_| on_remove.run(place.get_value())><IconView icon=Icon::Close/></button>
        </li>
    }
}

/// Removes what stands at a place such as `guardrails[1]`.
fn take_out(assertions: &mut PolicyAssertions, place: &str) {
    let Some((list, number)) = place.strip_suffix(']').and_then(|place| place.split_once('[')) else {
        return;
    };
    let Ok(number) = number.parse::<usize>() else { return };
    fn remove<T>(list: &mut Vec<T>, number: usize) {
        if number < list.len() {
            list.remove(number);
        }
    }
    match list {
        "examples" => remove(&mut assertions.examples, number),
        "guardrails" => remove(&mut assertions.guardrails, number),
        _ => remove(&mut assertions.laws, number),
    }
}

/// The kinds that can be added, as the form names them.
const KINDS: [(&str, &str); 6] = [
    ("lowest_tier", "Lowest tier for large balances"),
    ("tier_at_most", "Most judgments in a tier"),
    ("money_down", "Most money that moves down"),
    ("moved", "Most judgments that change tier"),
    ("example", "An example judgment"),
    ("law", "A law for every judgment"),
];

#[component]
fn NewAssertion(workbench: Workbench) -> impl IntoView {
    let kind = RwSignal::new("lowest_tier".to_owned());
    let [name, tier, amount, score, law] = std::array::from_fn(|_| RwSignal::new(String::new()));
    let assets = RwSignal::new("0".to_owned());
    let error = RwSignal::new(None::<String>);
    let add = move |event: SubmitEvent| {
        event.prevent_default();
        let mut assertions = workbench.draft.assertions.get_untracked();
        let form = Form {
            kind: kind.get_untracked(),
            name: name.get_untracked(),
            tier: tier.get_untracked(),
            amount: amount.get_untracked(),
            score: score.get_untracked(),
            assets: assets.get_untracked(),
            law: law.get_untracked(),
        };
        let added = form.add_to(&mut assertions);
        let outcome = added.and_then(|()| {
            assertions.validate().map_err(|error| format!("The {} {}.", error.field, error.message))
        });
        match outcome {
            Ok(()) => {
                workbench.draft.assert(|all| *all = assertions);
                error.set(None);
                [amount, score, name].into_iter().for_each(|field| field.set(String::new()));
            }
            Err(words) => error.set(Some(words)),
        }
    };
    let is = move |wanted: &'static [&'static str]| move || kind.with(|kind| wanted.contains(&kind.as_str()));
    let text = move |id: &'static str, label: &'static str, value: RwSignal<String>| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <input id=id class="input" data-test=id autocomplete="off" prop:value=move || value.get() on:input:target=move |event| value.set(event.target().value())/>
            </div>
        }
    };
    let needs_amount = is(&["lowest_tier", "tier_at_most", "money_down", "moved", "example"]);
    view! {
        <form on:submit=add data-test="new-assertion">
            <div class="field">
                <label for="assertion-kind">"Add"</label>
                <select id="assertion-kind" class="input" data-test="assertion-kind" prop:value=move || kind.get() on:change:target=move |event| { error.set(None); kind.set(event.target().value()) }>
                    {KINDS.map(|(value, words)| view! { <option value=value>{words}</option> }).collect_view()}
                </select>
            </div>
            <div class="fields">
                {move || is(&["example"])().then(|| text("assertion-name", "Name", name))}
                {move || needs_amount().then(|| {
                    let label = kind.with(|kind| match kind.as_str() {
                        "lowest_tier" => "Balance from",
                        "tier_at_most" => "Judgments at most",
                        "example" => "Balance",
                        _ => "Per cent at most",
                    });
                    text("assertion-amount", label, amount)
                })}
                {move || is(&["example"])().then(|| view! {
                    {text("assertion-score", "Score", score)}
                    <div class="field">
                        <label for="assertion-assets">"Assets"</label>
                        <select id="assertion-assets" class="input" data-test="assertion-assets" prop:value=move || assets.get() on:change:target=move |event| assets.set(event.target().value())>
                            {(0..=4).map(|n| view! { <option value=n.to_string()>{n.to_string()}</option> }).collect_view()}
                        </select>
                    </div>
                })}
                {move || is(&["lowest_tier", "tier_at_most", "example"])().then(|| view! {
                    <div class="field">
                        <label for="assertion-tier">{move || if is(&["lowest_tier"])() { "Gets at least tier" } else { "Tier" }}</label>
                        <select id="assertion-tier" class="input" data-test="assertion-tier" prop:value=move || tier.get() on:change:target=move |event| tier.set(event.target().value())>
                            <option value="">"Choose"</option>
                            {Tier::ALL.map(|tier| view! { <option value=tier.number().to_string()>{format!("{} {}", tier.number(), tier.label())}</option> }).collect_view()}
                        </select>
                    </div>
                })}
                {move || is(&["law"])().then(|| view! {
                    <div class="field">
                        <label for="assertion-law">"Law"</label>
                        <select id="assertion-law" class="input" data-test="assertion-law" prop:value=move || law.get() on:change:target=move |event| law.set(event.target().value())>
                            <option value="">"Choose"</option>
                            {(0..).zip(Law::ALL).map(|(place, law): (usize, Law)| view! { <option value=place.to_string()>{law.words()}</option> }).collect_view()}
                        </select>
                    </div>
                })}
            </div>
            {move || error.get().map(|error| view! { <p class="field-error" role="alert" data-test="assertion-error">{error}</p> })}
            <button type="submit" class="button small" data-test="add-assertion">"Add guardrail"</button>
        </form>
    }
}

/// The form's fields as they were typed
struct Form {
    kind: String,
    name: String,
    tier: String,
    amount: String,
    score: String,
    assets: String,
    law: String,
}

impl Form {
    /// Adds what the form says, or answers what is wrong with it.
    fn add_to(&self, assertions: &mut PolicyAssertions) -> Result<(), String> {
        match self.kind.as_str() {
            "lowest_tier" => assertions.guardrails.push(Guardrail::LowestTier {
                tier: self.tier()?,
                balance_from: Some(self.balance()?),
                score_from: None,
            }),
            "tier_at_most" => assertions.guardrails.push(Guardrail::TierAtMost {
                tier: self.tier()?,
                count: plain(&self.amount)
                    .parse()
                    .map_err(|_| "Say how many judgments, in digits.".to_owned())?,
            }),
            "money_down" => {
                assertions.guardrails.push(Guardrail::MoneyDownAtMost { percent: self.percent()? })
            }
            "moved" => assertions.guardrails.push(Guardrail::MovedAtMost { percent: self.percent()? }),
            "example" => assertions.examples.push(ExpectedTier {
                name: match self.name.trim() {
                    "" => return Err("Give the example a name.".to_owned()),
                    name => name.to_owned(),
                },
                collectability_score: Some(self.score()?),
                balance: Some(self.balance()?),
                signals: AssetSignal::ALL.into_iter().take(self.assets.parse().unwrap_or(0)).collect(),
                tier: self.tier()?,
            }),
            _ => {
                let law = self.law.parse::<usize>().ok().and_then(|place| Law::ALL.get(place).copied());
                assertions.laws.push(law.ok_or("Choose a law.")?);
            }
        }
        Ok(())
    }

    fn tier(&self) -> Result<Tier, String> {
        let number = self.tier.parse::<u8>().map_err(|_| "Choose a tier.".to_owned())?;
        Tier::try_from(number).map_err(|error| error.to_string())
    }

    fn balance(&self) -> Result<Cents, String> {
        plain(&self.amount).parse().map_err(|_| "Give a balance in dollars, such as 50,000.".to_owned())
    }

    fn score(&self) -> Result<Score, String> {
        plain(&self.score).parse().map_err(|_| "Give a score from 0 to 100.".to_owned())
    }

    fn percent<T: std::str::FromStr>(&self) -> Result<T, String> {
        plain(&self.amount)
            .trim_end_matches('%')
            .trim()
            .parse()
            .map_err(|_| "Give a number from 0 to 100.".to_owned())
    }
}

/// Without what people write for readability.
fn plain(text: &str) -> String {
    text.trim().trim_start_matches('$').replace(',', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(kind: &str, amount: &str) -> Form {
        let text = str::to_owned;
        Form {
            kind: text(kind),
            name: text("The bakery"),
            tier: text("1"),
            amount: text(amount),
            score: text("58"),
            assets: text("2"),
            law: text("1"),
        }
    }

    #[test]
    fn every_kind_is_added_as_typed_and_taken_out_again() {
        let mut assertions = PolicyAssertions::default();
        for (kind, amount) in [
            ("lowest_tier", "$50,000"),
            ("tier_at_most", "2,500"),
            ("money_down", "2 %"),
            ("example", "48,220.10"),
            ("law", ""),
        ] {
            form(kind, amount).add_to(&mut assertions).unwrap();
        }
        assertions.validate().unwrap();
        let words: Vec<String> = assertions.guardrails.iter().map(Guardrail::words).collect();
        assert_eq!(
            words,
            [
                "Every judgment of $50,000 or more gets tier 1 or higher",
                "Tier 1 has at most 2,500 judgments",
                "At most 2 % of the money moves to a lower tier",
            ]
        );
        for place in ["guardrails[1]", "guardrails[1]", "guardrails[0]", "examples[0]", "laws[0]"] {
            take_out(&mut assertions, place);
        }
        assert_eq!(assertions, PolicyAssertions::default());
    }

    #[test]
    fn what_was_not_filled_in_is_asked_for() {
        let mut assertions = PolicyAssertions::default();
        for (form, words) in [
            (Form { tier: String::new(), ..form("lowest_tier", "1") }, "Choose a tier."),
            (form("lowest_tier", "much"), "Give a balance in dollars, such as 50,000."),
            (form("moved", ""), "Give a number from 0 to 100."),
            (Form { law: String::new(), ..form("law", "") }, "Choose a law."),
        ] {
            assert_eq!(form.add_to(&mut assertions).unwrap_err(), words);
        }
    }
}
