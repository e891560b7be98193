// Milliseconds from an edited policy to its migration matrix and the rows that move, in Chromium.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchBrowser } from "../harness.mjs";

const types = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };

/** One number a run, for `count` judgments in the policy module that POLICY_WASM_WEB names */
export async function compareInBrowser({ runs, count }) {
  const server = createServer(async (request, response) => {
    const name = basename(request.url);
    const type = types[name.slice(name.lastIndexOf("."))];
    if (!type) return response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>bench</title>");
    const folder = name === "portfolio.mjs" ? fileURLToPath(new URL(".", import.meta.url)) : process.env.POLICY_WASM_WEB;
    response.writeHead(200, { "Content-Type": type }).end(await readFile(join(folder, name)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    return await page.evaluate(async ({ runs, count }) => {
      const { default: init, Portfolio, comparePolicies, defaultTierPolicy } = await import("/policy_wasm.js");
      const { columns } = await import("/portfolio.mjs");
      await init();
      const portfolio = Portfolio.fromColumns(columns(count));
      const before = defaultTierPolicy();
      const after = { ...before, limits: { ...before.limits, score_3: "75" } };
      const measure = () => {
        const begun = performance.now();
        comparePolicies(portfolio, before, after);
        return performance.now() - begun;
      };
      // The first runs are those of an engine that is still compiling.
      measure();
      measure();
      return Array.from({ length: runs }, measure);
    }, { runs, count });
  } finally {
    await browser.close();
    server.close();
  }
}
