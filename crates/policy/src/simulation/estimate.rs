//! Figures of batches, with their confidence intervals.

use serde::{Serialize, Serializer, ser::SerializeTuple};

use super::engine::Batch;

/// Batches, or replications, that intervals rest on.
pub(super) const BATCHES: u64 = 30;

/// Student's t for a two-sided interval of 99.9 % with 29 degrees of freedom.
const T: f64 = 3.659_405_019_466_333;

/// A figure and the interval that holds the true one with a confidence of 99.9 %
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// From, to; both included.
    #[serde(serialize_with = "pair")]
    pub interval: [f64; 2],
}

pub(super) fn pair<S: Serializer>(interval: &[f64; 2], serializer: S) -> Result<S::Ok, S::Error> {
    let mut tuple = serializer.serialize_tuple(2)?;
    for end in interval {
        tuple.serialize_element(end)?;
    }
    tuple.end()
}

impl Estimate {
    pub(super) const fn certain(value: f64) -> Estimate {
        Estimate { value, interval: [value, value] }
    }

    /// Whether a value is in the interval.
    pub fn covers(&self, value: f64) -> bool {
        let [from, to] = self.interval;
        from <= value && value <= to
    }

    /// Whether the interval leaves zero out: the figure of a difference is then not noise.
    pub fn is_significant(&self) -> bool {
        !self.covers(0.0)
    }

    fn around(value: f64, residuals: impl Iterator<Item = f64>) -> Estimate {
        let batches = BATCHES as f64;
        let squares: f64 = residuals.map(|residual| residual * residual).sum();
        let half = T * (squares / (batches - 1.0) / batches).sqrt();
        Estimate { value, interval: [value - half, value + half] }
    }
}

/// A figure: of each batch what is counted, and of how much
pub(super) type Ratio<'a> = &'a dyn Fn(&Batch) -> (f64, f64);

/// The whole of what is counted over the whole of what it is counted of; what each batch adds to the error of that.
fn linearized(batches: &[Batch], ratio: Ratio<'_>) -> Option<(f64, Vec<f64>)> {
    let pairs: Vec<(f64, f64)> = batches.iter().map(ratio).collect();
    let (counted, of) = pairs.iter().fold((0.0, 0.0), |(x, y), pair| (x + pair.0, y + pair.1));
    if of <= 0.0 {
        return None;
    }
    let value = counted / of;
    let of_mean = of / pairs.len() as f64;
    Some((value, pairs.into_iter().map(|(counted, of)| (counted - value * of) / of_mean).collect()))
}

/// The ratio of all batches; `None` where it is of nothing
pub(super) fn estimate(batches: &[Batch], ratio: Ratio<'_>) -> Option<Estimate> {
    let (value, residuals) = linearized(batches, ratio)?;
    Some(Estimate::around(value, residuals.into_iter()))
}

/// A ratio that is a share of visitors: within 0 to 1, and honest where nothing, or everything, was counted
///
/// Then all batches agree, and the interval is that of the *rule of three*: a share above −ln(0.0005)/n would have shown
/// itself among n visitors with more than 99.95 %.
pub(super) fn share(batches: &[Batch], ratio: Ratio<'_>) -> Option<Estimate> {
    let Estimate { value, interval: [from, to] } = estimate(batches, ratio)?;
    let of: f64 = batches.iter().map(|batch| ratio(batch).1).sum();
    let unseen = (7.6 / of).min(1.0);
    let interval = match value {
        0.0 => [0.0, unseen],
        1.0 => [1.0 - unseen, 1.0],
        _ => [from.max(0.0), to.min(1.0)],
    };
    Some(Estimate { value, interval })
}

/// The second run's ratio less the first's, batch by batch of the same visitors
pub(super) fn difference(first: (&[Batch], Ratio<'_>), second: (&[Batch], Ratio<'_>)) -> Option<Estimate> {
    let (value, residuals) = linearized(first.0, first.1)?;
    let (other, others) = linearized(second.0, second.1)?;
    Some(Estimate::around(other - value, others.into_iter().zip(residuals).map(|(other, one)| other - one)))
}

/// Jain's index of fairness of the occupancies of agents: 1 where all are equally busy, 1/n where one does everything
///
/// (Σx)² / (n·Σx²), with the interval of its linearization. Source: R. Jain, D. Chiu, W. Hawe, *A quantitative measure of fairness
/// and discrimination for resource allocation in shared computer systems*, DEC-TR-301, 1984. 1 where nobody is busy.
pub(super) fn fairness(batches: &[Batch], agents: &[(usize, u32)]) -> Estimate {
    let occupancy = |agent: usize, slots: u32| {
        move |batch: &Batch| {
            let busy = batch.agents.get(agent).map_or(0.0, |tally| tally.busy);
            (busy, f64::from(slots) * batch.time)
        }
    };
    let columns: Vec<(f64, Vec<f64>)> =
        agents.iter().filter_map(|(agent, slots)| linearized(batches, &occupancy(*agent, *slots))).collect();
    let count = columns.len() as f64;
    let sum: f64 = columns.iter().map(|(value, _)| value).sum();
    let squares: f64 = columns.iter().map(|(value, _)| value * value).sum();
    if squares <= 0.0 {
        return Estimate::certain(1.0);
    }
    let value = sum * sum / (count * squares);
    let residuals = (0..batches.len()).map(|batch| {
        let slope = |value: f64| 2.0 * sum / (count * squares) * (1.0 - sum * value / squares);
        columns.iter().map(|(value, residuals)| slope(*value) * residuals.get(batch).unwrap_or(&0.0)).sum()
    });
    let Estimate { interval: [from, to], .. } = Estimate::around(value, residuals);
    Estimate { value, interval: [from.max(1.0 / count), to.min(1.0)] }
}
