// An operator's morning: Today, the list of cases, one case with its forms, many cases at once; by mouse and by keyboard.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { suite } from "./harness.mjs";
import { rows, value } from "./database.mjs";

const { walk } = suite({ judgments: 3_000 });

const EFFECTIVE = "public.effective_tier_text(tier, tier_override, override_expires_at)";
const call = async (context, server, name, data) => {
  const answer = await context.request.post(`/rpc/${name}`, { data, headers: { Origin: server.url } });
  assert.equal(answer.status(), 200, await answer.text());
  return answer.json();
};
/** An open case in intake that nothing has happened to */
const fresh = (server, number = 0) =>
  rows(server, `select id, current_balance from public.enforcement_cases c where closed_at is null and current_stage = 'pre_enforcement'
     and current_balance > 1000 and not exists (select from public.enforcement_history h where h.enforcement_case_id = c.id)
     order by id offset ${number} limit 1`)[0];
const done = (page) => page.getByTestId("case-form").waitFor({ state: "hidden" });

walk("the morning list leads to the form that mends", async ({ page, server, accessible }) => {
  await page.goto("/");
  await page.getByTestId("today-past_due").waitFor();
  assert.match(page.url(), /\/today$/, "the home page is the morning list");
  const due = value(server, `select count(*) from public.enforcement_cases where closed_at is null and next_action_at < now() and ${EFFECTIVE} in ('tier2', 'tier3')`);
  assert.equal(await page.getByTestId("today-count-past_due").getAttribute("data-count"), due);
  await accessible();
  await page.getByTestId("today-past_due").getByTestId("mend-assign").first().click();
  await page.getByTestId("case-form").waitFor();
  const id = page.url().match(/cases\/([0-9a-f-]+)/)[1];
  await accessible();
  await page.getByTestId("form-submit").click();
  await done(page);
  assert.equal(value(server, `select owner_id is not null from public.enforcement_cases where id = '${id}'`), "t", "whoever asks is offered first");
  assert.ok(!page.url().includes("form="), "the address forgets the form");
  await page.getByTestId("nav-today").click();
  await page.getByTestId("today-all-past_due").click();
  await page.locator(`[data-test=cases-summary][data-total="${due}"]`).waitFor();
});

walk("a form refuses what the function would, and sends a double click once", async ({ page, context, server, accessible }) => {
  const [id, balance] = fresh(server);
  await page.goto(`/cases/${id}?form=stage`);
  await page.getByTestId("field-stage").selectOption("bank_levy");
  await page.getByTestId("form-submit").click();
  await page.getByTestId("field-error").waitFor();
  assert.match(await page.getByTestId("field-error").textContent(), /needs a document/);
  await accessible();
  assert.equal(value(server, `select current_stage from public.enforcement_cases where id = '${id}'`), "pre_enforcement");
  await page.getByTestId("form-cancel").click();

  await call(context, server, "add_enforcement_document", { case_id: id, doc_kind: "bank_levy_filed", storage_path: "walk/writ.pdf" });
  // What was done elsewhere shows without a reload.
  await page.getByTestId("case-document").filter({ hasText: "writ.pdf" }).waitFor();
  // A file is kept, and another stage may rest on it at once.
  await page.getByTestId("do-document").first().click();
  await page.getByTestId("field-file").setInputFiles({ name: "affidavit.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n%%EOF\n") });
  await page.getByTestId("field-doc_kind").selectOption("evidence");
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.getByTestId("case-document").filter({ hasText: "affidavit.pdf" }).getByRole("link").waitFor();
  await page.getByTestId("do-stage").click();
  await page.getByTestId("field-stage").selectOption("bank_levy");
  await page.getByTestId("field-document_path-known").selectOption("walk/writ.pdf");
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.locator("[data-test=case-stage][data-stage=bank_levy]").waitFor();
  const moved = page.locator("[data-test=timeline-item][data-kind=case_stage_changed]").first();
  await moved.waitFor();
  assert.match(await moved.textContent(), /set_enforcement_stage/, "which function moved it");
  assert.match(await moved.textContent(), /Pre enforcement → Bank levy/, "and from where");

  await page.getByTestId("do-payment").click();
  await page.getByTestId("field-amount").fill("12.345");
  await page.getByTestId("form-submit").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("field-amount").fill(String(Number(balance) + 1));
  await page.getByTestId("field-credit").waitFor();
  await page.getByTestId("field-amount").fill("100.50");
  await page.getByTestId("form-submit").dblclick();
  await done(page);
  assert.equal(value(server, `select count(*) from public.enforcement_payments where enforcement_case_id = '${id}'`), "1");
  await page.locator("[data-test=timeline-item][data-kind=payment_received]").waitFor();
  await page.getByTestId("case-balance").filter({ hasText: "$100.50 recovered" }).waitFor();

  // The server's word stands at the field that it names.
  await page.goto(`/cases/${id}?form=action`);
  await page.getByTestId("field-action_type").selectOption("marshal");
  await page.getByTestId("field-status").selectOption("completed");
  await page.getByTestId("form-submit").click();
  await page.getByTestId("form-error").waitFor();
  assert.match(await page.getByTestId("form-error").textContent(), /no active marshal/);
});

walk("an event ends an open task, but no call", async ({ page, context, server }) => {
  const [id] = fresh(server, 2);
  await page.goto(`/cases/${id}`);
  await page.getByTestId("do-event").waitFor();
  const plaintiff = value(server, `select plaintiff_id from public.enforcement_cases where id = '${id}'`);
  await call(context, server, "add_plaintiff_task", { plaintiff_id: plaintiff, case_id: id, title: "Call about the bank" });
  await call(context, server, "add_plaintiff_task", { plaintiff_id: plaintiff, case_id: id, kind: "letter", title: "Send the retainer" });
  await page.getByTestId("do-task").click();
  await page.getByTestId("field-kind").selectOption("research");
  await page.getByTestId("form-submit").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("field-title").fill("Find the employer");
  await page.getByTestId("form-submit").click();
  await done(page);
  const task = page.getByTestId("case-task");
  await task.filter({ hasText: "Find the employer" }).getByTestId("task-done").click();
  await task.filter({ hasText: "Find the employer" }).waitFor({ state: "detached" });
  await task.filter({ hasText: "Call about the bank" }).waitFor();
  await task.filter({ hasText: "Send the retainer" }).waitFor();
  await page.getByTestId("do-event").click();
  const ends = page.getByTestId("field-related_task_id");
  await ends.waitFor();
  assert.deepEqual(await ends.locator("option").allTextContents(), ["None", "Send the retainer"]);
  await page.getByTestId("field-event_kind").selectOption("asset_search_requested");
  await ends.selectOption({ label: "Send the retainer" });
  await page.getByTestId("form-submit").click();
  await done(page);
  await task.filter({ hasText: "Send the retainer" }).waitFor({ state: "detached" });
  assert.equal(value(server, `select string_agg(kind || ' ' || status, ', ' order by kind) from public.plaintiff_tasks where enforcement_case_id = '${id}' and title in ('Call about the bank', 'Send the retainer')`), "call open, letter completed");
  // Where calls alone are open, nothing is offered.
  await page.getByTestId("do-event").click();
  await page.getByTestId("field-event_kind").waitFor();
  assert.equal(await ends.count(), 0);
});

walk("blocked, overridden, noted, closed: each by its form and each on the timeline", async ({ page, server, accessible }) => {
  const [id] = fresh(server, 1);
  const next = value(server, "select (now() + interval '20 days')::date");
  await page.goto(`/cases/${id}`);
  await page.getByTestId("do-event").click();
  await page.getByTestId("field-event_kind").selectOption("blocked");
  await page.getByTestId("field-eta").fill(next);
  await page.getByTestId("field-note").fill("the marshal is on leave");
  await page.keyboard.press("Tab");
  await page.getByTestId("form-submit").press("Enter");
  await done(page);
  await page.getByTestId("case-blocked").waitFor();
  assert.equal(value(server, `select (next_action_at at time zone o.time_zone)::date from public.enforcement_cases c join public.organisations o on o.id = c.org_id where c.id = '${id}'`), next);
  await page.getByTestId("do-unblock").click();
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.getByTestId("case-blocked").waitFor({ state: "hidden" });

  await page.getByTestId("do-override").click();
  await page.getByTestId("field-tier").selectOption("tier3");
  await page.getByTestId("field-expires_at").fill(next);
  await page.getByTestId("form-submit").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("field-note").fill("VIP");
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.getByTestId("countdown").waitFor();
  assert.equal(value(server, `select tier_override from public.enforcement_cases where id = '${id}'`), "tier3");
  await accessible();

  await page.getByTestId("do-note").click();
  await page.getByTestId("field-note").fill("called counsel");
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.getByTestId("timeline-event").click();
  await page.locator("[data-test=timeline-item][data-kind=note]").waitFor();
  assert.match(page.url(), /show=event/);
  await page.locator("[data-test=timeline-item]:not([data-source=event])").first().waitFor({ state: "detached" });

  await page.getByTestId("do-stage").click();
  assert.ok(!(await page.getByTestId("field-stage").locator("option").allTextContents()).includes("Closure"), "closing has its own form");
  await page.getByTestId("form-cancel").click();
  await page.getByTestId("do-priority").click();
  await page.getByTestId("field-priority_level").selectOption("urgent");
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.getByTestId("case-priority").filter({ hasText: "Urgent" }).waitFor();
  await page.getByTestId("do-action").first().click();
  await page.getByTestId("field-action_type").selectOption("marshal");
  await page.getByTestId("field-status").selectOption("planned");
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.locator("[data-test=case-action][data-type=marshal]").waitFor();

  // What closing ends, and what stays due, is said before; it asks for a second yes.
  await page.getByTestId("do-close").click();
  const owed = value(server, `select to_char(current_balance, 'FM$999,999,990.00') from public.enforcement_cases where id = '${id}'`);
  const said = page.getByTestId("case-form");
  await said.filter({ hasText: /1 running action \(marshal\)/ }).waitFor();
  assert.ok((await said.textContent()).includes(`${owed} is still due`), `${owed} in ${await said.textContent()}`);
  await page.getByTestId("field-status").selectOption("satisfied");
  await said.filter({ hasText: "stays on it as never paid" }).waitFor();
  await page.getByTestId("field-status").selectOption("uncollectible");
  await said.filter({ hasText: "may get a new case" }).waitFor();
  await page.getByTestId("form-submit").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("field-confirmed").check();
  await accessible();
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.getByTestId("case-closed").waitFor();
  assert.equal(value(server, `select closure_reason from public.enforcement_cases where id = '${id}'`), "uncollectible");
});

walk("the list filters by its address, opens by keyboard and exports itself", async ({ page, server, accessible }) => {
  await page.goto("/cases");
  await page.getByTestId("case-row").first().waitFor();
  await accessible();
  await page.getByTestId("filter-past_due").click();
  const due = value(server, "select count(*) from public.enforcement_cases where closed_at is null and next_action_at < now()");
  await page.locator(`[data-test=cases-summary][data-total="${due}"]`).waitFor();
  assert.match(page.url(), /past_due=true/);
  const download = page.waitForEvent("download");
  await page.getByTestId("export-csv").click();
  const lines = (await readFile(await (await download).path(), "utf8")).trim().split("\n");
  assert.equal(lines.length - 1, Number(due));
  await page.getByRole("grid").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByTestId("case-head").waitFor();
  assert.ok(page.url().includes(lines[1].split(",")[0]), "the first of the list, as in the export");
  await page.goto("/cases?search=nobody-has-this");
  await page.getByTestId("clear-empty").waitFor();
});

walk("a plan changes many cases, tells which it left and why, and survives a reload", async ({ page, context, server, accessible }) => {
  await page.goto("/cases?stage=contact_validation");
  await page.getByTestId("case-row").first().waitFor();
  await page.locator("[data-test=cases-summary]:not([data-total='0'])").waitFor();
  const total = Number(await page.getByTestId("cases-summary").getAttribute("data-total"));
  assert.ok(total > 2, `${total} cases`);
  await page.getByTestId("bulk").click();
  await page.getByTestId("bulk-move_stage").click();
  await page.getByTestId("bulk-stage").selectOption("asset_discovery");
  await accessible();
  await page.getByTestId("bulk-plan").click();
  await page.locator(`[data-test=plan-summary][data-ready="${total}"]`).waitFor();
  await accessible();
  await page.reload();
  await page.locator(`[data-test=plan-summary][data-ready="${total}"]`).waitFor();
  const [[changed]] = rows(server, "select id from public.enforcement_cases where closed_at is null and current_stage = 'contact_validation' limit 1");
  await call(context, server, "set_next_action", { case_id: changed, next_action_at: "2099-01-01" });
  await page.getByTestId("plan-apply").click();
  await page.locator("[data-test=bulk-plan-shown][data-state=done]").waitFor();
  assert.equal(await page.getByTestId("plan-summary").getAttribute("data-applied"), String(total - 1));
  assert.match(await page.getByTestId("plan-left-out").textContent(), /changed meanwhile/);
  assert.equal(value(server, "select count(*) from public.enforcement_cases where closed_at is null and current_stage = 'contact_validation'"), "1");
  await page.getByTestId("plan-close").click();
  // Its list has heard of it.
  await page.locator(`[data-test=cases-summary][data-total="1"]`).waitFor();
});

walk("a group of the morning list is shown whole, in the order in which to work it", async ({ page, context, server, accessible }) => {
  const judgments = rows(server, `select j.id from public.core_judgments j where j.tier >= 2 and j.status = 'unsatisfied'
     and not exists (select from public.enforcement_cases c where c.judgment_id = j.id) order by j.id limit 70`);
  for (const [judgment] of judgments) await call(context, server, "open_enforcement_case", { judgment_id: judgment });
  rows(server, `update public.enforcement_cases set next_action_at = now() - interval '1 day' where closed_at is null and ${EFFECTIVE} in ('tier2', 'tier3')`);
  await page.goto("/today");
  const group = page.getByTestId("today-past_due");
  await group.waitFor();
  const count = Number(await page.getByTestId("today-count-past_due").getAttribute("data-count"));
  assert.ok(count > 60, `${count} cases`);
  assert.equal(await group.getByTestId("today-row").count(), 5);
  const rest = page.getByTestId("today-rest-past_due");
  assert.match(await rest.textContent(), new RegExp(`${(count - 5).toLocaleString("en-US")}$`));
  await rest.press("Enter");
  await group.getByTestId("today-row").nth(49).waitFor();
  const tiers = await group.locator("[data-test=today-row] .tier").allTextContents();
  const numbers = tiers.map((tier) => Number(tier.match(/\d/)[0]));
  assert.ok(numbers.every((tier, place) => place === 0 || numbers[place - 1] >= tier), `tier 3 first: ${numbers}`);
  await group.getByTestId("more").click();
  await group.getByTestId("today-row").nth(Math.min(count, 100) - 1).waitFor();
  // What somebody else does leaves the group as it is shown, without what is mended.
  const id = (await group.getByTestId("today-row").first().getByRole("link").first().getAttribute("href")).split("/").at(-1);
  await call(context, server, "set_next_action", { case_id: id, next_action_at: "2099-01-01" });
  await group.locator(`a[href="/cases/${id}"]`).waitFor({ state: "detached" });
  assert.ok(await group.getByTestId("today-row").count() >= Math.min(count - 1, 99));
  await accessible();
});

walk("recent events are shown by kind and without an end; a timeline leads to its documents", async ({ page, context, server, accessible }) => {
  const [[id]] = rows(server, "select id from public.enforcement_cases where closed_at is null order by id desc limit 1");
  for (let n = 0; n < 120; n += 1) await call(context, server, "log_enforcement_event", { case_id: id, event_kind: "note", note: `note ${n}` });
  await call(context, server, "log_enforcement_event", { case_id: id, event_kind: "asset_search_completed" });
  await page.goto("/cases?events=on");
  const events = page.getByTestId("recent-event");
  await events.first().waitFor();
  await page.getByTestId("recent-kind").selectOption("note");
  await page.waitForURL(/event_kind=note/);
  await page.locator("[data-test=recent-event]:not([data-kind=note])").first().waitFor({ state: "detached" });
  const more = page.getByTestId("recent-panel").getByTestId("more");
  await more.click();
  await events.nth(99).waitFor();
  await more.click();
  await events.nth(119).waitFor();
  // What comes in meanwhile takes nothing away from what is shown.
  await call(context, server, "log_enforcement_event", { case_id: id, event_kind: "note", note: "the newest" });
  await events.first().filter({ hasText: "the newest" }).waitFor();
  assert.ok(await events.count() >= 120);
  await accessible();

  await page.goto(`/cases/${id}?form=document`);
  // Long enough to be compressed on its way.
  const lease = Buffer.from(`%PDF-1.4\n${"This lease is of the apartment.\n".repeat(10_000)}%%EOF\n`);
  await page.getByTestId("field-file").setInputFiles({ name: "lease.pdf", mimeType: "application/pdf", buffer: lease });
  await page.getByTestId("field-doc_kind").selectOption("evidence");
  await page.getByTestId("form-submit").click();
  await done(page);
  await page.getByTestId("timeline-document").click();
  await page.waitForURL(/show=document/);
  const item = page.locator("[data-test=timeline-item][data-source=document]");
  await item.waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), item.getByTestId("document-link").click()]);
  assert.equal(download.suggestedFilename(), "lease.pdf");
  assert.ok(lease.equals(await readFile(await download.path())));
  await page.getByTestId("timeline-all").click();
  await page.locator("[data-test=timeline-item][data-source=event]").first().waitFor();
  assert.equal(await page.locator("[data-test=timeline-item][data-kind=document_added]").count(), 0, "the upload is one entry");
});

walk("recent events stand beside the list and go on by themselves; a judgment gets its case", async ({ page, context, server, accessible }) => {
  const [[judgment]] = rows(server, `select j.id from public.core_judgments j where j.status = 'unsatisfied'
     and not exists (select from public.enforcement_cases c where c.judgment_id = j.id) order by judgment_no limit 1`);
  await page.goto(`/judgments/${judgment}`);
  await page.getByTestId("open-a-case").dblclick();
  await page.getByTestId("case-head").waitFor();
  assert.equal(value(server, `select count(*) from public.enforcement_cases where judgment_id = '${judgment}'`), "1");
  const id = page.url().match(/cases\/([0-9a-f-]+)/)[1];
  await page.goto("/cases");
  await page.getByTestId("recent-toggle").click();
  await page.getByTestId("recent-panel").waitFor();
  await call(context, server, "log_enforcement_event", { case_id: id, event_kind: "asset_search_requested", note: "from elsewhere" });
  await page.locator("[data-test=recent-event][data-kind=asset_search_requested]").first().waitFor();
  await accessible();
});

const ready = { "/today": "[data-test=today-count-past_due]", "/cases": "[data-test=case-row]", case: "[data-test=timeline-item]" };
for (const path of Object.keys(ready)) {
  for (const colorScheme of ["light", "dark"]) {
    walk(`${path} fits a telephone and is accessible there (${colorScheme})`, { context: { viewport: { width: 390, height: 844 }, colorScheme } }, async ({ page, server, accessible }) => {
      const [[id]] = rows(server, "select c.id from public.enforcement_cases c join public.enforcement_events e on e.enforcement_case_id = c.id limit 1");
      await page.goto(path === "case" ? `/cases/${id}` : path);
      await page.locator(ready[path]).first().waitFor();
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the screen");
      await accessible();
    });
  }
}
