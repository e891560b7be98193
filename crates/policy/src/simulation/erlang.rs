//! The formulas of Erlang.

/// The share of arrivals that find all of `slots` in use and are lost, at an offered load in erlangs (Erlang B)
///
/// By the recursion B(0) = 1, B(n) = a·B(n−1) / (n + a·B(n−1)), which loses no digits. It holds for any distribution of
/// handling times (insensitivity: Sevastyanov 1957). 1 for no slots, 0 for no load. Source: A. K. Erlang, *Solution of some
/// problems in the theory of probabilities of significance in automatic telephone exchanges*, 1917.
pub fn erlang_b(slots: u32, erlangs: f64) -> f64 {
    let mut lost = 1.0;
    for slot in 1..=slots {
        let offered = erlangs * lost;
        lost = offered / (f64::from(slot) + offered);
    }
    lost
}

/// The share of arrivals that have to wait, at an offered load in erlangs, with exponential handling times (Erlang C)
///
/// `None` where the load is not below the number of slots: then the waiting list has no end. Source: as [`erlang_b`].
pub fn erlang_c(slots: u32, erlangs: f64) -> Option<f64> {
    let slots_of = f64::from(slots);
    if erlangs >= slots_of {
        return None;
    }
    let lost = erlang_b(slots, erlangs);
    Some(slots_of * lost / (slots_of - erlangs * (1.0 - lost)))
}

/// A waiting list that visitors leave when they lose patience, in the steady state
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErlangA {
    /// The share of arrivals that have to wait.
    pub p_wait: f64,
    /// The share of time in which someone waits.
    pub p_queue: f64,
    /// How many wait, on average.
    pub waiting: f64,
    /// The share of arrivals that leave before they are served.
    pub lost: f64,
}

/// Longer waiting lists than this are not summed over.
const PLACES_MAX: u32 = 10_000_000;

/// Erlang A (M/M/n+M): exponential handling times with mean 1 and exponential patience, in the same unit
///
/// By the balance of flows between neighbouring numbers of visitors, summed until what is left does not count; `None` where that takes
/// more than 10,000,000 places, as it does where nearly everybody waits nearly for ever. Source: C. Palm, *Research on telephone traffic
/// carried by full availability groups*, 1957.
pub fn erlang_a(slots: u32, erlangs: f64, patience_mean: f64) -> Option<ErlangA> {
    let (slots_of, leaving) = (f64::from(slots), 1.0 / patience_mean);
    // Relative to the weight of "all slots in use, nobody waits"; with those below it they sum to 1 / B.
    let (mut full, mut served) = (1.0, 1.0 / erlang_b(slots, erlangs));
    let (mut weight, mut total, mut waiting) = (1.0, 0.0, 0.0);
    for place in 1..=PLACES_MAX {
        let place = f64::from(place);
        weight *= erlangs / (slots_of + place * leaving);
        total += weight;
        waiting += place * weight;
        if weight > 1e150 {
            for sum in [&mut full, &mut served, &mut weight, &mut total, &mut waiting] {
                *sum *= 1e-150;
            }
        }
        // The weights fall from here on, and the next does not count.
        if weight <= 1e-18 * (served + total) && erlangs < slots_of + place * leaving {
            let all = served + total;
            let waiting = waiting / all;
            let lost = if erlangs > 0.0 { waiting * leaving / erlangs } else { 0.0 };
            return Some(ErlangA { p_wait: (full + total) / all, p_queue: total / all, waiting, lost });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f64, expect: f64) {
        assert!((found - expect).abs() < 5e-7, "{found} is not {expect}");
    }

    #[test]
    fn known_values() {
        check(erlang_b(5, 4.0), 0.199_067);
        check(erlang_b(8, 4.0), 0.030_420);
        check(erlang_b(0, 4.0), 1.0);
        check(erlang_b(3, 0.0), 0.0);
        check(erlang_c(10, 8.0).unwrap(), 0.409_180);
        assert_eq!(erlang_c(8, 8.0), None);
        // A group of one slot waits as often as it is busy.
        check(erlang_c(1, 0.7).unwrap(), 0.7);
    }

    #[test]
    fn erlang_a_is_a_number_however_heavy_the_load() {
        // Ten of a thousand erlangs are served.
        let heavy = erlang_a(10, 1000.0, 50.0).unwrap();
        check(heavy.lost, 0.99);
        check(heavy.p_wait, 1.0);
        assert_eq!(erlang_a(1, 1e6, 1e9), None);
    }

    #[test]
    fn erlang_a_lies_between_b_and_c() {
        // Nobody waits any time: all who would wait are lost.
        check(erlang_a(8, 6.0, 1e-9).unwrap().lost, erlang_b(8, 6.0));
        // Everybody waits for ever.
        check(erlang_a(10, 8.0, 1e9).unwrap().p_wait, erlang_c(10, 8.0).unwrap());
        // With patience like handling, the number of visitors is Poisson: M/M/infinity.
        let poisson: f64 =
            (0..3).map(|n| 2.0_f64.powi(n) / [1.0, 1.0, 2.0][n as usize]).sum::<f64>() / 2.0_f64.exp();
        check(erlang_a(3, 2.0, 1.0).unwrap().p_wait, 1.0 - poisson);
    }
}
