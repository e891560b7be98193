// The Pools page: ranks are drafted, previewed and saved, and the next leads go where the preview said.

import assert from "node:assert/strict";
import { suite } from "./harness.mjs";

const { walk } = suite({ judgments: 0 });

/** Calls the API as the signed-in admin */
async function call(context, server, method, path, data) {
  const answer = await context.request.fetch(server.url + path, { method, data, headers: { Origin: server.url } });
  assert.ok(answer.ok(), `${path} answered ${answer.status()}: ${await answer.text()}`);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

/** A pool with idle agents, by name the rank and the slots of each; answers its id and a key for visitors */
async function pool(context, server, name, agents) {
  const { id } = await call(context, server, "POST", "/api/pools", { name });
  for (const [display_name, [priority_rank, capacity]] of Object.entries(agents)) {
    const agent = await call(context, server, "POST", "/api/agents", { display_name, capacity });
    await call(context, server, "POST", `/api/pools/${id}/members`, { agent_id: agent.id, priority_rank });
    await call(context, server, "PUT", `/api/agents/${agent.id}/status`, { status: "idle" });
  }
  const key = await call(context, server, "POST", "/api/visitor-keys", { name, allowed_origins: [] });
  return { id, key: key.id };
}

/** So many new visitors; the names of their agents, null for nobody */
async function leads(server, { id, key }, count) {
  const taken = [];
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`${server.url}/api/leads`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key, pool_id: id }) });
    assert.ok(answer.ok, `a lead answered ${answer.status}`);
    taken.push((await answer.json()).agent?.display_name ?? null);
  }
  return taken;
}

/** The names in a column of the next leads */
const next = (page, column) => page.getByTestId("next-lead").evaluateAll((rows, column) => rows.map((row) => row.querySelector(column)?.textContent ?? null), column);
const SAVED = "summary > .taker > .name", DRAFT = "summary > .draft .taker > .name";

walk("leads go where the preview said, under saved ranks and under the draft once it is saved", async ({ page, context, server, accessible }) => {
  const sales = await pool(context, server, "Sales", { Alice: [1, 2], Bob: [1, 1], Carol: [2, 1], Dave: [3, 1] });
  await page.goto(`/pools?pool=${sales.id}`);
  await page.getByTestId("next-lead").nth(4).waitFor();
  const told = (await next(page, SAVED)).slice(0, 3);
  await accessible();
  assert.deepEqual(await leads(server, sales, 3), told);
  assert.deepEqual(told.toSorted(), ["Alice", "Alice", "Bob"], "Primary takes them while it has a slot");

  await page.waitForFunction(() => document.querySelector("[data-test=next-lead] .taker > .name")?.textContent === "Carol");
  // By keyboard alone: Dave becomes Standard, Carol Backup.
  for (const [name, key] of [["Dave", "ArrowUp"], ["Carol", "ArrowDown"]]) {
    await page.getByTestId(`rank-${name}`).focus();
    await page.keyboard.press(key);
  }
  assert.equal(await page.evaluate(() => document.activeElement.dataset.test), "rank-Carol", "the focus goes with the member");
  await page.locator("[data-test=next-leads]:not([data-moved='0'])").waitFor();
  const drafted = (await next(page, DRAFT)).slice(0, 2);
  assert.deepEqual(drafted, ["Dave", "Carol"]);
  await page.getByTestId("save-ranks").focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("toast").filter({ hasText: "Ranks of Sales saved" }).waitFor();
  assert.deepEqual(await leads(server, sales, 3), [...drafted, null], "and then everybody has all the leads they take");
  await page.getByTestId("next-lead").first().locator("summary > .taker.unavailable").waitFor();
  await page.getByTestId("next-lead").first().locator("summary").click();
  assert.match(await page.getByTestId("next-lead").first().locator(".trace").textContent(), /Not free:.* Alice: at capacity/);
});

walk("a save on ranks that have moved is refused, taken back and explained", async ({ page, context, server, complaints }) => {
  const pools = await pool(context, server, "Returns", { Erin: [1, 1], Frank: [2, 1] });
  await page.goto(`/pools?pool=${pools.id}`);
  await page.getByTestId("rank-Frank").selectOption("1");
  await page.getByTestId("rank-group-2").waitFor({ state: "detached" });
  // Somebody else saves first, and this page has not heard of it: its answers are held back.
  await page.route("**/api/pools", (route) => route.abort());
  const erin = (await call(context, server, "GET", "/api/pools")).agents.find((agent) => agent.display_name === "Erin");
  await call(context, server, "PUT", `/api/pools/${pools.id}/members/${erin.id}`, { priority_rank: 7 });
  await page.getByTestId("save-ranks").click();
  await page.locator("[data-test=toast].error").first().waitFor();
  await page.unroute("**/api/pools");
  // It asks again when told to; where it hears of the save before that, by itself.
  const again = page.getByTestId("load-failed").getByRole("button").click();
  await Promise.race([again, page.getByTestId("rank-group-7").waitFor()]);
  await page.getByTestId("rank-group-7").waitFor();
  assert.equal(await page.getByTestId("rank-edits").textContent(), "1 rank not saved", "the draft is still there");
  // The browser's own lines about the answers that were held back.
  complaints.length = 0;
});

walk("a usual day is simulated before the same leads; what cannot change says so; a goal is found", async ({ page, context, server, accessible }) => {
  const loss = await pool(context, server, "Loss", Object.fromEntries([...Array(8)].map((_, i) => [`Agent ${i + 1}`, [i < 5 ? 1 : 2, 1]])));
  await page.goto(`/pools?pool=${loss.id}`);
  await page.getByTestId("scenario-rate").fill("4");
  await page.getByTestId("scenario-handling").fill("60");
  // Five and three slots at four erlangs: the shares that the formulas give.
  await page.locator("[data-test=figure-share-1] td").last().filter({ hasText: "80.0933 %" }).waitFor();
  assert.match(await page.locator("[data-test=figure-share-2] td").last().textContent(), /16\.8647 %/);
  assert.match(await page.locator("[data-test=figure-lost] td").last().textContent(), /3\.0420 %/);
  await page.getByTestId("rank-Agent 1").selectOption("2");
  await page.locator("[data-test=figure-lost]").filter({ hasText: "cannot change: same handling times" }).waitFor();
  await page.getByTestId("theorem").waitFor();
  await accessible();

  await page.getByTestId("discard-ranks").click();
  await page.getByTestId("lab-moves").click();
  await page.getByTestId("move").first().waitFor();
  await page.getByTestId("lab-stress").click();
  await page.locator(".course path.load").first().waitFor();
  await accessible();
  await page.getByTestId("lab-goal").click();
  await page.getByTestId("goal-primary").fill("85");
  await page.getByTestId("goal-busiest").fill("");
  await page.getByTestId("goal-backup").fill("");
  await page.getByTestId("goal-search").click();
  await page.locator("[data-test=goal-answer][data-met=true]").waitFor();
  await page.getByTestId("goal-take").click();
  assert.equal(await page.getByTestId("rank-edits").textContent(), "1 rank not saved");
  await accessible();
  await page.getByTestId("lab-replay").click();
  await page.getByTestId("replay-empty").waitFor();
});

walk("pools and members come and go by keyboard, and the default pool stays", async ({ page, accessible }) => {
  await page.goto("/pools");
  await page.getByTestId("pool-Everybody").click();
  await page.getByRole("heading", { name: "Everybody" }).waitFor();
  assert.ok(await page.getByTestId("delete-pool").isDisabled(), "the default pool cannot be deleted");
  await page.getByTestId("new-pool").focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("pool-name").fill("Night shift");
  await accessible();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Night shift" }).waitFor();
  await page.getByTestId("add-agent").selectOption("new");
  await page.getByTestId("agent-name").fill("Nora");
  await page.getByTestId("agent-capacity").fill("0");
  await page.keyboard.press("Enter");
  await page.getByTestId("agent-error").waitFor();
  await page.getByTestId("agent-capacity").fill("3");
  await page.keyboard.press("Enter");
  await page.getByTestId("member-Nora").waitFor();
  await page.getByTestId("toast").filter({ hasText: "added as Primary" }).waitFor();
  await page.getByTestId("remove-Nora").focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("member-Nora").waitFor({ state: "detached" });
  await page.getByTestId("delete-pool").click();
  await page.getByTestId("confirm").click();
  await page.getByTestId("pool-Night shift").waitFor({ state: "detached" });
});

for (const colorScheme of ["light", "dark"]) {
  walk(`/pools fits a telephone and is accessible there (${colorScheme})`, { context: { viewport: { width: 390, height: 844 }, colorScheme } }, async ({ page, accessible }) => {
    await page.goto("/pools");
    await page.getByTestId("next-leads").waitFor();
    await page.locator("[data-test=figure-lost], [data-test=pool-lab] .field-error").first().waitFor();
    await accessible();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "nothing sticks out");
  });
}
