// Leads a second that the routing module decides, assigns and, later, releases under Node: `route_wasm.mjs AGENTS`.
import { createRequire } from "node:module";
import { floor, options } from "./floor.mjs";

const require = createRequire(import.meta.url);
const { PoolRouter } = require(`${process.env.POLICY_WASM_NODE}/policy_routing.js`);

const { runs, quick } = options(process.argv);
const { config, visitors } = floor(Number(process.argv[2]));
const decisions = quick ? 20_000 : 200_000;
const router = new PoolRouter(config);
for (const visitorId of visitors) router.route({ poolId: "pool", visitorId });
let next = 0;
const measure = () => {
  const begun = performance.now();
  for (let decided = 0; decided < decisions; decided++) {
    const visitorId = visitors[next];
    next = next + 1 === visitors.length ? 0 : next + 1;
    // The one who was there longest leaves and comes back.
    router.release(visitorId);
    router.route({ poolId: "pool", visitorId });
  }
  return (decisions * 1000) / (performance.now() - begun);
};
// The first runs are those of an engine that is still compiling.
measure();
console.log(JSON.stringify(Array.from({ length: runs }, measure)));
