// The console on a real server: the way of a portfolio into the simulator, and of a dragged limit onto the screen.
//
// Prints an object of lists with one number a run:
//   snapshot_ready   seconds from the click on Policy until the simulator shows and has painted what it computed
//   snapshot_bytes   bytes of the portfolio's snapshot on the wire
//   drag_to_paint    milliseconds from a slider's step to the painted matrix: the 95th percentile of one drag

import assert from "node:assert/strict";
import { Server, launchBrowser } from "../harness.mjs";

const option = (name) => Number(process.argv[process.argv.indexOf(name) + 1]);
const [runs, judgments] = [option("--runs"), option("--judgments")];

/** Steps of the mouse in one drag, some pixels each, there and back */
const STEPS = 120;

/** Of so many judgments one is active, and only these are in the portfolio */
const PER_ACTIVE = 1.163;

const loaded = Math.round(judgments * PER_ACTIVE);
// One after the other: filling the database keeps Node from answering the browser for minutes.
const server = await Server.start({ judgments: loaded });
const browser = await launchBrowser();
try {
  const context = await browser.newContext({ baseURL: server.url, viewport: { width: 1440, height: 900 } });
  await server.signIn(context);
  const results = { snapshot_ready: [], snapshot_bytes: [], drag_to_paint: [] };
  // The first run also pays for cold caches.
  for (let run = -1; run < runs; run += 1) {
    const page = await context.newPage();
    const [ready, bytes] = await open(page);
    const took = await drag(page);
    if (run >= 0) {
      results.snapshot_ready.push(ready);
      results.snapshot_bytes.push(bytes);
      results.drag_to_paint.push(took);
    }
    await page.close();
  }
  console.log(JSON.stringify(results));
} finally {
  await browser.close();
  await server.stop();
}

/** Clicks on Policy; answers the seconds until the simulator is ready, and the bytes that it has fetched */
async function open(page) {
  await page.goto("/judgments");
  await page.getByTestId("judgment-row").first().waitFor();
  const fetched = page.waitForEvent("requestfinished", (request) => request.url().endsWith("/api/portfolio/snapshot"));
  const seconds = await page.evaluate(() => new Promise((resolve) => {
    const link = [...document.querySelectorAll("a")].find((link) => link.pathname === "/policy");
    const painted = () => requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve((performance.now() - begun) / 1000);
      port2.postMessage(null);
    });
    const observer = new MutationObserver(() => {
      if (!document.querySelector("[data-test=matrix-cell-3-3]")) return;
      observer.disconnect();
      painted();
    });
    observer.observe(document.body, { childList: true, subtree: true });
    const begun = performance.now();
    link.click();
  }));
  const { responseBodySize } = await (await fetched).sizes();
  return [seconds, responseBodySize];
}

/** Drags a slider with the mouse, there and back; answers the 95th percentile of its steps in milliseconds */
async function drag(page) {
  const slider = page.getByTestId("limit-slider-score_3");
  await slider.scrollIntoViewIfNeeded();
  // The analyses of the first view are done.
  await page.locator("[data-test=findings][data-faults]").waitFor();
  await page.evaluate(() => {
    const steps = { asked: 0, took: [] };
    window.steps = steps;
    let begun;
    // Before the page's own listeners, with the time at which the browser had the event.
    window.addEventListener("input", (event) => {
      steps.asked += 1;
      begun = event.timeStamp;
    }, { capture: true });
    const matrix = document.querySelector("[data-test=matrix]");
    new MutationObserver(() => {
      if (begun === undefined) return;
      const since = begun;
      begun = undefined;
      // Behind the frame that paints what has just changed.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => steps.took.push(performance.now() - since);
        port2.postMessage(null);
      });
    }).observe(matrix, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  const { x, y, width, height } = await slider.boundingBox();
  const at = (part) => [x + width * part, y + height / 2];
  await page.mouse.move(...at(0.8));
  await page.mouse.down();
  for (let step = 1; step <= STEPS; step += 1) {
    const way = Math.abs(1 - (2 * step) / STEPS);
    await page.mouse.move(...at(0.62 + 0.36 * way));
  }
  await page.mouse.up();
  await page.waitForFunction(() => new Promise((resolve) => setTimeout(() => resolve(true), 100)));
  const { asked, took } = await page.evaluate(() => window.steps);
  assert.ok(took.length > STEPS / 3 && took.length >= asked * 0.9, `${took.length} of ${asked} steps reached the matrix`);
  took.sort((a, b) => a - b);
  return took[Math.floor(took.length * 0.95)];
}
