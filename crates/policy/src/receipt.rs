//! What vouches for a preview: digests of what was previewed and of the code that did it, and every tier shown.
//!
//! The browser sends both with a publish. The server makes its own of the same judgments and refuses where one
//! tier differs; the receipt is kept with the published policy.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::portfolio::{MigrationMatrix, Portfolio};
use crate::tier::{TierPolicy, hex};

/// Digests of a preview; each is a SHA-256 as 64 lower-case hexadecimal digits
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Of the draft: [`TierPolicy::digest`].
    pub policy: String,
    /// Of the code that decided: [`BUILD`](crate::BUILD).
    pub build: String,
    /// Of the facts that it decided on: [`Portfolio::digest`].
    pub snapshot: String,
    /// Of the matrix that was shown; equal for equal numbers, however their decimals are spelled.
    pub matrix: String,
}

impl Receipt {
    /// The receipt of this very code for `matrix`, counted under `policy` over `portfolio`.
    pub fn of(policy: &TierPolicy, portfolio: &Portfolio, matrix: &MigrationMatrix) -> Receipt {
        Receipt {
            policy: policy.digest().as_str().to_owned(),
            build: crate::BUILD.to_owned(),
            snapshot: portfolio.digest(),
            matrix: matrix_digest(matrix),
        }
    }
}

fn matrix_digest(matrix: &MigrationMatrix) -> String {
    let mut digest = Sha256::new();
    for (count, balance) in matrix.counts.as_flattened().iter().zip(matrix.balance.as_flattened()) {
        digest.update(format!("{count} {}\n", balance.normalize()));
    }
    hex(&digest.finalize())
}

/// Why a text holds no tiers of so many judgments
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackedTiersError {
    /// Not as long as the tiers of so many judgments are.
    #[error("{found} characters instead of the {expected} that the tiers of {rows} judgments have")]
    WrongLength {
        /// The text's length.
        found: u64,
        /// The length that it should have.
        expected: u64,
        /// The judgments.
        rows: u32,
    },
    /// Not base64, or bits behind the last judgment.
    #[error("not base64 of two bits a judgment")]
    Malformed,
}

/// Writes tiers in base64, two bits a judgment, the first in the lowest bits; 100,000 take 33,336 characters
///
/// Of each number the two lowest bits count.
pub fn pack_tiers(tiers: &[u8]) -> String {
    let bytes: Vec<u8> =
        tiers.chunks(4).map(|four| four.iter().rev().fold(0, |byte, tier| byte << 2 | tier & 3)).collect();
    BASE64_STANDARD.encode(bytes)
}

/// Reads the tiers of `rows` judgments that [`pack_tiers`] wrote, each 0 to 3
///
/// Refuses before it takes memory for more than `rows`.
pub fn unpack_tiers(text: &str, rows: u32) -> Result<Vec<u8>, PackedTiersError> {
    let expected = u64::from(rows).div_ceil(4).div_ceil(3) * 4;
    if text.len() as u64 != expected {
        return Err(PackedTiersError::WrongLength { found: text.len() as u64, expected, rows });
    }
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| PackedTiersError::Malformed)?;
    let mut tiers: Vec<u8> =
        bytes.iter().flat_map(|byte| [0, 2, 4, 6].map(|shift| byte >> shift & 3)).collect();
    let rows = rows as usize;
    if tiers.len() < rows || tiers.len() - rows > 3 || tiers.iter().skip(rows).any(|tier| *tier != 0) {
        return Err(PackedTiersError::Malformed);
    }
    tiers.truncate(rows);
    Ok(tiers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::TierMigration;
    use crate::sample;

    #[test]
    fn what_is_packed_is_unpacked() {
        for rows in (0..40).chain([4095, 100_000]) {
            let tiers: Vec<u8> = (0..rows).map(|row| (row * 7 / 3 % 4) as u8).collect();
            assert_eq!(unpack_tiers(&pack_tiers(&tiers), rows), Ok(tiers), "{rows}");
        }
        assert_eq!(pack_tiers(&[1, 2, 3, 0, 3]), "OQM=");
        assert_eq!(pack_tiers(&[0; 100_000]).len(), 33_336);
        assert_eq!(pack_tiers(&[0; 1_000_000]).len(), 333_336);
    }

    #[test]
    fn another_number_of_tiers_is_refused() {
        let packed = pack_tiers(&[1; 13]);
        assert_eq!(unpack_tiers(&packed, 13), Ok(vec![1; 13]));
        for rows in [0, 12, 17, 25, u32::MAX] {
            assert!(unpack_tiers(&packed, rows).is_err(), "{rows}");
        }
        assert_eq!(
            unpack_tiers("", 5).unwrap_err().to_string(),
            "0 characters instead of the 4 that the tiers of 5 judgments have"
        );
    }

    #[test]
    fn what_pack_tiers_does_not_write_is_refused() {
        // No base64, no padding, bits behind the last judgment, bits behind the last byte.
        for (text, rows) in [("OQ*=", 5), ("OQMA", 5), ("OQc=", 5), ("OQN=", 5), ("é==", 1)] {
            assert_eq!(unpack_tiers(text, rows), Err(PackedTiersError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_receipt_tells_policies_facts_and_matrices_apart() {
        let portfolio = |seed| Portfolio::from_columns(sample::portfolio_columns(seed, 50)).unwrap();
        let (before, after) = (TierPolicy::revision_1(), TierPolicy::monotone_draft());
        let of = |after: &TierPolicy, portfolio: &Portfolio| {
            let migration = TierMigration::between(&before.compile(), &after.compile(), portfolio);
            Receipt::of(after, portfolio, &migration.matrix())
        };
        let receipt = of(&after, &portfolio(1));
        assert_eq!(receipt, of(&after, &portfolio(1)));
        assert_eq!(receipt.build, crate::BUILD);
        for digest in [&receipt.policy, &receipt.build, &receipt.snapshot, &receipt.matrix] {
            assert_eq!(digest.len(), 64);
            assert!(digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
        }
        assert_ne!(receipt.policy, of(&before, &portfolio(1)).policy);
        assert_ne!(receipt.snapshot, of(&after, &portfolio(2)).snapshot);
        assert_ne!(receipt.matrix, of(&before, &portfolio(1)).matrix);
    }

    #[test]
    fn the_spelling_of_a_balance_does_not_matter() {
        let mut matrix = MigrationMatrix::empty();
        let spelled = matrix_digest(&matrix);
        matrix.balance[0][0].rescale(4);
        assert_eq!(matrix_digest(&matrix), spelled);
        matrix.balance[0][0] = rust_decimal::Decimal::new(1, 2);
        assert_ne!(matrix_digest(&matrix), spelled);
    }
}
