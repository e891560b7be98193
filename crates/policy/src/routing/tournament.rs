//! One group of agents, of which the best is known at any time.
//!
//! A winner tree: every seat meets its neighbour, the better of the two meets the winner next to them, and so on up
//! to the root. A change of one seat replays its own matches only, so that the best stays known in O(log n), and
//! the best but one seat is found by looking at the losers on that seat's way up.

use super::AgentId;

/// What the rule compares, the lowest first; ties go to the lowest agent id
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) standing: Standing,
    /// 0 is never assigned.
    pub(crate) order: u64,
}

/// How an agent stands before the order of assignment is asked
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Idle with no load.
    Idle,
    /// Available with this load.
    Loaded(u32),
    Unavailable,
}

/// A member of a group and where it stands
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) agent: usize,
    pub(crate) id: AgentId,
    pub(crate) key: Key,
}

impl Seat {
    pub(crate) fn is_available(&self) -> bool {
        self.key.standing != Standing::Unavailable
    }

    /// Whether this one goes first.
    pub(crate) fn is_before(&self, other: &Seat) -> bool {
        self.key.cmp(&other.key).then_with(|| self.id.cmp(&other.id)).is_lt()
    }
}

/// No seat
const NOBODY: u32 = u32::MAX;

#[derive(Debug, Clone, Default)]
pub(crate) struct Tournament {
    seats: Vec<Seat>,
    /// The winners of all matches, as places in `seats`: 1 is the root, 2n and 2n + 1 play for n, 0 is unused.
    ///
    /// Its length is the power of two that the tree has leaves for; leaf `length + place` is that seat.
    winners: Vec<u32>,
}

impl Tournament {
    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    pub(crate) fn seat(&self, place: usize) -> Option<&Seat> {
        self.seats.get(place)
    }

    /// Adds a seat and answers its place.
    pub(crate) fn push(&mut self, seat: Seat) -> usize {
        let place = self.seats.len();
        self.seats.push(seat);
        if self.seats.len() > self.winners.len() {
            self.rebuild();
        } else {
            self.replay(place);
        }
        place
    }

    /// Takes a seat away; the last seat moves to its place, and the agent who sits there is answered.
    pub(crate) fn remove(&mut self, place: usize) -> Option<usize> {
        if place >= self.seats.len() {
            return None;
        }
        self.seats.swap_remove(place);
        self.replay(self.seats.len());
        self.replay(place);
        self.seats.get(place).map(|seat| seat.agent)
    }

    /// Changes the key of a seat.
    pub(crate) fn update(&mut self, place: usize, change: impl FnOnce(&mut Key)) {
        if let Some(seat) = self.seats.get_mut(place) {
            let before = seat.key;
            change(&mut seat.key);
            if seat.key != before {
                self.replay(place);
            }
        }
    }

    /// The seat that goes first among the available ones, without the one at `except`.
    pub(crate) fn best(&self, except: Option<usize>) -> Option<&Seat> {
        let winner = match except {
            Some(place) if self.winner(1) == place as u32 => self.runner_up(place),
            _ => self.winner(1),
        };
        self.seats.get(winner as usize).filter(|seat| seat.is_available())
    }

    /// The best of those that lost to the seat at `place`, which is the winner.
    fn runner_up(&self, place: usize) -> u32 {
        let mut best = NOBODY;
        let mut node = self.winners.len() + place;
        while node > 1 {
            best = self.better(best, self.winner(node ^ 1));
            node /= 2;
        }
        best
    }

    /// Plays the matches of the seat at `place` again, from the leaf to the root.
    fn replay(&mut self, place: usize) {
        let mut node = (self.winners.len() + place) / 2;
        while node >= 1 {
            let winner = self.better(self.winner(2 * node), self.winner(2 * node + 1));
            let Some(slot) = self.winners.get_mut(node) else { return };
            // A match that the seat neither wins nor has won leaves all above as they are.
            if *slot == winner && winner != place as u32 {
                return;
            }
            *slot = winner;
            node /= 2;
        }
    }

    fn rebuild(&mut self) {
        let leaves = self.seats.len().next_power_of_two().max(2);
        self.winners = vec![NOBODY; leaves];
        for node in (1..leaves).rev() {
            let winner = self.better(self.winner(2 * node), self.winner(2 * node + 1));
            if let Some(slot) = self.winners.get_mut(node) {
                *slot = winner;
            }
        }
    }

    /// The winner at a node of the tree, leaves included.
    fn winner(&self, node: usize) -> u32 {
        match node.checked_sub(self.winners.len()) {
            Some(place) if place < self.seats.len() => place as u32,
            Some(_) => NOBODY,
            None => self.winners.get(node).copied().unwrap_or(NOBODY),
        }
    }

    fn better(&self, a: u32, b: u32) -> u32 {
        match (self.seats.get(a as usize), self.seats.get(b as usize)) {
            (Some(left), Some(right)) if right.is_before(left) => b,
            (Some(_), _) => a,
            (None, _) => b,
        }
    }
}
