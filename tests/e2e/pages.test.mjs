// A morning in the console: sign in, tiers, judgments, one judgment, queues; by mouse, by keyboard, on a telephone.

import assert from "node:assert/strict";
import { suite } from "./harness.mjs";
import { rows, value } from "./database.mjs";

const { walk } = suite({ judgments: 3_000 });

walk("the one-time link signs in, asks for a password, and works once", { signedIn: false }, async ({ page, context, server, accessible }) => {
  const link = await server.link();
  await page.goto(link);
  await page.getByTestId("set-password-new").waitFor();
  await accessible();
  await page.getByTestId("set-password-new").fill("short");
  await page.getByTestId("set-password-again").fill("short");
  await page.getByTestId("set-password-submit").click();
  await page.getByTestId("set-password-error").waitFor();
  const { password } = await import("./harness.mjs");
  await page.getByTestId("set-password-new").fill(password);
  await page.getByTestId("set-password-again").fill(password);
  await page.getByTestId("set-password-submit").click();
  await page.getByTestId("today-count-past_due").waitFor();
  server.email = (await (await context.request.get("/api/session")).json()).email;

  await page.getByTestId("sign-out").click();
  await page.getByTestId("sign-in-email").waitFor();
  await accessible();
  await page.getByTestId("sign-in-email").fill(server.email);
  await page.getByTestId("sign-in-password").fill("not the password");
  await page.getByTestId("sign-in-submit").click();
  await page.getByTestId("sign-in-error").waitFor();
  await page.getByTestId("sign-in-password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByTestId("today-count-past_due").waitFor();

  const answer = await context.request.post("/api/session/link", {
    data: { token: new URLSearchParams(new URL(link).hash.slice(1)).get("token") },
    headers: { Origin: server.url },
  });
  assert.equal(answer.status(), 401, "the link has been used");
});

walk("the tiers page shows what the database counts", async ({ page, server, accessible }) => {
  await page.goto("/tiers");
  await page.getByTestId("tier-card-3").waitFor();
  for (const [tier, count] of rows(server, "select tier, judgment_count from public.v_enforcement_tier_overview where tier is not null")) {
    const shown = await page.getByTestId(`tier-count-${tier}`).textContent();
    assert.equal(shown.replaceAll(/\D/g, ""), count, `tier ${tier}`);
  }
  await accessible();
  await page.getByTestId("refresh-tiers").click();
  await page.locator("[data-test=refresh-progress][data-state=done], [data-test=last-refresh]").first().waitFor();
});

walk("filters and sort of the judgments live in the URL", async ({ page, server, accessible }) => {
  await page.goto("/judgments?tier=3&sort=-score");
  await page.getByTestId("judgment-row").first().waitFor();
  await accessible();
  const expected = value(server, "select count(*) from public.core_judgments where tier = 3");
  assert.equal(await page.getByTestId("judgments-summary").getAttribute("data-total"), expected);
  const [[caseNumber]] = rows(server, "select case_number from public.core_judgments order by judgment_no limit 1");
  await page.goto("/judgments");
  await page.getByTestId("search").fill(caseNumber);
  await page.locator(`[data-test=judgments-summary][data-total="1"]`).waitFor();
  assert.match(page.url(), /search=/);
  const download = page.waitForEvent("download");
  await page.getByTestId("export-csv").click();
  const path = await (await download).path();
  const { readFile } = await import("node:fs/promises");
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  assert.equal(lines.length, 2, "header and the one row that is filtered");
  assert.ok(lines[1].includes(caseNumber));
});

walk("a judgment explains its tier and is re-tiered at a click", async ({ page, server, accessible }) => {
  const [[id, reason]] = rows(server, "select id, tier_reason from public.core_judgments where tier = 2 order by judgment_no limit 1");
  await page.goto(`/judgments/${id}`);
  assert.equal(await page.getByTestId("tier-reason").textContent(), reason);
  assert.equal(await page.locator("[data-test=why] [data-verdict=decides]").count(), 1);
  assert.match(await page.getByTestId("nearest").textContent(), /to 80/, "the score that would give tier 3");
  await accessible();
  rows(server, `update public.core_judgments set tier_as_of = tier_as_of - interval '2 days' where id = '${id}'`);
  await page.getByTestId("retier").click();
  await server.until("the worker", () => value(server, `select tier_as_of > now() - interval '1 day' from public.core_judgments where id = '${id}'`) === "t");
});

walk("a dead letter shows its history, is retried, dies again and is discarded", async ({ page, context, server, accessible }) => {
  const answer = await context.request.post("/rpc/queue_job", {
    data: { kind: "tier_assignment", idempotency_key: "walk:nobody", payload: { judgment_id: "00000000-0000-0000-0000-000000000000" } },
    headers: { Origin: server.url },
  });
  assert.equal(answer.status(), 200, await answer.text());
  await page.goto("/queues");
  const letter = page.getByTestId("dead-letter");
  await letter.first().waitFor();
  await accessible();
  await letter.first().locator("summary").click();
  await page.getByTestId("retry").first().click();
  await server.until("the retry to die", () => value(server, "select count(*) from public.queue_dead_letters where state = 'dead' and idempotency_key = 'walk:nobody'") === "1"
    && value(server, "select count(*) from public.queue_dead_letters where state = 'retried'") === "1");
  await page.reload();
  await letter.first().waitFor();
  await letter.first().locator("summary").click();
  await page.getByTestId("discard").first().click();
  await page.getByTestId("confirm").click();
  await server.until("the discard", () => value(server, "select count(*) from public.queue_dead_letters where state = 'dead'") === "0");
  assert.equal(value(server, "select count(*) from public.queue_dead_letters"), "2", "nothing is ever deleted");
});

walk("a page whose code does not arrive says so, and is there once it does", async ({ page, context, complaints }) => {
  await context.route("**/split_*.wasm", (route) => route.abort());
  await page.goto("/tiers");
  await page.getByTestId("tier-card-3").waitFor();
  await page.getByTestId("nav-queues").click();
  await page.getByTestId("load-failed").waitFor();
  await page.getByTestId("nav-tiers").click();
  await page.getByTestId("tier-card-3").waitFor();
  await page.getByTestId("nav-queues").click();
  await page.getByTestId("load-failed").waitFor();
  await context.unroute("**/split_*.wasm");
  await page.getByTestId("load-failed").getByRole("button").click();
  await page.getByTestId("queue-row-tier_assignment").waitFor();
  // The browser's own lines about the code that did not load.
  complaints.length = 0;
});

walk("everything is reached by keyboard", async ({ page }) => {
  await page.goto("/tiers");
  await page.getByTestId("tier-card-3").waitFor();
  await page.keyboard.press("Control+k");
  await page.getByTestId("jump-input").waitFor();
  await page.keyboard.type("pol");
  await page.keyboard.press("Enter");
  await page.getByTestId("limit-score_3").waitFor();
  assert.match(page.url(), /\/policy/);
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "H1", "focus follows the navigation");
  await page.getByTestId("limit-slider-score_3").focus();
  const before = await page.getByTestId("limit-score_3").inputValue();
  await page.keyboard.press("ArrowLeft");
  assert.notEqual(await page.getByTestId("limit-score_3").inputValue(), before);
});

// What each page shows once it has loaded; the live connection never lets the network be idle.
const ready = {
  "/tiers": "[data-test=tier-card-3]",
  "/judgments": "[data-test=judgment-row]",
  "/policy": "[data-test=result]",
  "/queues": "[data-test=queue-row-tier_assignment]",
};

for (const [colorScheme, path] of ["/tiers", "/judgments", "/policy", "/queues"].flatMap((path) => [["light", path], ["dark", path]])) {
  walk(`${path} fits a telephone and is accessible there (${colorScheme})`, { context: { viewport: { width: 390, height: 844 }, colorScheme } }, async ({ page, accessible }) => {
    await page.goto(path);
    await page.locator("main h1").waitFor();
    await page.locator(ready[path]).first().waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the screen");
    await accessible();
  });
}
