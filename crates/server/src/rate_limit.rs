//! Slows down those who guess: failed attempts are counted for each e-mail and each address, in memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Attempts are forgotten this long after the first of them.
const WINDOW: Duration = Duration::from_secs(15 * 60);
const PER_EMAIL: u32 = 10;
/// A whole office may share an address.
const PER_ADDRESS: u32 = 60;
/// Windows that have ended are swept away once there are this many.
const WINDOWS_MAX: usize = 10_000;

/// Counts attempts to come in
#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    windows: Mutex<HashMap<Key, Window>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Email(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    attempts: u32,
}

impl RateLimiter {
    /// Counts an attempt before it is made; refused attempts count no further. Err says how long to wait
    pub(crate) fn begin(&self, email: Option<&str>, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= WINDOWS_MAX {
            windows.retain(|_, window| now.duration_since(window.began) < WINDOW);
        }
        let keys = keys(email, address);
        for key in &keys {
            let limit = if matches!(key, Key::Email(_)) { PER_EMAIL } else { PER_ADDRESS };
            if let Some(window) = windows.get(key) {
                let age = now.duration_since(window.began);
                if age < WINDOW && window.attempts >= limit {
                    return Err(WINDOW - age);
                }
            }
        }
        for key in keys {
            let window = windows.entry(key).or_insert(Window { began: now, attempts: 0 });
            if now.duration_since(window.began) >= WINDOW {
                *window = Window { began: now, attempts: 0 };
            }
            window.attempts += 1;
        }
        Ok(())
    }

    /// Takes back what was counted for an attempt that succeeded, and all that was counted for its e-mail
    pub(crate) fn succeed(&self, email: Option<&str>, address: IpAddr) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(email, address) {
            match key {
                Key::Email(_) => drop(windows.remove(&key)),
                Key::Address(_) => {
                    if let Some(window) = windows.get_mut(&key) {
                        window.attempts = window.attempts.saturating_sub(1);
                    }
                }
            }
        }
    }
}

fn keys(email: Option<&str>, address: IpAddr) -> Vec<Key> {
    let email = email.map(|email| Key::Email(email.trim().to_lowercase().chars().take(320).collect()));
    email.into_iter().chain([Key::Address(network(address))]).collect()
}

/// Whoever has one IPv6 address has the whole /64
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_email_is_limited_until_its_window_ends() {
        let limiter = RateLimiter::default();
        let now = Instant::now();
        for _ in 0..PER_EMAIL {
            assert_eq!(limiter.begin(Some("a@example.com"), HERE, now), Ok(()));
        }
        assert_eq!(limiter.begin(Some(" A@example.com"), HERE, now), Err(WINDOW));
        assert_eq!(limiter.begin(Some("b@example.com"), HERE, now), Ok(()));
        assert_eq!(limiter.begin(Some("a@example.com"), HERE, now + WINDOW), Ok(()));
    }

    #[test]
    fn an_address_is_limited_whatever_the_emails() {
        let limiter = RateLimiter::default();
        let now = Instant::now();
        for n in 0..PER_ADDRESS {
            assert_eq!(limiter.begin(Some(&format!("{n}@example.com")), HERE, now), Ok(()));
        }
        assert!(limiter.begin(Some("new@example.com"), HERE, now).is_err());
        assert!(limiter.begin(None, HERE, now).is_err());
    }

    #[test]
    fn success_forgives() {
        let limiter = RateLimiter::default();
        let now = Instant::now();
        for _ in 0..10 * PER_ADDRESS {
            assert_eq!(limiter.begin(Some("a@example.com"), HERE, now), Ok(()));
            limiter.succeed(Some("a@example.com"), HERE);
        }
    }

    #[test]
    fn neighbours_in_an_ipv6_network_count_as_one() {
        let [first, second, other] = ["2001:db8::1", "2001:db8::2:1", "2001:db8:0:1::1"]
            .map(|text| network(text.parse().expect("an address")));
        assert_eq!(first, second);
        assert_ne!(first, other);
        assert_eq!(network("::ffff:127.0.0.1".parse().expect("an address")), HERE);
    }
}
