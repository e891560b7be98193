// Milliseconds to simulate 100,000 visitors of a pool of ten agents in three ranks, in Chromium.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { launchBrowser } from "../harness.mjs";
import { options } from "./floor.mjs";

const { runs, quick } = options(process.argv);
const types = { ".js": "text/javascript", ".wasm": "application/wasm" };
const server = createServer(async (request, response) => {
  const name = basename(request.url);
  const type = types[name.slice(name.lastIndexOf("."))];
  if (!type) return response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>bench</title>");
  response.writeHead(200, { "Content-Type": type }).end(await readFile(join(process.env.POLICY_WASM_WEB, name)));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await launchBrowser();
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const values = await page.evaluate(async ({ runs, arrivals }) => {
    const { default: init, simulate } = await import("/policy_routing.js");
    await init();
    const groups = [{ rank: 1, agents: 5, slots: 1 }, { rank: 2, agents: 3, slots: 1 }, { rank: 3, agents: 2, slots: 1 }];
    let seed = 0;
    const measure = () => {
      const handling = { kind: "exponential", mean: 1 };
      const begun = performance.now();
      simulate({ groups, arrivals_per_unit: 6, handling, waiting: false, arrivals, seed: seed++ });
      return performance.now() - begun;
    };
    // The first runs are those of an engine that is still compiling.
    measure();
    measure();
    return Array.from({ length: runs }, measure);
  }, { runs, arrivals: quick ? 10_000 : 100_000 });
  console.log(JSON.stringify(values));
} finally {
  await browser.close();
  server.close();
}
