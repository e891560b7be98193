//! Who is served by whom, found by visitor.

use std::collections::BTreeMap;

use super::VisitorId;

/// A slot that a visitor uses
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) pool: usize,
    pub(super) agent: usize,
    pub(super) fallback: bool,
    pub(super) is_in_call: bool,
    /// The place among all assignments.
    pub(super) sequence: u64,
}

/// The slots of every visitor who has any
///
/// In the order of a digest of the ids: numbers are compared in a fraction of the time that texts take, and nothing
/// depends on the order.
#[derive(Debug, Clone, Default)]
pub(super) struct Visitors(BTreeMap<(u64, VisitorId), Vec<Held>>);

impl Visitors {
    /// The slots of a visitor, one a pool.
    pub(super) fn held(&self, visitor: &VisitorId) -> &[Held] {
        self.0.get(&key(visitor)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn get(&self, visitor: &VisitorId, pool: usize) -> Option<&Held> {
        self.held(visitor).iter().find(|held| held.pool == pool)
    }

    pub(super) fn get_mut(&mut self, visitor: &VisitorId, pool: usize) -> Option<&mut Held> {
        self.0.get_mut(&key(visitor))?.iter_mut().find(|held| held.pool == pool)
    }

    /// Adds a slot in a pool in which the visitor has none.
    pub(super) fn insert(&mut self, visitor: &VisitorId, held: Held) {
        self.0.entry(key(visitor)).or_default().push(held);
    }

    pub(super) fn remove(&mut self, visitor: &VisitorId, pool: usize) -> Option<Held> {
        let key = key(visitor);
        let slots = self.0.get_mut(&key)?;
        let place = slots.iter().position(|held| held.pool == pool)?;
        let held = slots.swap_remove(place);
        if slots.is_empty() {
            self.0.remove(&key);
        }
        Some(held)
    }

    /// Takes all slots of a visitor.
    pub(super) fn take(&mut self, visitor: &VisitorId) -> Vec<Held> {
        self.0.remove(&key(visitor)).unwrap_or_default()
    }

    /// Every visitor with every slot, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&VisitorId, &Held)> {
        self.0.iter().flat_map(|((_, visitor), slots)| slots.iter().map(move |held| (visitor, held)))
    }
}

fn key(visitor: &VisitorId) -> (u64, VisitorId) {
    (digest(visitor.as_str()), visitor.clone())
}

/// Eight bytes at a time, multiplied and folded; equal digests of unequal texts cost time and nothing else
fn digest(text: &str) -> u64 {
    text.as_bytes().chunks(8).fold(text.len() as u64, |digest, chunk| {
        let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let mixed = (digest ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ (mixed >> 29)
    })
}
