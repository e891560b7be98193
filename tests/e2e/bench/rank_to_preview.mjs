// Milliseconds from a changed rank to the painted preview: the next leads and a day of 100,000 leads under both ranks.
//
// A pool of ten agents in three ranks, in the console of a real server; one run is one change of one agent's rank.

import { Server, launchBrowser } from "../harness.mjs";
import { options } from "./floor.mjs";

const { runs } = options(process.argv);
const [server, browser] = await Promise.all([Server.start(), launchBrowser()]);
try {
  const context = await browser.newContext({ baseURL: server.url, viewport: { width: 1440, height: 900 } });
  await server.signIn(context);
  const post = async (path, data) => {
    const answer = await context.request.post(path, { data, headers: { Origin: server.url } });
    if (!answer.ok()) throw new Error(`${path} answered ${answer.status()}: ${await answer.text()}`);
    return answer.json();
  };
  const pool = await post("/api/pools", { name: "Bench" });
  for (const [place, priority_rank] of [1, 1, 1, 1, 1, 2, 2, 2, 3, 3].entries()) {
    const agent = await post("/api/agents", { display_name: `Agent ${place}`, capacity: 1 });
    await post(`/api/pools/${pool.id}/members`, { agent_id: agent.id, priority_rank });
  }
  const page = await context.newPage();
  await page.goto(`/pools?pool=${pool.id}`);
  await page.locator("[data-test=pool-simulation][aria-busy=false] table").first().waitFor();
  const change = (rank) => page.evaluate((rank) => new Promise((resolve, reject) => {
    const select = document.querySelector('[data-test="rank-Agent 0"]');
    const simulation = document.querySelector("[data-test=pool-simulation]");
    const before = simulation.textContent;
    setTimeout(() => reject(new Error("the preview did not follow within ten seconds")), 10_000);
    const observer = new MutationObserver(() => {
      if (simulation.getAttribute("aria-busy") !== "false" || simulation.textContent === before) return;
      observer.disconnect();
      // Behind the frame that paints it.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(performance.now() - begun);
        port2.postMessage(null);
      });
    });
    observer.observe(simulation, { subtree: true, childList: true, characterData: true, attributes: true });
    const begun = performance.now();
    select.value = rank;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }), rank);
  const took = [];
  // The first changes also pay for an engine that still compiles.
  for (let run = -3; run < runs; run += 1) {
    const ms = await change(run % 2 === 0 ? "2" : "3");
    if (run >= 0) took.push(ms);
  }
  console.log(JSON.stringify(took));
} finally {
  await browser.close();
  await server.stop();
}
