// Takes pictures of the console for people who look: desktop and phone, light and dark, into target/screens/.
//
//   node tests/e2e/screens.mjs [--judgments N] [--url URL --email EMAIL --password PASSWORD] [ROUTE…]
//
// Without --url it starts a server of its own with a demonstration portfolio. Routes default to the main pages.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Server, launchBrowser, target, watch } from "./harness.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    judgments: { type: "string", default: "5000" },
    url: { type: "string" },
    email: { type: "string" },
    password: { type: "string" },
  },
});
const routes = positionals.length > 0 ? positionals : ["/today", "/cases", "/tiers", "/judgments", "/policy", "/queues"];
const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

const folder = join(target, "screens");
await mkdir(folder, { recursive: true });
const server = values.url ? null : await Server.start({ judgments: Number(values.judgments) });
const url = values.url ?? server.url;
const browser = await launchBrowser();
try {
  const context = await browser.newContext();
  if (server) {
    await server.signIn(context);
  } else if (values.email) {
    const data = { email: values.email, password: values.password };
    await context.request.post(`${url}/api/session`, { data, headers: { Origin: url } });
  }
  const storageState = await context.storageState();

  for (const [size, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ baseURL: url, viewport, colorScheme, storageState, deviceScaleFactor: 1 });
      for (const route of routes) {
        const page = await context.newPage();
        const complaints = watch(page);
        await page.goto(route);
        // Live pages keep a stream of events open, so the network is never idle for long.
        await page.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => {});
        const name = `${route.replaceAll(/[^a-z0-9]+/gi, "-").replaceAll(/^-|-$/g, "") || "root"}-${size}-${colorScheme}.png`;
        await page.screenshot({ path: join(folder, name), fullPage: size === "phone" });
        console.log(join(folder, name));
        for (const complaint of complaints) console.log(`  ${complaint}`);
        await page.close();
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  await server?.stop();
}
