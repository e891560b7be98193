//! How long things take.

use serde::{Deserialize, Serialize};

use super::dice::Dice;
use crate::routing::RoutingError;
use crate::tier::only_objects;

/// A distribution of durations, in the scenario's unit of time
///
/// In JSON `{"kind": "exponential", "mean": 1.0}`; `hyperexponential` and `lognormal` have a squared coefficient of variation `scv`
/// too, 4 and 1 where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Distribution {
    /// Without memory.
    Exponential {
        /// Its mean.
        mean: f64,
    },
    /// Always the same.
    Constant {
        /// Its value.
        mean: f64,
    },
    /// A mixture of two exponentials with balanced means, each of which makes up half of the total time.
    Hyperexponential {
        /// Its mean.
        mean: f64,
        /// Variance over squared mean, 1 or more.
        scv: f64,
    },
    /// Whose logarithm is normal.
    Lognormal {
        /// Its mean, not that of the logarithm.
        mean: f64,
        /// Variance over squared mean, more than 0.
        scv: f64,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Exponential,
    Constant,
    Hyperexponential,
    Lognormal,
}

/// A distribution as it is written
#[derive(Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct DistributionDocument {
    kind: Kind,
    mean: f64,
    #[serde(default, alias = "cv2")]
    scv: Option<f64>,
}

only_objects!(DistributionDocument, "a distribution");

impl DistributionDocument {
    pub(super) fn check(&self, path: &str) -> Result<Distribution, RoutingError> {
        let refused = |field: &str, message: &str| Err(RoutingError::new(format!("{path}.{field}"), message));
        let mean = self.mean;
        if !(mean > 0.0 && mean <= 1e9) {
            return refused("mean", "is not a number above 0 and at most 1000000000");
        }
        let scv = |missing: f64| self.scv.unwrap_or(missing);
        match self.kind {
            Kind::Exponential | Kind::Constant if self.scv.is_some() => {
                refused("scv", "does not apply to this kind")
            }
            Kind::Exponential => Ok(Distribution::Exponential { mean }),
            Kind::Constant => Ok(Distribution::Constant { mean }),
            Kind::Hyperexponential if !(1.0..=1e4).contains(&scv(4.0)) => refused("scv", "is not 1 to 10000"),
            Kind::Hyperexponential => Ok(Distribution::Hyperexponential { mean, scv: scv(4.0) }),
            Kind::Lognormal if !(1e-6..=1e4).contains(&scv(1.0)) => {
                refused("scv", "is not 0.000001 to 10000")
            }
            Kind::Lognormal => Ok(Distribution::Lognormal { mean, scv: scv(1.0) }),
        }
    }
}

impl Distribution {
    /// The mean.
    pub const fn mean(&self) -> f64 {
        match *self {
            Distribution::Exponential { mean }
            | Distribution::Constant { mean }
            | Distribution::Hyperexponential { mean, .. }
            | Distribution::Lognormal { mean, .. } => mean,
        }
    }

    /// One duration; each kind takes the same number of random numbers for every duration.
    pub(super) fn draw(&self, dice: &mut Dice) -> f64 {
        match *self {
            Distribution::Exponential { mean } => mean * dice.exponential(),
            Distribution::Constant { mean } => mean,
            Distribution::Hyperexponential { mean, scv } => {
                let first = 0.5 * (1.0 + ((scv - 1.0) / (scv + 1.0)).sqrt());
                let share = if dice.uniform() < first { first } else { 1.0 - first };
                mean / (2.0 * share) * dice.exponential()
            }
            Distribution::Lognormal { mean, scv } => {
                let variance = libm::log1p(scv);
                mean * libm::exp(variance.sqrt() * dice.normal() - 0.5 * variance)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_mean_and_the_variation_that_were_asked_for() {
        let kinds = [
            (Distribution::Exponential { mean: 2.0 }, 1.0),
            (Distribution::Constant { mean: 2.0 }, 0.0),
            (Distribution::Hyperexponential { mean: 2.0, scv: 3.0 }, 3.0),
            (Distribution::Lognormal { mean: 2.0, scv: 0.5 }, 0.5),
        ];
        for (distribution, scv) in kinds {
            let mut dice = Dice::new(7, 1);
            let draws: Vec<f64> = (0..200_000).map(|_| distribution.draw(&mut dice)).collect();
            let mean = draws.iter().sum::<f64>() / 2e5;
            let variance = draws.iter().map(|draw| (draw - mean) * (draw - mean)).sum::<f64>() / 2e5;
            assert!((mean - 2.0).abs() < 0.03, "{distribution:?} {mean}");
            assert!((variance / 4.0 - scv).abs() < 0.12, "{distribution:?} {variance}");
        }
    }
}
