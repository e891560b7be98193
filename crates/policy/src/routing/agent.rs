//! What the rule asks of an agent besides the load: status and rank.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What an agent is doing
///
/// `idle` and `in_simulation` can take a lead while below capacity; the others cannot. The router never changes
/// a status itself: an assignment adds to the load and leaves the status as the host has set it.
///
/// `in_simulation` means at work with a visitor short of a call. Such an agent is never *idle with no load*, even
/// with no load (the visitor has just left, or is not one of the router's), so that it competes as a loaded agent
/// with load 0: behind every idle agent without load, before every agent with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// Waiting for a lead. With slots in use it takes more leads as any loaded agent does.
    Idle,
    /// With visitors, short of a call; takes leads while below capacity.
    InSimulation,
    /// In a call: takes no lead, and its visitors stay with it.
    InCall,
    /// Takes no lead.
    Away,
    /// Not connected; takes no lead.
    Offline,
}

impl AgentStatus {
    /// Every status.
    pub const ALL: [AgentStatus; 5] = [
        AgentStatus::Idle,
        AgentStatus::InSimulation,
        AgentStatus::InCall,
        AgentStatus::Away,
        AgentStatus::Offline,
    ];

    /// Whether an agent of this status takes leads while below capacity.
    pub const fn takes_leads(self) -> bool {
        matches!(self, AgentStatus::Idle | AgentStatus::InSimulation)
    }

    /// `idle`, `in_simulation`, `in_call`, `away` or `offline`.
    pub const fn as_str(self) -> &'static str {
        match self {
            AgentStatus::Idle => "idle",
            AgentStatus::InSimulation => "in_simulation",
            AgentStatus::InCall => "in_call",
            AgentStatus::Away => "away",
            AgentStatus::Offline => "offline",
        }
    }
}

impl fmt::Display for AgentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The rank of a member in its pool, 1 (served first) to 99
///
/// Ranks compare as numbers. In JSON a whole number; missing or null is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriorityRank(u8);

impl PriorityRank {
    /// Rank 1, and what a missing rank is.
    pub const PRIMARY: PriorityRank = PriorityRank(1);

    /// Rank 99.
    pub const LAST: PriorityRank = PriorityRank(99);

    /// Takes 1 to 99.
    pub const fn new(rank: u8) -> Option<PriorityRank> {
        if rank >= 1 && rank <= 99 { Some(PriorityRank(rank)) } else { None }
    }

    /// 1 to 99.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The name that people see: Primary, Standard, Backup, then by number.
    pub fn label(self) -> String {
        match self.0 {
            1 => "Primary".to_owned(),
            2 => "Standard".to_owned(),
            3 => "Backup".to_owned(),
            rank => format!("Rank {rank}"),
        }
    }
}

impl Default for PriorityRank {
    fn default() -> PriorityRank {
        PriorityRank::PRIMARY
    }
}

impl fmt::Display for PriorityRank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for PriorityRank {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for PriorityRank {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PriorityRank, D::Error> {
        struct Rank;

        fn refused<E: de::Error>(value: impl fmt::Display) -> E {
            E::custom(format_args!("`{value}` is not a whole number from 1 to 99"))
        }

        impl de::Visitor<'_> for Rank {
            type Value = PriorityRank;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 1 to 99")
            }

            fn visit_u64<E: de::Error>(self, rank: u64) -> Result<PriorityRank, E> {
                u8::try_from(rank).ok().and_then(PriorityRank::new).ok_or_else(|| refused(rank))
            }

            fn visit_i64<E: de::Error>(self, rank: i64) -> Result<PriorityRank, E> {
                u8::try_from(rank).ok().and_then(PriorityRank::new).ok_or_else(|| refused(rank))
            }

            fn visit_f64<E: de::Error>(self, rank: f64) -> Result<PriorityRank, E> {
                // A host whose numbers are all floats writes 2 as 2.0.
                (1..=99)
                    .find(|whole| f64::from(*whole) == rank)
                    .and_then(PriorityRank::new)
                    .ok_or_else(|| refused(rank))
            }

            fn visit_str<E: de::Error>(self, rank: &str) -> Result<PriorityRank, E> {
                Err(refused(rank.chars().take(20).collect::<String>()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<PriorityRank, E> {
                Ok(PriorityRank::PRIMARY)
            }
        }
        deserializer.deserialize_any(Rank)
    }
}
