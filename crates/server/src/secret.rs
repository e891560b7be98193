//! Random secrets that browsers and scripts hold, and their hashes that we keep.

use db::sessions::TokenHash;
use sha2::{Digest, Sha256};

/// 256 random bits as 64 hexadecimal digits
pub(crate) fn token() -> String {
    hex(&rand::random::<[u8; 32]>())
}

/// 256 random bits for a script to hold, with a name in front that scanners of leaked secrets can look for
pub(crate) fn api_token() -> String {
    format!("dragonfly_{}", token())
}

/// 128 random bits as 32 hexadecimal digits
pub(crate) fn nonce() -> String {
    hex(&rand::random::<[u8; 16]>())
}

/// What is stored of a token: there is nothing to guess in 256 bits, so one round of SHA-256 will do
pub(crate) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
