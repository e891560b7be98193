//! One batch: everything that was asked meanwhile, decided one after the other under the lock, written at once.
//!
//! Who takes a lead is the router's to say; here is only what follows from it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use contract::{LeadStatus, LeadTrace, VisitorsAgent};
use db::routing::{
    AssignmentRow, Change, Due, LeadRow, LeadStanding, LeadState, MissedRow, Opened, PresenceRow, ReleaseRow,
    StatusRow, Writes, agent_id_of, kept, pool_id_of, visitor_id_of,
};
use policy::routing::{AgentStatus, Decision};
use uuid::Uuid;

use super::memory::{Fault, Lead, Memory, uuid_of_agent, uuid_of_lead, uuid_of_pool};
use super::{Answer, Arrival, What};
use crate::error::ApiError;

type Answered = Result<Answer, ApiError>;

/// A batch that is being decided
pub(super) struct Batch<'a> {
    org_id: Uuid,
    process_id: Uuid,
    memory: &'a mut Memory,
    opened: &'a Opened,
    pub(super) writes: Writes,
    /// Agents and leads whose pages have to hear of it.
    pub(super) concerned: Vec<Uuid>,
    /// Where leads that the batch has added are in `writes.leads`.
    added: HashMap<Uuid, usize>,
    moved: BTreeMap<Uuid, LeadStanding>,
    presences: BTreeMap<Uuid, PresenceRow>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(org_id: Uuid, process_id: Uuid, memory: &'a mut Memory, opened: &'a Opened) -> Self {
        Self {
            org_id,
            process_id,
            memory,
            opened,
            writes: Writes::default(),
            concerned: Vec::new(),
            added: HashMap::new(),
            moved: BTreeMap::new(),
            presences: BTreeMap::new(),
        }
    }

    /// What is to be written; None where nothing has changed
    pub(super) fn finish(mut self) -> (Option<Writes>, Vec<Uuid>) {
        self.writes.moved = std::mem::take(&mut self.moved).into_iter().collect();
        self.writes.presences = std::mem::take(&mut self.presences).into_values().collect();
        let has_changes = !self.writes.changes.is_empty();
        (has_changes.then_some(self.writes), self.concerned)
    }

    /// Decides one thing that was asked; an `Err` spoils the batch
    pub(super) fn decide(&mut self, what: &What, due: Option<&Due>) -> Result<Answered, Fault> {
        let answered = match what {
            What::Arrive(arrival) => self.arrive(arrival)?,
            What::Cancel { lead, visitor } => self.cancel(*lead, *visitor)?,
            What::Connect { agent, socket } => self.connect(*agent, *socket)?,
            What::Status { agent, status, socket } => self.status(*agent, *status, *socket)?,
            What::Accept { agent, socket, lead } => self.accept(*agent, *socket, *lead)?,
            What::Decline { agent, socket, lead } => self.decline(*agent, *socket, *lead)?,
            What::End { agent, socket, lead } => self.end(*agent, *socket, *lead)?,
            What::Sweep => {
                self.sweep(due.unwrap_or(&Due::default()))?;
                Ok(Answer::Done)
            }
            What::Look => Ok(Answer::Done),
        };
        // Whoever has waited longest comes before whoever is asked for next.
        self.serve_waiting()?;
        Ok(answered)
    }

    // ---- visitors ----

    fn arrive(&mut self, arrival: &Arrival) -> Result<Answered, Fault> {
        match self.memory.keys.get(&arrival.key) {
            None => {
                return Ok(Err(ApiError::forbidden("the key is not known").hint("it may have been revoked")));
            }
            Some(origins) => {
                if let Some(origin) = arrival.origin.as_ref().filter(|origin| !origins.contains(origin)) {
                    return Ok(Err(ApiError::forbidden(format!("pages of `{origin}` may not use this key"))));
                }
            }
        }
        let pool = match (arrival.pool, &arrival.page_url) {
            (Some(pool), _) => match self.memory.pools.get(&pool).filter(|pool| !pool.is_deleted) {
                Some(_) => Some(pool),
                None => return Ok(Err(ApiError::invalid("pool_id", "no such pool in this organisation"))),
            },
            (None, Some(page)) => {
                let pages = self.memory.router.pages(&self.memory.org);
                pages.and_then(|pages| pages.pool_of(page)).map(uuid_of_pool).transpose()?
            }
            (None, None) => return Ok(Err(ApiError::invalid("page_url", "give a page or a pool"))),
        };
        if let Some(known) = pool.and_then(|pool| self.memory.by_visitor.get(&(arrival.visitor, pool))) {
            return Ok(Ok(Answer::Lead(self.standing_of(*known))));
        }
        let id = Uuid::now_v7();
        let now = self.opened.now;
        self.added.insert(id, self.writes.leads.len());
        self.writes.leads.push(LeadRow {
            org_id: self.org_id,
            id,
            visitor_id: arrival.visitor,
            pool_id: pool,
            page_url: arrival.page_url.clone(),
            name: arrival.name.clone(),
            contact: arrival.contact.clone(),
            arrived_at: now,
            standing: LeadStanding {
                state: LeadState::Missed,
                agent_id: None,
                assignment_no: None,
                wait_until: None,
                accepted_at: None,
                ended_at: Some(now),
            },
        });
        let lead = |pool| Lead {
            visitor: arrival.visitor,
            pool,
            arrived_at: now,
            held: None,
            is_in_call: false,
            wait_until: None,
        };
        match pool {
            Some(pool) => self.place(id, lead(pool), "arrival", "unavailable")?,
            None => {
                let trace =
                    LeadTrace { reason: "the page leads to no pool".to_owned(), ..LeadTrace::default() };
                self.miss(id, None, now, "no_pool", trace);
            }
        }
        Ok(Ok(Answer::Lead(self.standing_of(id))))
    }

    /// Gives a lead that nobody has to an agent or, where there is none, a place in the waiting list
    fn place(
        &mut self,
        id: Uuid,
        lead: Lead,
        cause: &'static str,
        reason: &'static str,
    ) -> Result<(), Fault> {
        let visitor = visitor_id_of(id)?;
        let trace = self.memory.router.route_explained(&pool_id_of(lead.pool)?, &visitor, None)?;
        match &trace.decision.agent_id {
            Some(_) => self.assigned(id, lead, cause, &trace.decision, kept(&trace)),
            None => {
                self.wait_or_miss(id, lead, reason, kept(&trace));
                Ok(())
            }
        }
    }

    fn wait_or_miss(&mut self, id: Uuid, lead: Lead, reason: &'static str, trace: LeadTrace) {
        let now = self.opened.now;
        let list = self.memory.pools.get(&lead.pool).and_then(|pool| pool.waiting);
        let waiting = i32::try_from(self.memory.waiting_in(lead.pool)).unwrap_or(i32::MAX);
        match list {
            Some((seconds_max, leads_max)) if waiting < leads_max => {
                let wait_until = now + TimeDelta::seconds(i64::from(seconds_max));
                self.stands(id, LeadState::Waiting, None, Some(wait_until));
                self.change(Change::Wait {
                    lead: id,
                    visitor: lead.visitor,
                    pool: lead.pool,
                    arrived_at: lead.arrived_at,
                    wait_until,
                });
            }
            list => {
                let reason = if list.is_some() { "waiting_full" } else { reason };
                self.miss(id, Some(lead.pool), lead.arrived_at, reason, trace);
            }
        }
    }

    fn cancel(&mut self, id: Uuid, visitor: Uuid) -> Result<Answered, Fault> {
        let Some(lead) = self.memory.leads.get(&id).copied().filter(|lead| lead.visitor == visitor) else {
            return Ok(Err(ApiError::not_found("an open lead of this visitor")));
        };
        self.leave(id, lead)?;
        Ok(Ok(Answer::Lead(self.standing_of(id))))
    }

    /// The visitor has gone
    fn leave(&mut self, id: Uuid, lead: Lead) -> Result<(), Fault> {
        if lead.held.is_some() {
            self.release(id, lead, "left")
        } else {
            let trace = self.trace(id, lead)?;
            self.change(Change::Unwait { lead: id });
            self.miss(id, Some(lead.pool), lead.arrived_at, "left_waiting", trace);
            Ok(())
        }
    }

    // ---- agents ----

    fn connect(&mut self, agent: Uuid, socket: Uuid) -> Result<Answered, Fault> {
        let Some(known) = self.memory.agents.get(&agent).cloned() else {
            return Ok(Err(ApiError::not_found("this agent")));
        };
        self.change(Change::Socket { agent, socket: Some(socket), process: Some(self.process_id) });
        self.presence(agent);
        if known.status == AgentStatus::Offline {
            self.set_status(agent, AgentStatus::Idle, "connected")?;
        }
        Ok(Ok(Answer::Done))
    }

    /// Refuses a socket that no longer speaks for the agent
    fn speaks(&self, agent: Uuid, socket: Option<Uuid>) -> Result<AgentStatus, ApiError> {
        let known = self.memory.agents.get(&agent).ok_or_else(|| ApiError::not_found("this agent"))?;
        match socket {
            Some(socket) if known.socket != Some(socket) => {
                Err(ApiError::conflict(contract::problem::CONFLICT, "another page speaks for this agent now"))
            }
            _ => Ok(known.status),
        }
    }

    fn status(&mut self, agent: Uuid, status: AgentStatus, socket: Option<Uuid>) -> Result<Answered, Fault> {
        let before = match self.speaks(agent, socket) {
            Ok(before) => before,
            Err(error) => return Ok(Err(error)),
        };
        let is_in_call = self
            .memory
            .leads
            .values()
            .any(|lead| lead.is_in_call && lead.held.is_some_and(|held| held.0 == agent));
        if status.takes_leads() && is_in_call {
            let error = ApiError::conflict(contract::problem::CONFLICT, "the agent is in a call");
            return Ok(Err(error.hint("end the call first")));
        }
        if status == AgentStatus::InCall && !is_in_call {
            let error = ApiError::invalid("status", "an agent is in a call by accepting a lead");
            return Ok(Err(error));
        }
        if status != before {
            let cause = if socket.is_some() { "agent" } else { "admin" };
            self.set_status(agent, status, cause)?;
        }
        // Again, even where nothing has changed: what could not be handed over before may be now.
        if matches!(status, AgentStatus::Away | AgentStatus::Offline) {
            self.reassign(agent, "away")?;
        }
        Ok(Ok(Answer::Done))
    }

    fn set_status(&mut self, agent: Uuid, status: AgentStatus, cause: &'static str) -> Result<(), Fault> {
        self.memory.router.set_status(&agent_id_of(agent)?, status)?;
        self.change(Change::Status { agent, status });
        if let Some(known) = self.memory.agents.get_mut(&agent) {
            known.since = Some(self.opened.now);
        }
        self.writes.statuses.push(StatusRow {
            org_id: self.org_id,
            change_no: self.memory.sequence,
            agent_id: agent,
            at: self.opened.now,
            status,
            cause,
        });
        self.presence(agent);
        Ok(())
    }

    /// Has the agent's presence written as it is remembered
    fn presence(&mut self, agent: Uuid) {
        if let Some(known) = self.memory.agents.get(&agent) {
            let row = PresenceRow {
                org_id: self.org_id,
                agent_id: agent,
                status: known.status,
                since: known.since.unwrap_or(self.opened.now),
                seen_at: self.opened.now,
                socket_id: known.socket,
                process_id: known.process,
                disconnected_at: None,
            };
            self.presences.insert(agent, row);
        }
    }

    /// Hands over the leads of an agent who leaves, but for those in a call
    fn reassign(&mut self, agent: Uuid, cause: &'static str) -> Result<(), Fault> {
        let (reassignment, traces) = self.memory.router.reassign_explained(&agent_id_of(agent)?)?;
        for (moved, trace) in reassignment.moves.iter().zip(&traces) {
            let id = uuid_of_lead(&moved.visitor_id)?;
            let Some(lead) = self.memory.leads.get(&id).copied() else { continue };
            self.released(id, lead, cause);
            let nobody = Lead { held: None, ..lead };
            match moved.decision.agent_id {
                Some(_) => self.assigned(id, nobody, "reassigned", &moved.decision, kept(trace))?,
                None => self.wait_or_miss(id, nobody, "not_reassigned", kept(trace)),
            }
        }
        Ok(())
    }

    /// A lead that the agent has; else why not
    fn held(&self, agent: Uuid, socket: Uuid, id: Uuid) -> Result<Lead, ApiError> {
        self.speaks(agent, Some(socket))?;
        let lead = self.memory.leads.get(&id).copied();
        lead.filter(|lead| lead.held.is_some_and(|held| held.0 == agent))
            .ok_or_else(|| ApiError::not_found("a lead that you have"))
    }

    fn accept(&mut self, agent: Uuid, socket: Uuid, id: Uuid) -> Result<Answered, Fault> {
        let lead = match self.held(agent, socket, id) {
            Ok(lead) => lead,
            Err(error) => return Ok(Err(error)),
        };
        if !lead.is_in_call {
            self.memory.router.set_in_call(&visitor_id_of(id)?, &pool_id_of(lead.pool)?, true);
            self.stands(id, LeadState::InCall, lead.held, None);
            self.change(Change::Call { lead: id });
            if self.memory.agents.get(&agent).is_some_and(|agent| agent.status != AgentStatus::InCall) {
                self.set_status(agent, AgentStatus::InCall, "accepted")?;
            }
        }
        Ok(Ok(Answer::Done))
    }

    fn decline(&mut self, agent: Uuid, socket: Uuid, id: Uuid) -> Result<Answered, Fault> {
        let lead = match self.held(agent, socket, id) {
            Ok(lead) => lead,
            Err(error) => return Ok(Err(error)),
        };
        if lead.is_in_call {
            let error = ApiError::conflict(contract::problem::CONFLICT, "the lead is in a call");
            return Ok(Err(error.hint("end it instead")));
        }
        let (pool, visitor, agent_id) = (pool_id_of(lead.pool)?, visitor_id_of(id)?, agent_id_of(agent)?);
        // Without another agent the router leaves it where it is.
        let trace = self.memory.router.route_explained(&pool, &visitor, Some(&agent_id))?;
        if trace.decision.agent_id.is_none() {
            self.memory.router.release(&visitor);
        }
        self.released(id, lead, "declined");
        let nobody = Lead { held: None, ..lead };
        match trace.decision.agent_id {
            Some(_) => self.assigned(id, nobody, "declined", &trace.decision, kept(&trace))?,
            // It does not wait: the next to be free may be the one who has just declined it.
            None => self.miss(id, Some(lead.pool), lead.arrived_at, "declined", kept(&trace)),
        }
        Ok(Ok(Answer::Done))
    }

    fn end(&mut self, agent: Uuid, socket: Uuid, id: Uuid) -> Result<Answered, Fault> {
        let lead = match self.held(agent, socket, id) {
            Ok(lead) => lead,
            Err(error) => return Ok(Err(error)),
        };
        self.release(id, lead, "ended")?;
        Ok(Ok(Answer::Done))
    }

    /// Ends a lead that an agent has; an agent whose last call it was is idle again
    fn release(&mut self, id: Uuid, lead: Lead, cause: &'static str) -> Result<(), Fault> {
        self.memory.router.release(&visitor_id_of(id)?);
        self.released(id, lead, cause);
        self.stands(id, LeadState::Ended, lead.held, None);
        let Some((agent, _)) = lead.held.filter(|_| lead.is_in_call) else { return Ok(()) };
        let has_calls = self
            .memory
            .leads
            .values()
            .any(|other| other.is_in_call && other.held.is_some_and(|held| held.0 == agent));
        let is_in_call =
            self.memory.agents.get(&agent).is_some_and(|agent| agent.status == AgentStatus::InCall);
        if is_in_call && !has_calls {
            self.set_status(agent, AgentStatus::Idle, "ended")?;
        }
        Ok(())
    }

    // ---- what is due ----

    fn sweep(&mut self, due: &Due) -> Result<(), Fault> {
        for agent in &due.gone {
            self.change(Change::Socket { agent: *agent, socket: None, process: None });
            self.set_status(*agent, AgentStatus::Offline, "disconnected")?;
            self.reassign(*agent, "disconnected")?;
        }
        for agent in &due.silent {
            self.set_status(*agent, AgentStatus::Away, "silent")?;
            self.reassign(*agent, "away")?;
        }
        for id in &due.waited {
            if let Some(lead) = self.memory.leads.get(id).copied().filter(|lead| lead.held.is_none()) {
                let trace = self.trace(*id, lead)?;
                self.change(Change::Unwait { lead: *id });
                self.miss(*id, Some(lead.pool), lead.arrived_at, "waited_too_long", trace);
            }
        }
        for id in &due.left {
            if let Some(lead) = self.memory.leads.get(id).copied() {
                self.leave(*id, lead)?;
            }
        }
        Ok(())
    }

    /// Serves those who wait, first come first served, as long as their pools have somebody for them
    pub(super) fn serve_waiting(&mut self) -> Result<(), Fault> {
        let heads = self.memory.waiting.iter().filter_map(|(pool, waiting)| Some((*waiting.first()?, *pool)));
        let mut heads: std::collections::BTreeSet<((DateTime<Utc>, Uuid), Uuid)> = heads.collect();
        while let Some(((_, id), pool)) = heads.pop_first() {
            let Some(lead) = self.memory.leads.get(&id).copied() else { continue };
            let is_gone = self.memory.pools.get(&pool).is_none_or(|pool| pool.is_deleted);
            let decision = self.memory.router.decide(&pool_id_of(pool)?, &visitor_id_of(id)?, None)?;
            if is_gone {
                let trace = self.trace(id, lead)?;
                self.change(Change::Unwait { lead: id });
                self.miss(id, Some(pool), lead.arrived_at, "unavailable", trace);
            } else if decision.agent_id.is_some() {
                self.change(Change::Unwait { lead: id });
                self.place(id, Lead { wait_until: None, ..lead }, "waiting", "unavailable")?;
            } else {
                // Nobody for the first of the pool is nobody for those behind.
                continue;
            }
            if let Some(next) = self.memory.waiting.get(&pool).and_then(|waiting| waiting.first()) {
                heads.insert((*next, pool));
            }
        }
        Ok(())
    }

    // ---- what is kept ----

    /// Numbers a change, and remembers it
    fn change(&mut self, change: Change) {
        self.concerned.extend(self.memory.concerned(&change).into_iter().flatten());
        self.memory.note(self.memory.sequence + 1, &change);
        self.writes.changes.push(change);
    }

    fn stands(
        &mut self,
        id: Uuid,
        state: LeadState,
        held: Option<(Uuid, i64)>,
        wait_until: Option<DateTime<Utc>>,
    ) {
        let now = self.opened.now;
        let mut standing = LeadStanding {
            state,
            agent_id: held.map(|(agent, _)| agent),
            assignment_no: held.map(|(_, no)| no),
            wait_until,
            accepted_at: (state == LeadState::InCall).then_some(now),
            ended_at: matches!(state, LeadState::Ended | LeadState::Missed).then_some(now),
        };
        match self.added.get(&id).and_then(|place| self.writes.leads.get_mut(*place)) {
            Some(row) => {
                standing.accepted_at = standing.accepted_at.or(row.standing.accepted_at);
                row.standing = standing;
            }
            None => {
                let earlier = self.moved.get(&id).and_then(|earlier| earlier.accepted_at);
                standing.accepted_at = standing.accepted_at.or(earlier);
                self.moved.insert(id, standing);
            }
        }
    }

    /// The router has given a lead that nobody had to an agent
    fn assigned(
        &mut self,
        id: Uuid,
        lead: Lead,
        cause: &'static str,
        decision: &Decision,
        trace: LeadTrace,
    ) -> Result<(), Fault> {
        let Some(agent) = decision.agent_id.as_ref().map(uuid_of_agent).transpose()? else { return Ok(()) };
        self.change(Change::Assign {
            lead: id,
            visitor: lead.visitor,
            pool: lead.pool,
            agent,
            rank: decision.priority_rank,
            fallback: decision.fallback,
            arrived_at: lead.arrived_at,
        });
        let no = self.memory.sequence;
        self.stands(id, LeadState::Assigned, Some((agent, no)), None);
        self.writes.assignments.push(AssignmentRow {
            org_id: self.org_id,
            decision_no: no,
            lead_id: id,
            pool_id: lead.pool,
            agent_id: agent,
            cause,
            priority_rank: decision.priority_rank,
            is_fallback: decision.fallback,
            revision: self.opened.revision,
            at: self.opened.now,
            waited_ms: self.waited_ms(lead.arrived_at),
            trace,
        });
        Ok(())
    }

    /// The router has taken a lead from its agent
    fn released(&mut self, id: Uuid, lead: Lead, cause: &'static str) {
        let Some((_, assignment_no)) = lead.held else { return };
        self.change(Change::Release { lead: id });
        self.writes.releases.push(ReleaseRow {
            org_id: self.org_id,
            assignment_no,
            change_no: self.memory.sequence,
            cause,
            at: self.opened.now,
        });
    }

    fn miss(
        &mut self,
        id: Uuid,
        pool: Option<Uuid>,
        arrived_at: DateTime<Utc>,
        reason: &'static str,
        trace: LeadTrace,
    ) {
        self.stands(id, LeadState::Missed, None, None);
        self.change(Change::Miss { lead: id, pool });
        self.writes.missed.push(MissedRow {
            org_id: self.org_id,
            decision_no: self.memory.sequence,
            lead_id: id,
            pool_id: pool,
            reason,
            revision: self.opened.revision,
            at: self.opened.now,
            waited_ms: self.waited_ms(arrived_at),
            trace,
        });
    }

    /// Why the pool has nobody for a lead now
    fn trace(&self, id: Uuid, lead: Lead) -> Result<LeadTrace, Fault> {
        Ok(kept(&self.memory.router.explain(&pool_id_of(lead.pool)?, &visitor_id_of(id)?, None)?))
    }

    fn waited_ms(&self, arrived_at: DateTime<Utc>) -> i64 {
        (self.opened.now - arrived_at).num_milliseconds().max(0)
    }

    /// What the visitor is told
    fn standing_of(&self, id: Uuid) -> LeadStatus {
        let lead = self.memory.leads.get(&id);
        let agent = lead.and_then(|lead| lead.held).and_then(|(agent, _)| {
            let display_name = self.memory.agents.get(&agent)?.display_name.clone();
            Some(VisitorsAgent { id: agent.to_string(), display_name })
        });
        let wait_until = lead.and_then(|lead| lead.wait_until);
        let row = self.added.get(&id).and_then(|place| self.writes.leads.get(*place));
        let state = row.map(|row| row.standing.state).or(self.moved.get(&id).map(|standing| standing.state));
        let status = match lead {
            Some(lead) if lead.is_in_call => contract::LeadStanding::InCall,
            Some(lead) if lead.held.is_some() => contract::LeadStanding::Assigned,
            Some(_) => contract::LeadStanding::Waiting,
            None if state == Some(LeadState::Ended) => contract::LeadStanding::Ended,
            None => contract::LeadStanding::Unavailable,
        };
        LeadStatus {
            lead_id: id.to_string(),
            status,
            agent,
            place: self.memory.place_of(id),
            wait_seconds_left: wait_until
                .map(|until| u32::try_from((until - self.opened.now).num_seconds()).unwrap_or(0)),
            token: None,
        }
    }
}
