// The policy studio: the table of rules by keyboard and by mouse, drafts as links, the picture of what moves.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { password, suite } from "./harness.mjs";

const { walk } = suite({ judgments: 4_000 });
const phone = { context: { viewport: { width: 390, height: 844 } } };

async function openSimulator(page, address = "/policy") {
  await page.goto(address);
  await page.getByTestId("result").waitFor();
  await page.getByTestId("rule-id-0").waitFor();
}

const ids = (page) => page.locator("[data-test^=rule-id-]").evaluateAll((fields) => fields.map((field) => field.value));

async function isUnedited(page) {
  await page.locator("[data-test=draft-state]", { hasText: "no edits" }).waitFor();
}

const focused = (page) => page.evaluate(() => document.activeElement?.id);

walk("rules are moved, copied, renamed and removed by keyboard, and undo takes all of it back", async ({ page, accessible }) => {
  await openSimulator(page);
  assert.deepEqual(await ids(page), ["t3", "t2", "t1"]);
  await page.getByTestId("grip-0").focus();
  await page.keyboard.press("Alt+ArrowDown");
  assert.deepEqual(await ids(page), ["t2", "t3", "t1"]);
  assert.equal(await page.getByTestId("editor-said").textContent(), "Rule t3 is now number 2 of 3.");
  await page.waitForFunction(() => document.activeElement.id === "grip-1", null, { timeout: 5_000 });
  await page.keyboard.press("Alt+ArrowUp");
  assert.deepEqual(await ids(page), ["t3", "t2", "t1"]);
  await isUnedited(page);

  // The menu of the same grip.
  await page.getByTestId("grip-1").press("Enter");
  await page.getByTestId("menu-duplicate").focus();
  await accessible();
  await page.keyboard.press("Enter");
  assert.deepEqual(await ids(page), ["t3", "t2", "t2-copy", "t1"]);
  assert.ok(await page.getByTestId("menu-duplicate").isHidden(), "the menu closes");
  await page.waitForFunction(() => document.activeElement.id === "grip-2", null, { timeout: 5_000 });
  await page.keyboard.press("Delete");
  assert.deepEqual(await ids(page), ["t3", "t2", "t1"]);

  await page.getByTestId("add-rule").press("Enter");
  assert.deepEqual(await ids(page), ["t3", "t2", "t1", "new-rule"]);
  assert.equal(await page.getByTestId("result").getAttribute("data-moved"), "0", "a new rule changes nothing yet");
  await page.getByTestId("rule-id-3").fill("two words");
  assert.match(await page.getByTestId("error-rule-3").textContent(), /“two words” is not 1 to 64 of letters/);
  assert.ok(await page.getByTestId("publish").isDisabled());
  await page.getByTestId("rule-id-3").fill("late");
  assert.equal(await page.getByTestId("error-rule-3").count(), 0);
  await page.getByTestId("tier-3").selectOption("1");
  await page.locator("#bound-3-0-score_from").fill("20");
  assert.notEqual(await page.getByTestId("result").getAttribute("data-moved"), "0");
  await accessible();

  for (let steps = 0; (await page.getByTestId("undo").isEnabled()); steps += 1) {
    assert.ok(steps < 20);
    await page.getByTestId("undo").click();
  }
  await isUnedited(page);
});

async function drag(page, from, onto, share) {
  const start = await page.getByTestId(from).boundingBox();
  const target = await page.locator(onto).boundingBox();
  await page.mouse.move(start.x + start.width / 2, start.y + start.height / 2);
  await page.mouse.down();
  await page.mouse.move(start.x + 10, start.y + 20, { steps: 3 });
  await page.mouse.move(start.x + 10, target.y + target.height * share, { steps: 8 });
}

walk("rules and conditions are dragged by mouse; a click on a grip opens its menu instead", async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 1600 });
  await openSimulator(page);
  await drag(page, "grip-2", "#item-0", 0.2);
  assert.equal(await page.locator("#item-0").getAttribute("data-drop"), "before");
  await page.mouse.up();
  assert.deepEqual(await ids(page), ["t1", "t3", "t2"]);
  assert.ok(await page.getByTestId("menu-remove").isHidden(), "the end of a drag is no click");
  await page.getByTestId("undo").click();
  assert.deepEqual(await ids(page), ["t3", "t2", "t1"]);

  await drag(page, "grip-1-0", "#item-1-1", 0.9);
  await page.mouse.up();
  assert.ok(await page.locator("#bound-1-0-balance_from").isVisible(), "the balance comes first now");
  await page.getByTestId("undo").click();

  await drag(page, "grip-2", "#item-0", 0.2);
  await page.keyboard.press("Escape");
  await page.mouse.up();
  assert.deepEqual(await ids(page), ["t3", "t2", "t1"], "Escape ends a drag");

  await page.getByTestId("grip-0").click();
  assert.ok(await page.getByTestId("menu-move-up").isDisabled());
  await page.getByTestId("menu-remove").click();
  assert.deepEqual(await ids(page), ["t2", "t1"]);
  await page.getByTestId("undo").click();
  await isUnedited(page);
});

walk("bounds come and go, limits are shared until they are split, and each says what it was", async ({ page, accessible }) => {
  await openSimulator(page);
  const upper = page.locator("#bound-1-0-score_below");
  const notes = (bound) => page.locator(`#note-bound-${bound}`).textContent();
  assert.match(await notes("1-0-score_below"), /also used by t3/);
  await upper.fill("75");
  assert.equal(await page.getByTestId("limit-score_3").inputValue(), "75", "one limit for both");
  assert.match(await notes("0-0-score_from"), /was 80/);
  await page.getByTestId("split-1-0-score_below").click();
  await upper.fill("70");
  assert.equal(await page.getByTestId("limit-score_3").inputValue(), "75");
  await page.getByTestId("limit-score_2_below").waitFor();
  assert.doesNotMatch(await notes("1-0-score_below"), /also used/);

  // A bound that is emptied is none; the slider makes one again.
  await upper.fill("");
  await upper.blur();
  assert.match(await notes("1-0-score_below"), /was 80/);
  assert.equal(await upper.inputValue(), "");
  await page.getByTestId("limit-slider-1-0-score_below").fill("90");
  assert.equal(await upper.inputValue(), "90");

  await page.getByTestId("add-balance-0-0").click();
  const added = page.locator("#bound-0-0-balance_from");
  assert.equal(await added.inputValue(), "10,000");
  await page.waitForFunction(() => document.activeElement.id === "bound-0-0-balance_from", null, { timeout: 5_000 });
  await added.fill("");
  assert.ok(await added.isVisible(), "it stays while somebody is in it");
  await page.getByTestId("signals-0-0").focus();
  await added.waitFor({ state: "detached" });

  // Two problems at once, each at its field; the result stays that of the last valid state.
  await page.getByTestId("limit-score_1").fill("much");
  await page.getByTestId("limit-balance_3").fill("1");
  assert.equal(await page.locator("[data-test^=error-]").count(), 2);
  assert.equal(await page.getByTestId("limit-score_1").getAttribute("aria-invalid"), "true");
  assert.match(await page.getByTestId("error-1-1-balance_below").textContent(), /Must be above 15,000/);
  assert.match(await page.getByTestId("stays-valid").textContent(), /last valid/);
  await accessible();

  await page.getByTestId("fallback-tier").selectOption("1");
  await page.getByTestId("asset-bank_name").uncheck();
  assert.match(await page.getByTestId("policy-editor").textContent(), /everything elsewas 0.*was on/s);
  for (let steps = 0; (await page.getByTestId("undo").isEnabled()); steps += 1) {
    assert.ok(steps < 30);
    await page.getByTestId("undo").click();
  }
  await isUnedited(page);
  assert.equal(await page.locator("[data-test^=error-]").count(), 0);
});

walk("undo takes back guardrails in their turn", async ({ page }) => {
  await openSimulator(page);
  await page.getByTestId("assertion-kind").selectOption("law");
  await page.getByTestId("assertion-law").selectOption("0");
  await page.getByTestId("add-assertion").click();
  await page.getByTestId("assertion").waitFor();
  await page.getByTestId("limit-score_2").fill("58");
  await page.getByTestId("undo").click();
  assert.equal(await page.getByTestId("assertion").count(), 1);
  await page.getByTestId("undo").click();
  await page.getByTestId("assertion").waitFor({ state: "detached" });
  await page.getByTestId("redo").click();
  await page.getByTestId("assertion").waitFor();
});

const packed = (content, version = 1) => {
  const bytes = Buffer.concat([Buffer.from([version]), deflateRawSync(Buffer.from(content))]);
  return `/policy#draft=${bytes.toString("base64url")}`;
};

walk("a draft travels in a link, past a sign-in, and nothing of it reaches the server", async ({ page, context, server }) => {
  await openSimulator(page);
  await page.getByTestId("limit-score_3").fill("75");
  await page.getByTestId("tier-2").selectOption("2");
  await page.getByTestId("assertion-kind").selectOption("law");
  await page.getByTestId("assertion-law").selectOption("0");
  await page.getByTestId("add-assertion").click();
  await page.getByTestId("draft-name").fill("Bérénice’s spring “review”");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByTestId("copy-link").click();
  await page.getByText("Link copied").waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(link.startsWith(`${server.url}/policy#draft=`) && link.length < 1_500, `${link.length} letters`);
  const content = JSON.parse(inflateRawSync(Buffer.from(link.split("=")[1], "base64url").subarray(1)));
  assert.deepEqual(Object.keys(content), ["name", "policy", "assertions"]);

  // Somebody who has to sign in first.
  const other = await context.browser().newContext({ baseURL: server.url, reducedMotion: "reduce" });
  const theirs = await other.newPage();
  const sent = [];
  theirs.on("request", (request) => sent.push(request.url() + (request.postData() ?? "")));
  await theirs.goto(link);
  await theirs.getByTestId("sign-in-email").fill(server.email);
  await theirs.getByTestId("sign-in-password").fill(password);
  await theirs.getByTestId("sign-in-submit").click();
  await theirs.getByText("opened from a link").waitFor();
  assert.equal(new URL(theirs.url()).hash, "", "the fragment is gone");
  assert.equal(await theirs.getByTestId("draft-name").inputValue(), "Bérénice’s spring “review”");
  assert.equal(await theirs.getByTestId("limit-score_3").inputValue(), "75");
  assert.equal(await theirs.getByTestId("tier-2").inputValue(), "2");
  // Checked in the Web Worker: what is shown follows the draft.
  await theirs.getByTestId("assertion").waitFor();
  assert.equal(await theirs.getByTestId("assertion").count(), 1);
  await theirs.locator("[data-test=draft-state][data-unsaved=true]", { hasText: "not saved" }).waitFor();
  assert.ok(sent.every((request) => !request.includes("draft=") && !request.includes("score_3")), "nothing was sent");
  await theirs.getByTestId("undo").click();
  assert.equal(await theirs.getByTestId("limit-score_3").inputValue(), "80", "undo goes back to what is published");
  await other.close();
});

walk("links that are damaged, foreign, too long or hostile are refused in words and harm nothing", async ({ page, accessible }) => {
  const policy = { limits: { a: "much" }, rules: [{ id: "x", tier: 1, any: [{ score_from: "a" }] }], fallback: 0 };
  const rules = Array.from({ length: 10_000 }, (_, n) => ({ id: `r${n}`, tier: 1, any: [{ score_from: "1" }] }));
  const bad = [
    ["/policy#draft=", /damaged/],
    ["/policy#draft=AQ!!", /damaged/],
    ["/policy#draft=AQID", /damaged/],
    [packed("{\"name\":1}"), /damaged/],
    [packed("{}", 9), /version 9/],
    [packed(JSON.stringify({ name: "x", policy })), /not valid: limits\.a/],
    [packed(JSON.stringify({ name: "x", policy: { rules, fallback: 0 } })), /not valid: rules: 10000 rules are more than 200/],
    // A megabyte of nothing in a thousand letters, and a link longer than any.
    [packed(" ".repeat(3 << 20)), /longer than any draft/],
    [`/policy#draft=${"A".repeat(70_000)}`, /longer than any draft/],
  ];
  for (const [address, words] of bad) {
    await page.goto("about:blank");
    await openSimulator(page, address);
    assert.match(await page.getByTestId("link-failed").textContent(), words);
    assert.equal(new URL(page.url()).hash, "");
    await isUnedited(page);
  }
  await accessible();

  // Pasted over a draft in the making, which stays.
  await page.getByTestId("limit-score_3").fill("77");
  await page.evaluate((hash) => (location.hash = hash), bad[2][0].split("#")[1]);
  await page.getByTestId("link-failed").filter({ hasText: "damaged" }).waitFor();
  assert.equal(await page.getByTestId("limit-score_3").inputValue(), "77");
});

walk("the swap set names the rules that moved each judgment, filters by them and exports them", async ({ page, accessible }) => {
  await openSimulator(page);
  await page.getByTestId("limit-score_2").fill("50");
  await page.getByTestId("limit-balance_1").fill("8000");
  const pairs = page.getByTestId("rule-pair");
  await pairs.filter({ hasText: "t1 → everything else" }).waitFor();
  const shown = await pairs.allTextContents();
  assert.ok(shown.some((words) => words.startsWith("t1 → t2")) && shown.some((words) => words.startsWith("t1 → everything else")), shown.join());
  const moved = Number(await page.getByTestId("swap-set").getAttribute("data-moved"));
  const counts = (await pairs.locator(".count").allTextContents()).map((count) => Number(count.replaceAll(",", "")));
  assert.equal(counts.reduce((a, b) => a + b), moved, "every move has its pair");

  await pairs.filter({ hasText: "t1 → everything else" }).click();
  const listed = () => page.getByTestId("swap-set").getAttribute("data-listed").then(Number);
  assert.equal(await listed(), counts[shown.findIndex((words) => words.startsWith("t1 → everything"))]);
  assert.deepEqual(new Set(await page.getByTestId("rules").allTextContents()), new Set(["t1 → everything else"]));
  await accessible();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("export-swap-set").click()]);
  const [head, first, ...rest] = (await readFile(await download.path(), "utf8")).trim().split("\r\n");
  assert.match(head, /,reason_after,rule_before,rule_after,moved_by$/);
  assert.match(first, /,t1,,rule t1 balance 5000→8000$/);
  assert.equal(rest.length + 1, await listed());

  // From a row: the same filter for its own pair.
  await page.getByTestId("swap-filter-cell").click();
  assert.equal(await listed(), moved);
  await page.getByTestId("rules").first().getByRole("button").click();
  assert.ok((await listed()) < moved);
  assert.equal(new URL(page.url()).pathname, "/policy", "the row itself was not opened");
});

walk("every number of the preview opens the judgments behind it, also those that stay", async ({ page, accessible }) => {
  await openSimulator(page);
  await page.getByTestId("limit-score_2").fill("50");
  // The list follows an edit when it rests.
  const lists = (count) => page.locator(`[data-test=swap-set][data-listed="${count}"]`).waitFor();
  const number = async (test) => Number((await page.getByTestId(test).getAttribute("data-count")) ?? (await page.getByTestId(test).locator(".figures").innerText()).replaceAll(/[^\d]/g, ""));
  for (const test of ["matrix-cell-1-1", "matrix-cell-1-2", "matrix-row-2", "matrix-column-3", "matrix-total"]) {
    await page.getByTestId(test).getByRole("button").click();
    await lists(await number(test));
  }
  for (const [test, words] of [["total-before-1", "tier 1 before"], ["total-after-2", "tier 2 after"], ["total-effective-3", "effective tier 3"]]) {
    const button = page.getByTestId(test).getByRole("button");
    const count = Number((await button.textContent()).replace(/^.*: /, "").replaceAll(",", ""));
    await button.click();
    await lists(count);
    assert.match(await page.getByTestId("swap-filter-cell").textContent(), new RegExp(words));
  }
  assert.ok((await page.locator("[data-test=swap-row] .moved-by").allTextContents()).includes("stays"));
  await accessible();
});

walk("the alluvial picture is read, measured and clicked, by mouse and by keyboard", async ({ page, accessible }) => {
  await openSimulator(page);
  await page.getByTestId("limit-score_2").fill("50");
  const count = await page.getByTestId("matrix-cell-1-2").getAttribute("data-count");
  const band = page.getByTestId("band-1-2");
  await band.hover({ force: true });
  const reading = page.getByTestId("alluvial-reading");
  assert.match(await reading.textContent(), /go from tier 1 Warm Prospects to tier 2 Active Enforcement: [\d.]+ % of tier 1 before/);
  await band.click({ force: true });
  await page.locator(`[data-test=swap-set][data-listed="${count}"]`).waitFor();
  assert.equal(await band.getAttribute("aria-selected"), "true");
  await accessible();

  const thickness = () => band.getAttribute("d");
  const byCount = await thickness();
  await page.getByTestId("picture-money").click();
  assert.notEqual(await thickness(), byCount, "money has other proportions");

  const picture = page.getByRole("listbox");
  await picture.focus();
  await page.mouse.move(5, 5);
  assert.match(await reading.textContent(), /stay in tier 3/);
  await page.keyboard.press("ArrowDown");
  assert.match(await reading.textContent(), /stay in tier 2|from tier 2|from tier 3/);
  const shown = (await reading.textContent()).match(/^[\d,]+/)[0].replaceAll(",", "");
  await page.keyboard.press("Enter");
  assert.equal(await page.getByTestId("swap-set").getAttribute("data-listed"), shown);
});

walk("capacities become people, are kept in this browser, and the queue says how long it takes", async ({ page, accessible }) => {
  await openSimulator(page);
  const effective = async (tier) => Number((await page.getByTestId(`total-effective-${tier}`).getByRole("button").textContent()).replace(/^.*: /, "").replaceAll(",", ""));
  await page.getByTestId("capacity-3").fill("10");
  await page.getByTestId("people").fill("1");
  const tenths = Math.round((await effective(3)) / 1);
  assert.equal(await page.getByTestId("people-after-3").textContent(), `${Math.floor(tenths / 10).toLocaleString("en-US")}.${tenths % 10}`);
  assert.match(await page.getByTestId("people-verdict").textContent(), /too few/);
  await page.getByTestId("people").fill("99999");
  assert.match(await page.getByTestId("people-verdict").textContent(), /to spare/);
  const active = await page.getByTestId("matrix-total").getAttribute("data-count");
  assert.equal((await page.getByTestId("queue-after").locator("dd").first().textContent()).replaceAll(",", ""), active);
  assert.ok(Number(await page.getByTestId("queue-after").getAttribute("data-rate")) > 0, "the demonstration has been refreshed");
  await accessible();
  await openSimulator(page);
  assert.equal(await page.getByTestId("capacity-3").inputValue(), "10");
  assert.equal(await page.getByTestId("people").inputValue(), "99,999");
});

walk("at the width of a phone nothing sticks out and the table can still be edited", phone, async ({ page, accessible }) => {
  await openSimulator(page);
  await page.getByTestId("limit-score_3").fill("75");
  await page.getByTestId("grip-0").click();
  await page.getByTestId("menu-duplicate").click();
  assert.deepEqual(await ids(page), ["t3", "t3-copy", "t2", "t1"]);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "no sideways scrolling");
  await accessible();
});
