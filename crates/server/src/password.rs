//! Passwords: argon2id with the crate's defaults (version 19, 19 MiB, two passes), which are OWASP's.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{Error, PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use tokio::sync::Semaphore;

use crate::error::ApiError;

const LENGTH_MIN: usize = 12;
/// Hashing the longest must not take noticeably longer than hashing the shortest.
const LENGTH_MAX: usize = 1024;

/// Each hash takes 19 MiB and a processor: more at once would not be ready sooner.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Verified where there is no such user, so that both answers take the same time
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| phc("nobody has this password").ok());

/// Refuses passwords that are too short or too long
pub(crate) fn check_new(password: &str) -> Result<(), ApiError> {
    match password.chars().count() {
        ..LENGTH_MIN => Err(ApiError::invalid("new", format!("shorter than {LENGTH_MIN} characters"))),
        _ if password.len() > LENGTH_MAX => {
            Err(ApiError::invalid("new", format!("longer than {LENGTH_MAX} bytes")))
        }
        _ => Ok(()),
    }
}

/// The PHC string to store
pub(crate) async fn hash(password: String) -> Result<String, ApiError> {
    apart(move || phc(&password)).await?.map_err(ApiError::internal)
}

/// Whether `password` is the one that was hashed; takes as long, and is false, where there is no hash
pub(crate) async fn verify(password: String, stored: Option<String>) -> Result<bool, ApiError> {
    if password.len() > LENGTH_MAX {
        return Ok(false);
    }
    apart(move || {
        let is_known = stored.is_some();
        let Some(expected) = stored.or_else(|| NOBODY.clone()) else {
            return Ok(false);
        };
        match Argon2::default().verify_password(password.as_bytes(), &PasswordHash::new(&expected)?) {
            Ok(()) => Ok(is_known),
            Err(Error::Password) => Ok(false),
            Err(error) => Err(error),
        }
    })
    .await?
    .map_err(ApiError::internal)
}

fn phc(password: &str) -> Result<String, Error> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>())?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt)?.to_string())
}

/// Runs what keeps a processor busy outside of the threads that serve requests
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    let _place = PLACES.acquire().await.map_err(ApiError::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
}
