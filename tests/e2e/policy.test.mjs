// The promise of the product: what the simulator shows before publishing is what the database holds afterwards.

import assert from "node:assert/strict";
import { suite } from "./harness.mjs";
import { rows, value } from "./database.mjs";

const { walk } = suite({ judgments: 100_000 });

const cells = [0, 1, 2, 3].flatMap((before) => [0, 1, 2, 3].map((after) => [before, after]));

/** Each cell of the matrix on the page as [count, cents] */
async function shownMatrix(page, prefix = "matrix") {
  const shown = {};
  for (const [before, after] of cells) {
    const cell = page.getByTestId(`${prefix}-cell-${before}-${after}`);
    shown[`${before}→${after}`] = [await cell.getAttribute("data-count"), await cell.getAttribute("data-cents")];
  }
  return shown;
}

async function openSimulator(page) {
  await page.goto("/policy");
  await page.getByTestId("result").waitFor();
  await page.getByTestId("limit-score_2").waitFor();
}

walk("a moved limit is previewed at once and without asking the server", async ({ page, accessible }) => {
  await openSimulator(page);
  await accessible();
  const before = await shownMatrix(page);
  const requests = [];
  page.on("request", (request) => requests.push(`${request.method()} ${request.url()}`));
  await page.getByTestId("limit-score_3").fill("75");
  assert.equal(await page.getByTestId("limit-slider-score_3").inputValue(), "75", "slider and field are one limit");
  const after = await shownMatrix(page);
  assert.notDeepEqual(after, before);
  assert.ok(Number(after["2→3"][0]) > 0, "scores from 75 to 80 move from tier 2 to 3");
  // Names of the rows in view are the one thing that the snapshot leaves out.
  assert.deepEqual(requests.filter((request) => !request.endsWith("/api/judgments/by-no")), []);

  for (let score = 60; score < 100; score += 1) await page.getByTestId("limit-slider-score_3").fill(String(score));

  await page.keyboard.press("Control+z");
  assert.equal(await page.getByTestId("limit-score_3").inputValue(), "98", "undo takes back the last step");
});

walk("revision 1 has cliffs and a gap; the ready-made repair has none, and says what it changes", async ({ page, accessible }) => {
  await openSimulator(page);
  const findings = page.getByTestId("findings");
  await page.locator("[data-test=findings][data-faults='3']").waitFor();
  assert.equal(await page.getByTestId("finding-cliff").count(), 2);
  assert.match(await page.getByTestId("finding-cliff").last().textContent(), /\$49,999\.99 to \$50,000.*1 asset signal falls from tier 2/);
  assert.equal(await page.getByTestId("finding-gap").count(), 1);
  await findings.getByRole("button", { name: "Show" }).nth(1).click();
  assert.equal(await page.getByTestId("map-assets-1").getAttribute("aria-pressed"), "true", "the map shows one asset");
  assert.equal(await page.getByTestId("map-plot").locator(".marked").count(), 2);

  await page.getByTestId("draft-chooser").selectOption("monotone");
  await page.locator("[data-test=findings][data-faults='0']").waitFor();
  const regions = await page.getByTestId("difference-region").allTextContents();
  assert.equal(regions.length, 3);
  assert.match(regions[0], /^Score below 35, balance \$15,000 or more, no asset signal/);
  assert.equal(await page.getByTestId("map-plot").locator(".marked").count(), 0, "what is mended is no longer outlined");
  assert.ok((await page.getByTestId("map-plot").locator(".changed").count()) > 0);

  // By keyboard: to an area that the draft changes, and into the swap set with it.
  await page.getByTestId("map-plot").focus();
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("Shift+ArrowLeft");
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("Shift+ArrowUp");
  assert.match(await page.getByTestId("map-reading").textContent(), /1 asset — tier 0 → 2 Active Enforcement/);
  await page.keyboard.press("Enter");
  await page.getByTestId("swap-filter-area").waitFor();
  const listed = Number(await page.getByTestId("swap-set").getAttribute("data-listed"));
  const moved = Number(await page.getByTestId("swap-set").getAttribute("data-moved"));
  assert.ok(listed > 0 && listed < moved, `${listed} of ${moved}`);
  await accessible();
});

walk("limits out of order are an error at the field, and nothing can be published", async ({ page }) => {
  await openSimulator(page);
  await page.getByTestId("limit-score_2").fill("90");
  await page.locator("[data-test^=error-]").first().waitFor();
  assert.ok(await page.getByTestId("publish").isDisabled());
  assert.match(await page.getByTestId("stays-valid").textContent(), /last valid/);
  await page.getByTestId("limit-score_2").fill("not a number");
  await page.locator("[data-test^=error-]").first().waitFor();
});

walk("the preview equals the outcome, cell for cell and cent for cent", async ({ page, server, accessible }) => {
  rows(server, "create table public.tiers_before as select id, tier, coalesce(balance_due, 0) as balance from public.core_judgments where not public.is_closed_status(status)");
  assert.equal(value(server, "select count(*) from public.tiers_before where tier is null"), "0", "the demonstration is tiered");

  await openSimulator(page);
  await page.getByTestId("limit-score_3").fill("75.5");
  await page.getByTestId("limit-balance_2").fill("12,000");
  await page.getByTestId("limit-score_1").fill("40");
  const shown = await shownMatrix(page);
  await page.getByTestId("draft-name").fill("Spring review");
  await page.getByTestId("save-draft").click();
  await page.locator("[data-test=draft-state][data-unsaved=false]").waitFor();
  await page.getByTestId("publish").click();
  await page.getByTestId("publish-dialog").waitFor();
  await accessible();
  assert.ok(await page.getByTestId("publish-confirm").isDisabled(), "a publish needs a note");
  await page.getByTestId("publish-note").fill("Spring review of the limits");
  await page.getByTestId("publish-confirm").click();
  await page.locator("[data-test=reconciliation][data-equal=true]").waitFor({ timeout: 60_000 });
  await accessible();

  const counted = Object.fromEntries(cells.map(([before, after]) => [`${before}→${after}`, ["0", "0"]]));
  for (const [before, after, count, cents] of rows(
    server,
    `select b.tier, j.tier, count(*), (sum(b.balance) * 100)::bigint
       from public.tiers_before b join public.core_judgments j using (id) group by 1, 2`,
  )) {
    counted[`${before}→${after}`] = [count, cents];
  }
  assert.deepEqual(shown, counted);
  assert.equal(value(server, "select count(*) from public.core_judgments where not public.is_closed_status(status) and tier_policy_revision <> 2"), "0");
  assert.equal(value(server, "select count(*) from public.tier_policies where state = 'published'"), "1");
});

walk("a publish on facts that have moved is refused, names them and previews again", async ({ page, server }) => {
  await openSimulator(page);
  await page.getByTestId("limit-score_3").fill("70");
  await page.getByTestId("draft-name").fill("Moved");
  const [[number, caseNumber]] = rows(server, "select judgment_no, case_number from public.core_judgments where not public.is_closed_status(status) and balance_due > 1 order by judgment_no limit 1");
  rows(server, `update public.core_judgments set balance_due = balance_due - 1 where judgment_no = ${number}`);
  await page.getByTestId("publish").click();
  await page.getByTestId("publish-note").fill("will be refused once");
  await page.getByTestId("publish-confirm").click();
  await page.getByTestId("facts-moved").waitFor();
  assert.match(await page.getByTestId("facts-moved").textContent(), new RegExp(caseNumber));
  // Previewed again on the new facts: now it is accepted.
  await page.locator("[data-test=publish-confirm]:not([disabled])").waitFor();
  await page.getByTestId("publish-confirm").click();
  await page.locator("[data-test=reconciliation][data-equal=true]").waitFor({ timeout: 60_000 });
});

// The last one: whoever publishes after it meets its guardrails.
walk("a guardrail that breaks refuses the publish, until a reason is given", async ({ page, server, accessible }) => {
  await openSimulator(page);
  await page.getByTestId("draft-chooser").selectOption("monotone");
  await page.locator("[data-test=draft-state]").waitFor();
  await page.getByTestId("assertion-amount").fill("much");
  await page.getByTestId("assertion-tier").selectOption("1");
  await page.getByTestId("add-assertion").click();
  assert.match(await page.getByTestId("assertion-error").textContent(), /balance in dollars/);
  await page.getByTestId("assertion-amount").fill("$50,000");
  await page.getByTestId("add-assertion").click();
  await page.getByTestId("assertion-kind").selectOption("law");
  await page.getByTestId("assertion-law").selectOption("1");
  await page.getByTestId("add-assertion").click();
  // Checked in the Web Worker: what is shown follows the edit.
  await page.getByTestId("assertion").nth(1).waitFor();
  await page.locator("[data-test=assertions][data-failing='0'][aria-busy=false]").waitFor();
  assert.match(await page.getByTestId("assertion").last().textContent(), /Proved for every judgment/);

  // At most 1 % of the judgments may change tier; the draft moves more.
  await page.getByTestId("assertion-kind").selectOption("moved");
  await page.getByTestId("assertion-amount").fill("1 %");
  await page.getByTestId("add-assertion").click();
  await page.getByTestId("limit-score_2").fill("50");
  await page.locator("[data-test=assertions][data-failing='1']").waitFor();
  await accessible();
  const shown = await shownMatrix(page);
  await page.getByTestId("publish").click();
  await page.getByTestId("publish-note").fill("A wider tier 2");
  await page.getByTestId("publish-failing").waitFor();
  assert.ok(await page.getByTestId("publish-confirm").isDisabled(), "what breaks a guardrail needs a reason");
  await page.getByTestId("override-note").fill("Agreed with the board on Friday");
  await accessible();
  await page.getByTestId("publish-confirm").click();
  await page.locator("[data-test=reconciliation][data-equal=true]").waitFor({ timeout: 60_000 });
  assert.deepEqual(await shownMatrix(page, "actual"), shown);
  assert.equal(value(server, "select overruled[1] from public.tier_policies where state = 'published'"), "guardrails[1]");
  const kept = "select override_note || ' / ' || jsonb_array_length(assertions -> 'guardrails') from public.tier_policies where state = 'published'";
  assert.equal(value(server, kept), "Agreed with the board on Friday / 2");
  await page.goto("/policy/history");
  const overruled = page.getByTestId("overruled").first();
  assert.equal(await overruled.textContent(), "Guardrail 2 overruled: Agreed with the board on Friday");
});
