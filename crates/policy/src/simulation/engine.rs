//! Event by event through one pool.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use super::dice::Dice;
use super::scenario::{Arrivals, Scenario};
use crate::routing::PriorityRank;
use crate::routing::tournament::{Key, Seat, Standing, Tournament};

/// How long a run is, and where one batch of it ends and the next begins
#[derive(Debug, Clone)]
pub(super) enum Run<'a> {
    /// So many batches of so many arrivals.
    Arrivals { batches: u64, each: u64 },
    /// From a time on, with a batch from each of these times to the next; nobody arrives after the last.
    Times { from: f64, cuts: &'a [f64] },
}

/// What happened in one batch; what becomes of a visitor counts where it arrived
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Batch {
    pub(super) arrivals: u64,
    pub(super) time: f64,
    /// Not served, for want of a slot or of patience.
    pub(super) lost: u64,
    /// Cut off, because the agent went away and nobody could take over.
    pub(super) cut_off: u64,
    pub(super) waited: u64,
    pub(super) wait: f64,
    pub(super) within: u64,
    pub(super) groups: Vec<GroupTally>,
    pub(super) agents: Vec<AgentTally>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct GroupTally {
    pub(super) served: u64,
    /// Arrivals that found this group and all before it without a free slot.
    pub(super) overflow: u64,
    /// Slots in use, times time.
    pub(super) busy: f64,
    /// Most slots in use at a time.
    pub(super) peak: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct AgentTally {
    pub(super) served: u64,
    pub(super) busy: f64,
}

#[derive(Debug, Clone, Copy)]
struct Agent {
    group: usize,
    seat: usize,
    slots: u32,
    pace: f64,
    load: u32,
    /// How many absences keep the agent away.
    away: u32,
    /// Up to when `busy` is counted.
    counted: f64,
}

/// A visitor in service
#[derive(Debug, Clone, Copy)]
struct Service {
    agent: usize,
    /// Departures of earlier uses of this place have another number.
    use_number: u32,
    is_on: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Departure {
    at: f64,
    service: usize,
    use_number: u32,
}

impl Eq for Departure {}

impl Ord for Departure {
    fn cmp(&self, other: &Departure) -> Ordering {
        self.at.total_cmp(&other.at).then_with(|| self.service.cmp(&other.service))
    }
}

impl PartialOrd for Departure {
    fn partial_cmp(&self, other: &Departure) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct Waiting {
    since: f64,
    until: f64,
    work: f64,
    batch: usize,
}

struct Absence {
    at: f64,
    agent: usize,
    is_leaving: bool,
}

pub(super) struct Engine<'a> {
    scenario: &'a Scenario,
    agents: Vec<Agent>,
    groups: Vec<Tournament>,
    group_loads: Vec<u32>,
    services: Vec<Service>,
    unused: Vec<usize>,
    departures: BinaryHeap<Reverse<Departure>>,
    waiting: VecDeque<Waiting>,
    absences: VecDeque<Absence>,
    /// How many were assigned so far.
    assigned: u64,
    batches: Vec<Batch>,
    batch_since: f64,
    gaps: Dice,
    works: Dice,
    patiences: Dice,
}

/// Runs a scenario once; `replication` chooses the random numbers.
pub(super) fn run(scenario: &Scenario, replication: u64, length: &Run<'_>) -> Vec<Batch> {
    Engine::new(scenario, replication).run(length)
}

impl<'a> Engine<'a> {
    fn new(scenario: &'a Scenario, replication: u64) -> Engine<'a> {
        let mut groups: Vec<Tournament> = Vec::new();
        let mut agents = Vec::with_capacity(scenario.members.len());
        let mut rank: Option<PriorityRank> = None;
        for (number, member) in scenario.members.iter().enumerate() {
            if rank != Some(member.rank) {
                groups.push(Tournament::default());
                rank = Some(member.rank);
            }
            let Some(group) = groups.len().checked_sub(1) else { continue };
            let key = Key { standing: Standing::Idle, order: 0 };
            let seat = Seat { agent: number, id: member.id.clone(), key };
            let seat = groups.get_mut(group).map_or(0, |group| group.push(seat));
            let (slots, pace) = (member.slots, member.pace);
            agents.push(Agent { group, seat, slots, pace, load: 0, away: 0, counted: 0.0 });
        }
        let mut absences = Vec::new();
        for away in &scenario.away {
            for (agent, _) in
                scenario.members.iter().enumerate().filter(|(_, member)| away.agents.contains(&member.id))
            {
                absences.push(Absence { at: away.from, agent, is_leaving: true });
                absences.push(Absence { at: away.until, agent, is_leaving: false });
            }
        }
        absences.sort_by(|a, b| a.at.total_cmp(&b.at).then_with(|| a.agent.cmp(&b.agent)));
        let dice = |stream: u64| Dice::new(scenario.seed, 8 * replication + stream);
        Engine {
            scenario,
            group_loads: vec![0; groups.len()],
            agents,
            groups,
            services: Vec::new(),
            unused: Vec::new(),
            departures: BinaryHeap::new(),
            waiting: VecDeque::new(),
            absences: absences.into(),
            assigned: 0,
            batches: Vec::new(),
            batch_since: 0.0,
            gaps: dice(1),
            works: dice(2),
            patiences: dice(3),
        }
    }

    fn run(mut self, length: &Run<'_>) -> Vec<Batch> {
        match length {
            Run::Arrivals { batches, each } => {
                self.begin(0.0);
                let mut now = 0.0;
                for batch in 0..*batches {
                    for _ in 0..*each {
                        now = self.next_arrival(now);
                        self.advance(now);
                        self.arrive(now);
                    }
                    if batch + 1 < *batches {
                        self.cut(now);
                    }
                }
                self.count_busy(now);
            }
            Run::Times { from, cuts } => {
                self.begin(*from);
                let mut next = self.next_arrival(*from);
                for (number, cut) in cuts.iter().enumerate() {
                    while next < *cut {
                        self.advance(next);
                        self.arrive(next);
                        next = self.next_arrival(next);
                    }
                    self.advance(*cut);
                    if number + 1 < cuts.len() {
                        self.cut(*cut);
                    } else {
                        self.count_busy(*cut);
                    }
                }
            }
        }
        let counted: Vec<Batch> = self.batches.clone();
        // Who still waits is served, or loses patience, after the end; busy time is counted no more.
        while !self.waiting.is_empty() {
            let next = self.departures.peek().map(|departure| departure.0.at);
            let next =
                next.into_iter().chain(self.absences.front().map(|absence| absence.at)).reduce(f64::min);
            match next {
                Some(next) => self.advance(next),
                None => self.give_up(),
            }
        }
        let mut batches = self.batches;
        for (batch, counted) in batches.iter_mut().zip(counted) {
            for (group, counted) in batch.groups.iter_mut().zip(counted.groups) {
                (group.busy, group.peak) = (counted.busy, counted.peak);
            }
            for (agent, counted) in batch.agents.iter_mut().zip(counted.agents) {
                agent.busy = counted.busy;
            }
            batch.cut_off = counted.cut_off;
        }
        batches
    }

    fn begin(&mut self, now: f64) {
        self.batches.push(self.empty_batch());
        self.batch_since = now;
        for agent in &mut self.agents {
            agent.counted = now;
        }
    }

    fn empty_batch(&self) -> Batch {
        let groups = self.group_loads.iter().map(|load| GroupTally { peak: *load, ..GroupTally::default() });
        Batch {
            groups: groups.collect(),
            agents: vec![AgentTally::default(); self.agents.len()],
            ..Batch::default()
        }
    }

    /// Ends the batch and begins the next.
    fn cut(&mut self, now: f64) {
        self.count_busy(now);
        let next = self.empty_batch();
        self.batches.push(next);
        self.batch_since = now;
    }

    /// Brings the batch's times up to now.
    fn count_busy(&mut self, now: f64) {
        for agent in 0..self.agents.len() {
            self.count(agent, now);
        }
        let since = self.batch_since;
        if let Some(batch) = self.batches.last_mut() {
            batch.time = now - since;
        }
    }

    fn count(&mut self, agent: usize, now: f64) {
        let Some((of, batch)) = self.agents.get_mut(agent).zip(self.batches.last_mut()) else { return };
        let busy = f64::from(of.load) * (now - of.counted);
        of.counted = now;
        if let Some(tally) = batch.agents.get_mut(agent) {
            tally.busy += busy;
        }
        if let Some(tally) = batch.groups.get_mut(of.group) {
            tally.busy += busy;
        }
    }

    fn next_arrival(&mut self, now: f64) -> f64 {
        let mut gap = self.gaps.exponential();
        let rates = match &self.scenario.arrivals {
            Arrivals::Constant(rate) => return now + gap / rate,
            Arrivals::ByHour(rates) => rates,
        };
        // Thinned of nothing: the gap is used up hour by hour, at the rate of each.
        let mut at = now;
        loop {
            let hour = at.floor();
            let rate = rates.get((hour.max(0.0) as usize) % rates.len().max(1)).copied().unwrap_or(0.0);
            let left = (hour + 1.0 - at) * rate;
            if gap < left {
                return at + gap / rate;
            }
            gap -= left;
            at = hour + 1.0;
        }
    }

    /// Lets everything happen that happens up to `now`.
    fn advance(&mut self, now: f64) {
        loop {
            let departs = self.departures.peek().map_or(f64::INFINITY, |departure| departure.0.at);
            let changes = self.absences.front().map_or(f64::INFINITY, |absence| absence.at);
            if departs.min(changes) > now {
                return;
            }
            if departs <= changes {
                if let Some(Reverse(departure)) = self.departures.pop() {
                    self.depart(departure);
                }
            } else if let Some(absence) = self.absences.pop_front() {
                self.change(&absence);
            }
        }
    }

    fn arrive(&mut self, now: f64) {
        let work = self.scenario.handling.draw(&mut self.works);
        let patience = self.scenario.patience.map(|patience| patience.draw(&mut self.patiences));
        let batch = self.batches.len().saturating_sub(1);
        let chosen = self.choose(None);
        if let Some(tally) = self.batches.last_mut() {
            tally.arrivals += 1;
            let refusing =
                chosen.and_then(|agent| self.agents.get(agent)).map_or(usize::MAX, |agent| agent.group);
            for group in tally.groups.iter_mut().take(refusing) {
                group.overflow += 1;
            }
            match chosen {
                Some(_) => tally.within += 1,
                None if self.scenario.waiting => tally.waited += 1,
                None => tally.lost += 1,
            }
        }
        match chosen {
            Some(agent) => self.serve(agent, batch, work, now),
            None if self.scenario.waiting => {
                let until = patience.map_or(f64::INFINITY, |patience| now + patience);
                self.waiting.push_back(Waiting { since: now, until, work, batch });
            }
            None => {}
        }
    }

    /// The agent of the first group that has anyone available.
    fn choose(&self, except: Option<usize>) -> Option<usize> {
        let except = except.and_then(|agent| self.agents.get(agent));
        self.groups.iter().enumerate().find_map(|(number, group)| {
            let except = except.filter(|agent| agent.group == number).map(|agent| agent.seat);
            group.best(except).map(|seat| seat.agent)
        })
    }

    fn serve(&mut self, agent: usize, batch: usize, work: f64, now: f64) {
        let Some(of) = self.agents.get(agent) else { return };
        let (at, group) = (now + work * of.pace, of.group);
        let service = match self.unused.pop() {
            Some(service) => service,
            None => {
                self.services.push(Service { agent, use_number: 0, is_on: false });
                self.services.len() - 1
            }
        };
        let Some(place) = self.services.get_mut(service) else { return };
        let use_number = place.use_number.wrapping_add(1);
        *place = Service { agent, use_number, is_on: true };
        self.departures.push(Reverse(Departure { at, service, use_number }));
        if let Some(batch) = self.batches.get_mut(batch) {
            if let Some(tally) = batch.agents.get_mut(agent) {
                tally.served += 1;
            }
            if let Some(tally) = batch.groups.get_mut(group) {
                tally.served += 1;
            }
        }
        self.occupy(agent, now);
    }

    /// Takes a slot.
    fn occupy(&mut self, agent: usize, now: f64) {
        self.count(agent, now);
        self.assigned += 1;
        let order = self.assigned;
        let Some(of) = self.agents.get_mut(agent) else { return };
        of.load += 1;
        let group = of.group;
        if let Some(load) = self.group_loads.get_mut(group) {
            *load += 1;
            let tally = self.batches.last_mut().and_then(|batch| batch.groups.get_mut(group));
            if let Some(tally) = tally {
                tally.peak = tally.peak.max(*load);
            }
        }
        self.refresh(agent, Some(order));
    }

    /// Frees a slot.
    fn free(&mut self, agent: usize, now: f64) {
        self.count(agent, now);
        let Some(of) = self.agents.get_mut(agent) else { return };
        of.load = of.load.saturating_sub(1);
        if let Some(load) = self.group_loads.get_mut(of.group) {
            *load = load.saturating_sub(1);
        }
        self.refresh(agent, None);
    }

    fn refresh(&mut self, agent: usize, order: Option<u64>) {
        let Some(of) = self.agents.get(agent) else { return };
        let standing = match of.load {
            load if load >= of.slots || of.away > 0 => Standing::Unavailable,
            0 => Standing::Idle,
            load => Standing::Loaded(load),
        };
        if let Some(group) = self.groups.get_mut(of.group) {
            group.update(of.seat, |key| {
                key.standing = standing;
                key.order = order.unwrap_or(key.order);
            });
        }
    }

    fn depart(&mut self, departure: Departure) {
        let Some(service) = self.services.get_mut(departure.service) else { return };
        if !service.is_on || service.use_number != departure.use_number {
            return;
        }
        service.is_on = false;
        let agent = service.agent;
        self.unused.push(departure.service);
        self.free(agent, departure.at);
        self.serve_waiting(departure.at);
    }

    /// First come, first served, as long as someone is available.
    fn serve_waiting(&mut self, now: f64) {
        while let Some(first) = self.waiting.front() {
            let has_left = first.until <= now;
            let chosen = if has_left { None } else { self.choose(None) };
            if !has_left && chosen.is_none() {
                return;
            }
            let Some(first) = self.waiting.pop_front() else { return };
            let wait = now.min(first.until) - first.since;
            let within = self.scenario.service_level_within;
            if let Some(tally) = self.batches.get_mut(first.batch) {
                tally.wait += wait;
                tally.lost += u64::from(has_left);
                tally.within += u64::from(!has_left && wait <= within);
            }
            if let Some(agent) = chosen {
                self.serve(agent, first.batch, first.work, now);
            }
        }
    }

    /// Nobody is left who could serve those who wait.
    fn give_up(&mut self) {
        for Waiting { since, until, batch, .. } in std::mem::take(&mut self.waiting) {
            if let Some(tally) = self.batches.get_mut(batch) {
                tally.lost += 1;
                tally.wait += if until.is_finite() { until - since } else { 0.0 };
            }
        }
    }

    fn change(&mut self, absence: &Absence) {
        let Some(agent) = self.agents.get_mut(absence.agent) else { return };
        agent.away = if absence.is_leaving { agent.away + 1 } else { agent.away.saturating_sub(1) };
        self.refresh(absence.agent, None);
        // All who leave at once are away before their visitors look for another.
        let is_last = self.absences.front().is_none_or(|next| next.at > absence.at);
        if !is_last {
            return;
        }
        if self.scenario.reassign {
            self.reassign(absence.at);
        }
        self.serve_waiting(absence.at);
    }

    /// Finds other agents for the visitors of those who are away.
    fn reassign(&mut self, now: f64) {
        for service in 0..self.services.len() {
            let Some(Service { agent, is_on: true, .. }) = self.services.get(service).copied() else {
                continue;
            };
            if self.agents.get(agent).is_none_or(|agent| agent.away == 0) {
                continue;
            }
            let chosen = self.choose(Some(agent));
            self.free(agent, now);
            if let Some(agent) = chosen {
                self.occupy(agent, now);
            }
            let Some(place) = self.services.get_mut(service) else { continue };
            match chosen {
                Some(agent) => place.agent = agent,
                None => {
                    place.is_on = false;
                    self.unused.push(service);
                    if let Some(batch) = self.batches.last_mut() {
                        batch.cut_off += 1;
                    }
                }
            }
        }
    }
}
