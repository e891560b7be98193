//! Regions, tiers and examples in the words of the people who own the policy.

use super::Region;
use super::boxes::Along;
use crate::tier::{AssetSignal, AssetSignals, Cents, JudgmentFacts, Score, Tier};

/// `score 75 to 79.99, any balance, 1 asset signal`; signals are named where they matter
pub(super) fn of_region(region: &Region, counted: Option<AssetSignals>) -> String {
    let score = score_range(region).map_or("any score".to_owned(), |(_, range)| format!("score {range}"));
    let balance =
        balance_range(region).map_or("any balance".to_owned(), |(_, range)| format!("balance {range}"));
    let signals = signals(region, counted);
    [Some(score), Some(balance), signals].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `a judgment with a score of 75 to 79.99 and 1 asset signal`; what does not matter is left out, as is `untold`
pub(super) fn of_judgments(region: &Region, counted: Option<AssetSignals>, untold: Option<Along>) -> String {
    let part = |fact: &str, (preposition, range): (&str, String)| format!("a {fact} {preposition}{range}");
    let parts = [
        score_range(region).filter(|_| untold != Some(Along::Score)).map(|range| part("score", range)),
        balance_range(region).filter(|_| untold != Some(Along::Balance)).map(|range| part("balance", range)),
        signals(region, counted).filter(|_| untold != Some(Along::Signals)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "any judgment".to_owned()
    } else {
        format!("a judgment with {}", listed(&parts, "and"))
    }
}

/// `a score of 80, a balance of $15,000 and 1 asset signal`
pub(super) fn of_facts(facts: &JudgmentFacts, counted: AssetSignals) -> String {
    let score = facts.score.unwrap_or(Score::MAX);
    let balance = facts.balance.unwrap_or(Cents::MAX);
    let signals = signal_count(facts.signals.count_of(counted));
    format!("a score of {score}, a balance of ${balance} and {signals}")
}

/// `tier 2 (Active Enforcement)`
pub(super) fn of_tier(tier: Tier) -> String {
    format!("tier {} ({})", tier.number(), tier.label())
}

/// `no asset signal`, `1 asset signal`, `2 asset signals`
pub(super) fn signal_count(count: u8) -> String {
    match count {
        0 => "no asset signal".to_owned(),
        1 => "1 asset signal".to_owned(),
        _ => format!("{count} asset signals"),
    }
}

/// `a`, `a and b`, `a, b and c`
pub(super) fn listed<T: AsRef<str>>(items: &[T], conjunction: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} {conjunction} {}", first.join(", "), last.as_ref())
        }
    }
}

/// The same of at most four; of more, three and how many are left
pub(super) fn listed_some<T: AsRef<str>>(items: &[T]) -> String {
    let mut some: Vec<String> = items.iter().take(4).map(|item| item.as_ref().to_owned()).collect();
    if items.len() > some.len() {
        some.pop();
        some.push(format!("{} more", items.len() - some.len()));
    }
    listed(&some, "and")
}

fn score_range(region: &Region) -> Option<(&'static str, String)> {
    let (min, max) = (region.score_min, region.score_max);
    let next = Score::from_hundredths(max.hundredths() + 1);
    range(min.hundredths() == 0, min, max, next, |score| score.to_string())
}

fn balance_range(region: &Region) -> Option<(&'static str, String)> {
    let (min, max) = (region.balance_min, region.balance_max);
    let next = Cents::from_cents(max.cents() + 1);
    range(min.cents() == 0, min, max, next, |cents| format!("${cents}"))
}

/// A range with the word that joins it to its fact; `None` where it leaves nothing out; `next` is what follows
/// `max`
fn range<T: Copy + Eq>(
    is_from_0: bool,
    min: T,
    max: T,
    next: Option<T>,
    text: impl Fn(T) -> String,
) -> Option<(&'static str, String)> {
    match next {
        _ if min == max => Some(("of ", text(min))),
        Some(next) if is_from_0 => Some(("", format!("below {}", text(next)))),
        Some(_) => Some(("of ", format!("{} to {}", text(min), text(max)))),
        None if is_from_0 => None,
        None => Some(("of ", format!("{} or more", text(min)))),
    }
}

fn signals(region: &Region, counted: Option<AssetSignals>) -> Option<String> {
    if region.set_bits() == u16::MAX {
        return None;
    }
    let Some(counted) = counted else { return Some(signal_cubes(region.set_bits())) };
    let most = counted.count_of(counted);
    Some(match region.signal_counts(counted) {
        (min, max) if min == max => signal_count(min),
        (min, max) if max == most => format!("{min} or more asset signals"),
        (0, 1) => "at most 1 asset signal".to_owned(),
        (0, max) => format!("at most {max} asset signals"),
        (min, max) => format!("{min} to {max} asset signals"),
    })
}

/// Sets of signals by name, for policies that do not count the same ones: `bank name but no vehicle lead`
fn signal_cubes(sets: u16) -> String {
    // A cube says of some signals whether they are there; one that says less stands for more sets.
    let named = (0..=4).flat_map(|size| (0..16_u8).filter(move |named| named.count_ones() == size));
    let cubes: Vec<(u8, u8)> = named
        .flat_map(|named| {
            (0..16_u8).filter(move |present| present & !named == 0).map(move |present| (named, present))
        })
        .collect();
    let sets_of = |(named, present): (u8, u8)| {
        (0..16_u8).filter(|bits| bits & named == present).fold(0_u16, |sets, bits| sets | 1 << bits)
    };
    let mut left = sets;
    let mut names = Vec::new();
    while left != 0 {
        let gain = |cube: &(u8, u8)| (sets_of(*cube) & left).count_ones();
        let within = cubes.iter().filter(|cube| sets_of(**cube) & !sets == 0);
        let Some(best) = within.rev().max_by_key(|cube| gain(cube)).filter(|cube| gain(cube) > 0) else {
            break;
        };
        left &= !sets_of(*best);
        names.push(cube_name(*best));
    }
    listed(&names, "or")
}

fn cube_name((named, present): (u8, u8)) -> String {
    let names = |bits: u8, conjunction: &str| {
        let names: Vec<String> = AssetSignals::from_bits(bits).iter().map(name).collect();
        listed(&names, conjunction)
    };
    let (with, without) = (names(present, "and"), names(named & !present, "or"));
    match (with.is_empty(), without.is_empty()) {
        (_, true) => with,
        (true, false) => format!("no {without}"),
        (false, false) => format!("{with} but no {without}"),
    }
}

fn name(signal: AssetSignal) -> String {
    signal.name().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        score: (&str, &str),
        balance: (&str, &str),
        sets: &[u8],
        counted: Option<u8>,
        expect: [&str; 2],
    ) {
        let region = Region {
            score_min: score.0.parse().unwrap(),
            score_max: score.1.parse().unwrap(),
            balance_min: balance.0.parse().unwrap(),
            balance_max: balance.1.parse().unwrap(),
            signal_sets: sets.to_vec(),
            words: String::new(),
        };
        let counted = counted.map(AssetSignals::from_bits);
        assert_eq!([of_region(&region, counted), of_judgments(&region, counted, None)], expect);
    }

    #[test]
    fn a_region_is_told_by_its_limits() {
        let all: Vec<u8> = (0..16).collect();
        let any = ("0", "999999999999.99");
        check(("0", "100"), any, &all, Some(15), ["any score, any balance", "any judgment"]);
        check(
            ("75", "79.99"),
            any,
            &all,
            None,
            ["score 75 to 79.99, any balance", "a judgment with a score of 75 to 79.99"],
        );
        check(
            ("0", "34.99"),
            ("50000", "999999999999.99"),
            &[1, 2, 4, 8],
            Some(15),
            [
                "score below 35, balance $50,000 or more, 1 asset signal",
                "a judgment with a score below 35, a balance of $50,000 or more and 1 asset signal",
            ],
        );
        check(
            ("80", "100"),
            ("0", "0"),
            &[0, 2, 8, 10],
            Some(5),
            [
                "score 80 or more, balance $0, no asset signal",
                "a judgment with a score of 80 or more, a balance of $0 and no asset signal",
            ],
        );
        check(
            ("99.99", "99.99"),
            ("0", "4999.99"),
            &[0, 1, 2, 4, 8],
            Some(15),
            [
                "score 99.99, balance below $5,000, at most 1 asset signal",
                "a judgment with a score of 99.99, a balance below $5,000 and at most 1 asset signal",
            ],
        );
    }

    #[test]
    fn long_lists_are_cut_short() {
        for (items, expect) in [
            (&["a"][..], "a"),
            (&["a", "b", "c", "d"], "a, b, c and d"),
            (&["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
        ] {
            assert_eq!(listed_some(items), expect);
        }
    }

    #[test]
    fn sets_that_no_number_tells_are_told_by_name() {
        let sets = |holds: fn(u8) -> bool| {
            (0..16_u8).filter(|bits| holds(*bits)).fold(0_u16, |sets, bits| sets | 1 << bits)
        };
        for (sets, expect) in [
            (sets(|bits| bits & 2 != 0), "bank name"),
            (sets(|bits| bits & 9 == 0), "no employer name or vehicle lead"),
            (sets(|bits| bits & 6 == 4), "real property lead but no bank name"),
            (sets(|bits| bits & 3 == 3 || bits & 8 != 0), "vehicle lead or employer name and bank name"),
        ] {
            assert_eq!(signal_cubes(sets), expect);
        }
    }
}
