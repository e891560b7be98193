// The browser's example in the README, as printed, in Chromium.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, dirname, extname, join } from "node:path";
import { test } from "node:test";
import { launchBrowser } from "../../../tests/e2e/harness.mjs";

const web = join(dirname(process.env.DRAGONFLY_POLICY_WASM), "web");
const kinds = { ".js": "text/javascript", ".wasm": "application/wasm" };

test("the README's examples for the browser run as they are printed, under the policy that it names", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const examples = [...readme.matchAll(/```html\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)];
  assert.equal(examples.length, readme.split("```html\n").length - 1);
  assert.ok(examples.length > 0);
  const [, source] = readme.match(/needs `script-src ([^`]*)`/);

  const server = createServer(async (request, response) => {
    const kind = kinds[extname(request.url)];
    if (kind) return response.writeHead(200, { "Content-Type": kind }).end(await readFile(join(web, basename(request.url))));
    const [, page] = examples[Number(request.url.slice(1))];
    // Inline scripts are the example's own affair.
    const policy = `default-src 'none'; connect-src 'self'; script-src 'self' 'unsafe-inline' ${source}`;
    response.writeHead(200, { "Content-Type": "text/html", "Content-Security-Policy": policy });
    return response.end(`<!doctype html>\n<link rel="icon" href="data:,">\n${page}<body></body>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await launchBrowser();
  try {
    for (const [number, [, , expected]] of examples.entries()) {
      const page = await browser.newPage();
      const failures = [];
      page.on("pageerror", (error) => failures.push(error.message));
      await page.goto(`http://127.0.0.1:${server.address().port}/${number}`);
      await page.waitForFunction(() => document.body.textContent.trim() !== "").catch((error) => failures.push(error.message));
      assert.deepEqual(failures, []);
      assert.equal(`${await page.evaluate(() => document.body.textContent)}\n`, expected);
      await page.close();
    }
  } finally {
    await browser.close();
    server.close();
  }
});
