//! Portfolios as bytes: small before compression, smaller after it.
//!
//! Little-endian: the magic `DFP1`, the number of rows as `u32`, then column after column: the differences
//! of `judgment_no` (the first from 0) as LEB128, the two byte planes of the scores, the six of the balances
//! in cents, the bits, the stored tiers, the overrides. A byte plane has the same byte of every row side by
//! side, which compressors like.

use super::{Portfolio, PortfolioColumns, PortfolioError};

const MAGIC: &[u8; 4] = b"DFP1";
const SCORE_BYTES: usize = 2;
const BALANCE_BYTES: usize = 6;
/// At least one byte for the number, then score, balance, bits and two tiers.
const ROW_BYTES_MIN: usize = 1 + SCORE_BYTES + BALANCE_BYTES + 3;

impl Portfolio {
    /// Writes the portfolio; [`decode`](Self::decode) reads it back.
    pub fn encode(&self) -> Vec<u8> {
        let columns = self.columns();
        let rows = columns.judgment_no.len();
        let mut bytes = Vec::with_capacity(8 + rows * (ROW_BYTES_MIN + 1));
        bytes.extend(MAGIC);
        bytes.extend(self.len().to_le_bytes());
        let mut last = 0;
        for number in &columns.judgment_no {
            push_leb128(&mut bytes, number - last);
            last = *number;
        }
        for plane in 0..SCORE_BYTES {
            bytes.extend(columns.score.iter().map(|score| (score >> (8 * plane)) as u8));
        }
        for plane in 0..BALANCE_BYTES {
            bytes.extend(columns.balance_cents.iter().map(|cents| (cents >> (8 * plane)) as u8));
        }
        bytes.extend(&columns.bits);
        bytes.extend(&columns.stored_tier);
        bytes.extend(&columns.override_tier);
        bytes
    }

    /// Reads what [`encode`](Self::encode) writes and checks it like any other columns
    ///
    /// Never takes more memory than a small multiple of `bytes`, whatever they claim.
    pub fn decode(bytes: &[u8]) -> Result<Portfolio, PortfolioError> {
        let rest =
            bytes.strip_prefix(MAGIC).ok_or(PortfolioError::Malformed("it does not begin with DFP1"))?;
        let (rows, mut rest) = rest.split_first_chunk().ok_or(TRUNCATED)?;
        let rows = u32::from_le_bytes(*rows) as usize;
        if rest.len() / ROW_BYTES_MIN < rows {
            return Err(TRUNCATED);
        }
        let mut judgment_no = Vec::with_capacity(rows);
        let mut last = 0_u64;
        for _ in 0..rows {
            last = last
                .checked_add(take_leb128(&mut rest)?)
                .ok_or(PortfolioError::Malformed("a judgment number overflows"))?;
            judgment_no.push(last);
        }
        let mut score = vec![0_u16; rows];
        for plane in 0..SCORE_BYTES {
            for (score, byte) in score.iter_mut().zip(take(&mut rest, rows)?) {
                *score |= u16::from(*byte) << (8 * plane);
            }
        }
        let mut balance_cents = vec![0_i64; rows];
        for plane in 0..BALANCE_BYTES {
            for (cents, byte) in balance_cents.iter_mut().zip(take(&mut rest, rows)?) {
                *cents |= i64::from(*byte) << (8 * plane);
            }
        }
        let bits = take(&mut rest, rows)?.to_vec();
        let stored_tier = take(&mut rest, rows)?.to_vec();
        let override_tier = take(&mut rest, rows)?.to_vec();
        if !rest.is_empty() {
            return Err(PortfolioError::Malformed("bytes are left over"));
        }
        Portfolio::from_columns(PortfolioColumns {
            judgment_no,
            score,
            balance_cents,
            bits,
            stored_tier,
            override_tier,
        })
    }
}

const TRUNCATED: PortfolioError = PortfolioError::Malformed("it is cut short");

fn push_leb128(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_leb128(bytes: &mut &[u8]) -> Result<u64, PortfolioError> {
    let mut number = 0;
    // Nine groups of seven bits are more than any judgment number has.
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(TRUNCATED)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(PortfolioError::Malformed("a judgment number is too long"))
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], PortfolioError> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(TRUNCATED)?;
    *bytes = rest;
    Ok(taken)
}
