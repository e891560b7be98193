// The studies of a draft: worked out by the policy module in a Web Worker, from the same judgments as the preview.

import assert from "node:assert/strict";
import { suite } from "./harness.mjs";
import { rows } from "./database.mjs";

const { walk } = suite({ judgments: 2_000 });

const number = (text) => Number(text.replaceAll(/[^\d−-]/g, "").replace("−", "-"));
/** The figure behind its hidden words */
const after = async (page, tier) => Number(await page.getByTestId(`matrix-column-${tier}`).getAttribute("data-count"));
/** Judgments of a tier in the table that a study answers with */
const answered = async (table, tier) => number(await table.locator("tbody tr").nth(3 - tier).locator("td").first().textContent());

async function open(page, topic) {
  await page.goto("/policy");
  await page.getByTestId(`study-${topic}`).click();
}

walk("a sweep tells beforehand what taking its value over then does", async ({ page, accessible }) => {
  await open(page, "sweep");
  await page.getByTestId("sweep-limit").selectOption("score_3");
  await page.getByTestId("sweep-plot").focus();
  for (let i = 0; i < 12; i++) await page.keyboard.press("Shift+ArrowLeft");
  for (let i = 0; i < 63; i++) await page.keyboard.press("ArrowRight");
  const words = await page.getByTestId("sweep-value").textContent();
  const value = words.split(" = ")[1];
  const table = page.locator(".sweep .totals");
  const told = await Promise.all([0, 1, 2, 3].map((tier) => answered(table, tier)));
  assert.notEqual(told[3], await after(page, 3), `nothing would move at ${words}`);
  await accessible();
  await page.getByTestId("sweep-take").click();
  assert.equal(await page.getByTestId("limit-score_3").inputValue(), value);
  assert.deepEqual(await Promise.all([0, 1, 2, 3].map((tier) => after(page, tier))), told);
});

walk("a goal is found, reached by taking its values, and said to be out of reach where it is", async ({ page, accessible }) => {
  await open(page, "goal");
  await page.getByTestId("goal-limit").selectOption("score_3");
  await page.getByTestId("goal-amount").fill("many");
  await page.getByTestId("goal-search").click();
  assert.match(await page.locator(".studies .field-error").textContent(), /digits/);
  await page.getByTestId("goal-amount").fill("200");
  await page.getByTestId("goal-search").click();
  await page.getByTestId("goal-found").waitFor();
  await accessible();
  const told = await answered(page.locator(".found .totals"), 3);
  assert.ok(told <= 200 && told > 0, `${told} judgments`);
  await page.getByTestId("goal-take").click();
  await page.waitForFunction(() => document.querySelector("[data-test=goal-found]")?.textContent.includes("there already"));
  assert.equal(await after(page, 3), told);
  await page.getByTestId("goal-bound").selectOption("count_min");
  await page.getByTestId("goal-amount").fill("1,999");
  await page.getByTestId("goal-bound-tier").selectOption("2");
  await page.getByTestId("goal-search").click();
  await page.getByTestId("goal-none").waitFor();
});

walk("the shares of two edits add up to what moves", async ({ page, accessible }) => {
  await open(page, "shares");
  await page.getByTestId("shares-empty").waitFor();
  await page.getByTestId("limit-score_3").fill("72");
  await page.getByTestId("limit-score_2").fill("65");
  await page.waitForFunction(() => document.querySelectorAll("[data-test=share]").length === 3);
  await accessible();
  const rows = await page.getByTestId("share").locator("td").allTextContents();
  const [ups, downs] = [0, 2].map((column) => [0, 1, 2].map((row) => number(rows[row * 4 + column])));
  for (const [first, second, together] of [ups, downs]) assert.equal(first + second, together);
  assert.equal(ups[2] + downs[2], Number(await page.getByTestId("result").getAttribute("data-moved")));
});

walk("close calls and look-ups name judgments that can be opened", async ({ page, accessible }) => {
  await open(page, "close-calls");
  await page.getByTestId("close-call").first().getByRole("button").waitFor();
  await accessible();
  await page.getByTestId("margin-score").fill("101");
  await page.locator(".studies [role=alert]").waitFor();
  await page.getByTestId("study-look-ups").click();
  await page.getByTestId("look-up-group").first().waitFor();
  await accessible();
  await page.locator(".studies td .tiers").first().waitFor();
  await page.locator(".studies th a").first().click();
  await page.waitForURL(/\/judgments\/[0-9a-f-]{36}$/);
});

walk("without its worker the page previews all the same, and asks again when told to", async ({ page, context, complaints }) => {
  await context.route("**/studies.js", (route) => route.abort());
  await page.goto("/policy");
  await page.getByTestId("studies-failed").waitFor();
  await page.getByTestId("limit-score_3").fill("72");
  await page.locator("[data-test=result]:not([data-moved='0'])").waitFor();
  await context.unroute("**/studies.js");
  await page.getByTestId("studies-failed").getByRole("button").click();
  await page.locator("[data-test=findings][data-faults='3']").waitFor();
  await page.getByTestId("difference").waitFor();
  assert.equal(await page.getByTestId("studies-failed").count(), 0);
  // The browser's own line about the script that did not load.
  complaints.length = 0;
});

walk("witness cases show which conditions the draft touches", async ({ page, accessible }) => {
  await open(page, "cases");
  await page.getByTestId("witness-case").first().waitFor();
  assert.equal(await page.locator("[data-test=witness-case][data-changed=true]").count(), 0);
  await page.getByTestId("limit-score_3").fill("75");
  await page.locator("[data-test=witness-case][data-changed=true]").first().waitFor();
  await page.getByTestId("cases-only-changed").check();
  const shown = await page.getByTestId("witness-case").allTextContents();
  assert.ok(shown.length > 0 && shown.every((row) => /score_3|rule t2/.test(row)), shown.join("\n"));
  await accessible();
  // Those of the draft are derived anew with each edit: they stand at its own limits.
  await page.getByTestId("cases-of-draft").click();
  await page.getByTestId("witness-case").filter({ hasText: "score at score_3" }).filter({ hasText: "75.00" }).first().waitFor();
  await page.getByTestId("limit-score_3").fill("76");
  await page.getByTestId("witness-case").filter({ hasText: "score at score_3" }).filter({ hasText: "76.00" }).first().waitFor();
});

walk("a replay ends with the tiers of today, and a replay that cannot be says why", async ({ page, accessible }) => {
  await open(page, "replay");
  await page.getByTestId("replay-run").click();
  await page.getByTestId("replay-answer").waitFor();
  await accessible();
  const today = await page.getByTestId("replay-day").first().locator("td").allTextContents();
  const told = [3, 2, 1, 0].map((tier, place) => [tier, number(today[place])]);
  for (const [tier, count] of told) assert.equal(count, await after(page, tier), `tier ${tier}`);
  await page.getByTestId("replay-from").fill("2001-01-01");
  await page.getByTestId("replay-run").click();
  await page.locator(".studies [role=alert]").waitFor();
  assert.match(await page.locator(".studies [role=alert]").textContent(), /366/);
});

// The last one: it leaves a draft and a refresh behind.
walk("a shadow tells what a draft would have made of what is tiered, and changes nothing", async ({ page, server, accessible }) => {
  await open(page, "shadow");
  await page.getByTestId("limit-score_3").fill("72");
  const moved = await page.getByTestId("result").getAttribute("data-moved");
  await page.getByTestId("draft-name").fill("In the shade");
  await page.getByTestId("save-draft").click();
  await page.getByTestId("shadow-days").fill("3");
  await page.getByTestId("shadow-start").click();
  await page.locator("[data-test=shadow][data-running=true]").waitFor();
  const before = rows(server, "select tier, count(*) from public.core_judgments group by 1 order by 1");
  server.command("tier", "refresh");
  await page.reload();
  await page.getByTestId("study-shadow").click();
  await page.getByTestId("shadow-day").waitFor();
  await accessible();
  const [tiered, otherwise] = await page.getByTestId("shadow-day").locator("td").allTextContents();
  assert.equal(number(otherwise), Number(moved));
  assert.ok(number(tiered) > number(otherwise));
  assert.deepEqual(rows(server, "select tier, count(*) from public.core_judgments group by 1 order by 1"), before);
  await page.getByTestId("shadow-stop").click();
  await page.locator("[data-test=shadow][data-running=false]").waitFor();
});
