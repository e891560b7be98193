// Leads a second by the pseudocode of the requirements in JavaScript: `route_script.mjs AGENTS`. Its rule is not the one that
// is wanted (a loaded agent can beat an idle one, the order is not kept for each pool); it is what it costs that is measured.
import { CAPACITY, floor, options } from "./floor.mjs";

const { runs } = options(process.argv);
const { config, visitors } = floor(Number(process.argv[2]));

const ranks = new Map(config.pools[0].members.map((member) => [member.agent_id, member.priority_rank]));
const agents = config.agents.map(({ id, status }) => ({
  agentId: id, status, currentSimulations: [], maxSimultaneousSimulations: CAPACITY,
}));
const agentOf = new Map();
const lastAssignmentOrder = new Map();
let assignmentCounter = 0;

function findBestAgent() {
  const tiers = new Map();
  for (const agent of agents) {
    const rank = ranks.get(agent.agentId);
    if (!tiers.has(rank)) tiers.set(rank, []);
    tiers.get(rank).push(agent);
  }
  const sortedRanks = [...tiers.keys()].sort((a, b) => a - b);
  for (const rank of sortedRanks) {
    const agent = findBestAgentInTier(tiers.get(rank));
    if (agent) return agent;
  }
  return undefined;
}

function findBestAgentInTier(tierAgents) {
  let bestAgent;
  let lowestLoad = Infinity;
  let oldestOrder = Infinity;
  for (const agent of tierAgents) {
    if (agent.status === "in_call" || agent.status === "offline" || agent.status === "away") continue;
    if (agent.currentSimulations.length >= agent.maxSimultaneousSimulations) continue;
    const load = agent.currentSimulations.length;
    const order = lastAssignmentOrder.get(agent.agentId) ?? 0;
    if (agent.status === "idle" && load === 0) {
      if (order < oldestOrder) {
        oldestOrder = order;
        bestAgent = agent;
      }
      continue;
    }
    if (load < lowestLoad) {
      lowestLoad = load;
      bestAgent = agent;
    }
  }
  return bestAgent;
}

function route(visitorId) {
  const agent = findBestAgent();
  if (!agent) return;
  agent.currentSimulations.push(visitorId);
  agentOf.set(visitorId, agent);
  lastAssignmentOrder.set(agent.agentId, ++assignmentCounter);
}

function release(visitorId) {
  const agent = agentOf.get(visitorId);
  if (!agent) return;
  agentOf.delete(visitorId);
  agent.currentSimulations = agent.currentSimulations.filter((other) => other !== visitorId);
}

for (const visitorId of visitors) route(visitorId);
let next = 0;
const measure = () => {
  const begun = performance.now();
  let decided = 0;
  // For a quarter of a second: at 10,000 agents a decision takes a millisecond.
  do {
    const visitorId = visitors[next];
    next = next + 1 === visitors.length ? 0 : next + 1;
    release(visitorId);
    route(visitorId);
    decided++;
  } while (performance.now() - begun < 250);
  return (decided * 1000) / (performance.now() - begun);
};
measure();
console.log(JSON.stringify(Array.from({ length: runs }, measure)));
