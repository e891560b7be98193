// Beside the cases: calls by keyboard, the pipeline, a plaintiff, the weekly review, the stages; on a telephone too.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { suite } from "./harness.mjs";
import { rows, value } from "./database.mjs";

const { walk } = suite({ judgments: 400 });

/** Calls a function as the person whose page it is */
async function rpc(page, name, data) {
  const answer = await page.request.post(`/rpc/${name}`, { data, headers: { Origin: new URL(page.url()).origin } });
  assert.equal(answer.status(), 200, await answer.text());
  return answer.json();
}

/** So many open cases of the demonstration, the newest first */
const cases = (server, n) =>
  value(server, `select jsonb_agg(c) from (select id, plaintiff_id, judgment_id from public.enforcement_cases where closed_at is null and current_balance > 100 order by id limit ${n}) c`);

/** Plans a call for each of `n` plaintiffs; answers their ids, the one that is due first in front */
async function planCalls(page, server, n) {
  const ids = JSON.parse(value(server, `select jsonb_agg(id) from (select id from public.plaintiffs p where not exists (select from public.plaintiff_tasks t where t.plaintiff_id = p.id) order by name limit ${n}) p`));
  for (const [place, id] of ids.entries()) {
    await rpc(page, "add_plaintiff_task", { plaintiff_id: id, due_at: `2020-01-0${place + 1}` });
    await rpc(page, "put_plaintiff_contact", { plaintiff_id: id, name: "Grace Hopper", phone: `555-010${place}`, is_primary: true });
  }
  return ids;
}

walk("calls are worked by keyboard, each outcome sent once", async ({ page, server, accessible }) => {
  await page.goto("/calls");
  await page.getByTestId("empty").waitFor();
  const ids = await planCalls(page, server, 4);
  await page.reload();
  const rows = page.getByTestId("call");
  await rows.first().waitFor();
  assert.equal(await rows.count(), 4);
  const card = page.getByTestId("call-card");
  assert.equal(await page.getByTestId("phone").innerText(), "555-0100");
  await accessible();

  // Enter without an outcome asks for one.
  await page.keyboard.press("Enter");
  await page.getByTestId("field-error").waitFor();
  // Reached, hot, next week, a note; a second Enter at once does nothing more.
  await page.keyboard.press("1");
  await page.keyboard.press("h");
  await page.keyboard.press("k");
  await page.keyboard.press("m");
  await page.keyboard.type("wants to talk 1 2 3");
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("Control+Enter");
  await page.getByTestId("toast").filter({ hasText: "reached" }).waitFor();
  await page.waitForFunction(() => document.querySelector('[data-test="phone"]')?.textContent === "555-0101");
  const attempts = "select count(*) || ' ' || max(interest) || ' ' || max(notes) from public.plaintiff_call_attempts";
  assert.equal(value(server, attempts), "1 hot wants to talk 1 2 3");
  // By the organisation's clock the follow-up is at nine on a Monday.
  const followUp = "select to_char(due_at at time zone o.time_zone, 'ID HH24:MI') from public.plaintiff_tasks t join public.organisations o on o.id = t.org_id where t.status = 'open' and t.due_at > now()";
  assert.equal(value(server, followUp), "1 09:00");

  // A bad number ends it: nothing is planned, and nothing is offered.
  await page.keyboard.press("4");
  await page.getByTestId("terminal").waitFor();
  assert.equal(await page.getByTestId("follow-up").count(), 0);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector('[data-test="phone"]')?.textContent === "555-0102");

  // Do not call asks first; Escape of the question leaves all as it was.
  await page.keyboard.press("5");
  await page.keyboard.press("Enter");
  await page.getByTestId("confirm").waitFor();
  await page.getByTestId("cancel").click();
  assert.equal(value(server, "select count(*) from public.plaintiff_call_attempts"), "2");
  await page.getByTestId("log-call").click();
  await page.getByTestId("confirm").click();
  await page.waitForFunction(() => document.querySelector('[data-test="phone"]')?.textContent === "555-0103");
  assert.equal(value(server, `select status from public.plaintiffs where id = '${ids[2]}'`), "do_not_call");
  assert.equal(value(server, `select count(*) from public.plaintiff_tasks where plaintiff_id = '${ids[2]}' and status = 'open'`), "0");

  // Arrows go through the queue: the follow-up of the first call is its second row.
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.querySelector('[data-test="phone"]')?.textContent === "555-0100");
  await page.keyboard.press("ArrowUp");
  await page.getByTestId("due-past_due").click();
  await page.waitForURL(/due=past_due/);
  await page.waitForFunction(() => document.querySelectorAll('[data-test="call"]').length === 1);
  await page.getByTestId("tier-3").click();
  await page.getByTestId("clear-empty").click();
  await rows.nth(1).waitFor();
  assert.ok(await card.isVisible());

  // What is typed at a call is of that call; whoever does not answer is called again.
  await rows.nth(1).focus();
  await page.waitForFunction(() => document.querySelector('[data-test="phone"]')?.textContent === "555-0100");
  await page.keyboard.press("3");
  assert.equal(await page.getByTestId("pick-d").getAttribute("aria-pressed"), "true");
  await rows.first().focus();
  assert.equal(await page.getByTestId("phone").innerText(), "555-0100", "what is begun stays in hand");
  await rows.nth(1).focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("toast").filter({ hasText: /no answer\. Next call/ }).waitFor();
  const unanswered = "select string_agg(plaintiff_id::text, ' ') from public.plaintiff_call_attempts where outcome = 'no_answer'";
  assert.equal(value(server, unanswered), ids[0]);
  const inThreeDays = `select count(*) from public.plaintiff_tasks where plaintiff_id = '${ids[0]}' and status = 'open' and due_at between now() + interval '2 days' and now() + interval '4 days'`;
  assert.equal(value(server, inThreeDays), "1");
});

walk("what others do to calls and plaintiffs shows without a reload, and nothing that is entered is lost", async ({ page, server }) => {
  await page.goto("/plaintiffs");
  await page.getByTestId("plaintiff-row").first().waitFor();
  const [first, second, third] = await planCalls(page, server, 3);
  const [firstTask, secondTask] = [first, second].map((id) => value(server, `select id from public.plaintiff_tasks where plaintiff_id = '${id}' and status = 'open'`));
  const status = (id) => page.locator(`[data-test=plaintiff-row]:has(a[href="/plaintiffs/${id}"]) [data-test=status]`);
  const before = await status(first).getAttribute("data-status");
  await rpc(page, "set_plaintiff_status", { plaintiff_id: first, status: "qualified" });
  assert.notEqual(before, "qualified");
  await page.locator(`[data-test=plaintiff-row]:has(a[href="/plaintiffs/${first}"]) [data-status=qualified]`).waitFor();

  await page.getByTestId("nav-calls").click();
  const call = (id) => page.locator(`[data-test=call][data-plaintiff="${id}"]`);
  await call(first).click();
  await page.getByTestId("outcome-reached").click();
  await page.getByTestId("interest-hot").click();
  await page.getByTestId("notes").fill("asks for the agreement");
  const entered = async (why) => {
    assert.equal(await page.getByTestId("call-card").getAttribute("data-task"), firstTask, why);
    assert.equal(await page.getByTestId("outcome-reached").getAttribute("aria-pressed"), "true", why);
    assert.equal(await page.getByTestId("interest-hot").getAttribute("aria-pressed"), "true", why);
    assert.equal(await page.getByTestId("notes").inputValue(), "asks for the agreement", why);
  };
  // Somebody else logs another call: its row goes.
  await rpc(page, "log_call_outcome", { plaintiff_id: second, task_id: secondTask, outcome: "no_answer" });
  await call(second).waitFor({ state: "detached" });
  await entered("another call was logged");
  // A new call comes, due before all others, and a number of the call in hand changes.
  await rpc(page, "add_plaintiff_task", { plaintiff_id: second, due_at: "2019-01-01" });
  await call(second).waitFor();
  await rpc(page, "put_plaintiff_contact", { plaintiff_id: first, name: "Emmy Noether", phone: "555-0199", is_primary: true });
  await page.getByTestId("phone").filter({ hasText: "555-0199" }).waitFor();
  await entered("the queue has changed");
  // Somebody else logs the very call in hand: it goes, what is entered stays, and the server refuses it a second time.
  await rpc(page, "log_call_outcome", { plaintiff_id: first, task_id: firstTask, outcome: "no_answer" });
  await page.getByTestId("call-gone").waitFor();
  assert.equal(await call(first).count(), 0);
  await entered("the call was logged by somebody else");
  await page.getByTestId("log-call").click();
  await page.getByTestId("form-error").filter({ hasText: "already completed" }).waitFor();
  await entered("it was refused");
  await page.getByTestId("drop-entry").click();
  await page.waitForFunction((task) => document.querySelector('[data-test="call-card"]').dataset.task !== task, firstTask);
  assert.equal(await page.getByTestId("notes").inputValue(), "");
  assert.equal(value(server, `select count(*) from public.plaintiff_call_attempts where plaintiff_id = '${first}'`), "1");

  // A plaintiff's page, with a form half filled in.
  await page.goto(`/plaintiffs/${third}`);
  await page.getByTestId("open-contact").click();
  await page.getByTestId("contact-name").fill("Hedy Lamarr");
  await rpc(page, "add_plaintiff_task", { plaintiff_id: third, kind: "letter", title: "Send the retainer" });
  await rpc(page, "put_plaintiff_contact", { plaintiff_id: third, name: "Mary Somerville", phone: "555-0111" });
  await page.getByTestId("contact").filter({ hasText: "Mary Somerville" }).waitFor({ state: "attached" });
  await page.getByTestId("task").filter({ hasText: "Send the retainer" }).waitFor({ state: "attached" });
  assert.equal(await page.getByTestId("contact-name").inputValue(), "Hedy Lamarr");
});

walk("the pipeline follows what is done to its cases", async ({ page, server }) => {
  const open = JSON.parse(value(server, "select to_jsonb(c) from public.enforcement_cases c where closed_at is null and current_stage = 'pre_enforcement' order by id limit 1"));
  const county = value(server, `select county from public.core_judgments where id = '${open.judgment_id}'`);
  const tier = value(server, `select collectability_tier from public.v_collectability_snapshot where judgment_id = '${open.judgment_id}'`);
  await page.goto(`/pipeline?tier=${tier}&county=${encodeURIComponent(county)}`);
  await page.getByTestId("pipeline-row").first().waitFor();
  const row = page.locator(`[data-test=pipeline-row]:has(a[href="/cases/${open.id}"])`);
  while ((await row.count()) === 0) {
    const shown = await page.getByTestId("pipeline-row").count();
    await page.getByTestId("more").click();
    await page.waitForFunction((n) => document.querySelectorAll('[data-test="pipeline-row"]').length > n, shown);
  }
  await rpc(page, "set_enforcement_stage", { case_id: open.id, stage: "asset_discovery" });
  await row.filter({ hasText: "Asset discovery" }).waitFor();
  await rpc(page, "set_plaintiff_status", { plaintiff_id: open.plaintiff_id, status: "sent_agreement" });
  await row.filter({ hasText: "Sent agreement" }).waitFor();
});

walk("the pipeline is filtered in the address and exported as it is shown", async ({ page, accessible }) => {
  await page.goto("/pipeline");
  const rows = page.getByTestId("pipeline-row");
  await rows.first().waitFor();
  await accessible();
  const before = await rows.count();
  if (await page.getByTestId("more").isVisible()) {
    await page.getByTestId("more").click();
    await page.waitForFunction((n) => document.querySelectorAll('[data-test="pipeline-row"]').length > n, before);
  }
  await page.getByTestId("tier-B").click();
  await page.waitForURL(/tier=B/);
  await page.waitForFunction(() => [...document.querySelectorAll('[data-test="pipeline-row"]')].every((row) => row.dataset.tierOf === "B"));
  const ranks = await rows.evaluateAll((all) => all.map((row) => Number(row.dataset.rank)));
  assert.deepEqual(ranks, ranks.map((_, place) => place + 1));
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("export-csv").click()]);
  const lines = (await readFile(await download.path(), "utf8")).trim().split("\n");
  assert.ok(lines[0].startsWith("collectability_tier,tier_rank"));
  assert.ok(lines.length > ranks.length - 1 && lines.slice(1).every((line) => line.startsWith("B,")));
  await page.goto("/pipeline?priority=on_hold&tier=A");
  await page.getByTestId("clear-empty").click();
  await rows.first().waitFor();
});

walk("a plaintiff's page takes a contact, a status and a task", async ({ page, server, accessible }) => {
  await page.goto("/plaintiffs");
  const rows = page.getByTestId("plaintiff-row");
  await rows.first().waitFor();
  await accessible();
  const name = await rows.last().locator("a").innerText();
  await page.getByTestId("search").fill(name);
  await page.waitForURL(/search=/);
  await page.waitForFunction((name) => document.querySelector('[data-test="plaintiff-row"] a')?.textContent === name, name);
  await rows.first().locator("a").click();
  await page.getByTestId("balance").waitFor();
  await accessible();

  await page.getByTestId("open-contact").click();
  await page.getByTestId("save").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("contact-name").fill("Ada Lovelace");
  await page.getByTestId("contact-phone").fill("555-0177");
  await page.getByTestId("contact-primary").check();
  await page.getByTestId("save").dblclick();
  await page.getByTestId("contact").filter({ hasText: "Ada Lovelace" }).waitFor();
  assert.equal(value(server, "select count(*) from public.plaintiff_contacts where name = 'Ada Lovelace'"), "1");

  await page.getByTestId("open-task").click();
  await page.getByTestId("task-kind").selectOption("letter");
  await page.getByTestId("save").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("task-title").fill("Send the retainer");
  await page.getByTestId("save").click();
  const task = page.getByTestId("task").filter({ hasText: "Send the retainer" });
  await task.getByTestId("close-task").click();
  await page.getByTestId("save").click();
  await page.getByTestId("toast").filter({ hasText: "completed" }).waitFor();

  await page.getByTestId("open-status").click();
  await page.getByTestId("new-status").selectOption("signed");
  await page.getByTestId("status-note").fill("by mail");
  await page.getByTestId("save").click();
  await page.getByTestId("status-change").filter({ hasText: "by mail" }).waitFor();
  await page.goto("/plaintiffs/00000000-0000-0000-0000-000000000000");
  await page.getByTestId("empty").waitFor();
});

walk("the weekly review plans, explains and audits, and says how to come back", async ({ page, server, accessible }) => {
  await page.goto("/review");
  await page.getByTestId("week").waitFor();
  const [first, second] = JSON.parse(cases(server, 2));
  await rpc(page, "queue_enforcement_action", { case_id: first.id, action_type: "bank_levy", status: "planned" });
  await rpc(page, "record_enforcement_payment", { judgment_id: second.judgment_id, amount: "12.50" });
  await rpc(page, "set_tier_override", { case_id: first.id, tier: "tier3", note: "VIP", expires_at: "2099-01-01" });
  await rpc(page, "set_tier_override", { case_id: first.id, tier: "tier3", note: "VIP", expires_at: "2099-02-01" });
  for (let n = 0; n < 12; n++) await rpc(page, "log_enforcement_event", { case_id: second.id, event_kind: "note", note: `note ${n}` });
  await page.reload();
  await page.getByTestId("no-milestone").waitFor();
  assert.equal(await page.getByTestId("week-amount").innerText(), "$12.50");
  assert.equal(await page.getByTestId("without-milestone").innerText(), "1");
  const behind = page.locator('[data-test="review-tier"][data-tier-of="3"] a').first();
  assert.equal(await behind.getAttribute("href"), "/cases?tier=3");
  await accessible();

  // A plan, a payment, a finding of somebody else's come by themselves, beside a form that is half filled in.
  await page.locator('[data-test="override"][data-renewed="1"]').getByTestId("explain").click();
  await page.getByTestId("root-cause-text").fill("half a sen");
  const month = value(server, "select to_char(now() at time zone time_zone, 'YYYY-MM') from public.organisations limit 1");
  const planned = page.locator(`[data-test="month"][data-month="${month}"]`);
  await rpc(page, "set_recovery_plan", { month, amount: "1" });
  await page.locator(`[data-test="month"][data-month="${month}"][data-plan="1.00"]`).waitFor();
  await rpc(page, "set_recovery_plan", { month, amount: null });
  await page.locator(`[data-test="month"][data-month="${month}"]:not([data-plan])`).waitFor();
  await rpc(page, "record_enforcement_payment", { judgment_id: second.judgment_id, amount: "7.50" });
  await page.getByTestId("week-amount").filter({ hasText: "$20.00" }).waitFor();
  const audited = await page.getByTestId("sampled").last().getAttribute("data-event");
  await rpc(page, "record_event_audit", { event_id: audited, result: "passed" });
  await page.locator(`[data-test="sampled"][data-event="${audited}"][data-result="passed"]`).waitFor();
  assert.equal(await page.getByTestId("root-cause-text").inputValue(), "half a sen");
  await page.keyboard.press("Escape");

  await planned.getByTestId("plan-month").click();
  await page.getByTestId("plan-amount").fill("a lot");
  await page.getByTestId("save").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("plan-amount").fill("$50,000");
  await page.getByTestId("save").click();
  await page.locator(`[data-test="month"][data-month="${month}"][data-plan="50000.00"]`).waitFor();

  await page.locator('[data-test="override"][data-renewed="1"]').getByTestId("explain").click();
  await page.getByTestId("root-cause-text").fill("the score lags behind");
  await page.getByTestId("save").click();
  await page.getByTestId("root-cause").filter({ hasText: "the score lags behind" }).waitFor();
  // Saying why is no renewal.
  await page.locator('[data-test="override"][data-renewed="1"]').waitFor();

  const sampled = page.getByTestId("sampled");
  const drawn = () => sampled.evaluateAll((rows) => rows.map((row) => row.dataset.event));
  await page.getByTestId("size-10").click();
  await page.waitForURL(/size=10/);
  await page.waitForFunction(() => document.querySelectorAll('[data-test="sampled"]').length === 10);
  await page.getByTestId("seed").fill("77");
  await page.getByTestId("seed").press("Enter");
  await page.waitForURL(/seed=77/);
  await page.locator('[data-test="audit-progress"][data-seed="77"]').waitFor();
  const before = await drawn();
  await page.getByTestId("audit-open").waitFor();
  // The sample may hold the event that was audited above, or not: it is drawn by numbers that differ from run to run.
  const [passing, failing] = before.filter((event) => event !== audited);
  const finding = (event, result) => page.locator(`[data-test="sampled"][data-event="${event}"][data-result="${result}"]`);
  await page.locator(`[data-test="sampled"][data-event="${passing}"]`).getByTestId("pass").click();
  await finding(passing, "passed").waitFor();
  await page.locator(`[data-test="sampled"][data-event="${failing}"]`).getByTestId("fail").click();
  await page.getByTestId("save").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("audit-note").fill("says nothing");
  await page.getByTestId("save").click();
  await finding(failing, "failed").waitFor();
  // From the first finding on the sample keeps its events: those that are written down now come too late for it.
  const [[busy]] = rows(server, "select id from public.enforcement_cases where closed_at is null limit 1");
  for (let n = 0; n < 30; n += 1) await rpc(page, "log_enforcement_event", { case_id: busy, event_kind: "note", note: `late ${n}` });
  await page.getByTestId("audit-begun").filter({ hasText: "30 events were written down" }).waitFor();
  await page.reload();
  await finding(failing, "failed").waitFor();
  assert.equal(await sampled.count(), 10);
  assert.deepEqual(await drawn(), before);
  assert.equal(value(server, "select string_agg(result, ' ' order by id) from public.enforcement_event_audits"), "passed passed failed");

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("export-csv").click()]);
  const csv = await readFile(await download.path(), "utf8");
  assert.match(download.suggestedFilename(), /^review-20\d\d-W\d\d\.csv$/);
  assert.match(csv, new RegExp(`recoveries,${month},plan,50000.00,${month}`));
  assert.match(csv, /audit,[0-9a-f-]{36},finding,says nothing,20\d\d-W\d\d/);
  assert.equal(await page.getByTestId("past-week").count(), 0);

  // On paper there is neither frame nor button; the tables are whole.
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.getByTestId("print").isVisible(), false);
  assert.equal(await page.getByTestId("jump").isVisible(), false);
  assert.ok(await sampled.last().isVisible());
  await page.emulateMedia({ media: "screen" });

  await page.getByTestId("week-before").click();
  await page.waitForURL(/week=20\d\d-W\d\d/);
  await page.waitForFunction(() => document.querySelector('[data-test="week-amount"]')?.textContent === "$0.00");
  const week = await page.getByTestId("week").getAttribute("data-week");
  assert.ok(page.url().includes(`week=${week}`));
  await page.getByTestId("empty").waitFor();
  // A week that is over says which figures are not of it.
  await page.getByTestId("past-week").waitFor();
  assert.equal(await page.getByTestId("as-of-now").count(), 4);
});

walk("an admin sets an SLA and goes back to the default", async ({ page, accessible }) => {
  await page.goto("/stages");
  const stage = page.locator('[data-test="stage"][data-stage="asset_discovery"]');
  await stage.waitFor();
  await rpc(page, "set_enforcement_stage_settings", { stage: "asset_discovery", sla_days: 11 });
  await page.locator('[data-test="stage"][data-stage="asset_discovery"][data-sla="11"]').waitFor();
  await accessible();
  await stage.getByTestId("edit-stage").click();
  await page.getByTestId("stage-sla").fill("soon");
  await page.getByTestId("save").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("stage-sla").fill("12");
  await page.getByTestId("stage-description").fill("We look for what can be seized");
  await page.getByTestId("save").click();
  await page.locator('[data-test="stage"][data-stage="asset_discovery"][data-sla="12"]').waitFor();
  await stage.getByTestId("reset-stage").click();
  await page.getByTestId("confirm").click();
  await page.locator('[data-test="stage"][data-stage="asset_discovery"][data-sla="10"]').waitFor();
  assert.equal(await stage.getByTestId("reset-stage").count(), 0);
});

walk("on a telephone nothing is wider than the screen", { context: { viewport: { width: 390, height: 844 } } }, async ({ page, server, accessible }) => {
  await page.goto("/calls");
  await page.getByTestId("nav-calls").waitFor();
  await planCalls(page, server, 2);
  const plaintiff = value(server, "select id from public.plaintiffs order by name limit 1");
  for (const [route, there] of [["/calls", "call"], ["/pipeline", "pipeline-row"], ["/plaintiffs", "plaintiff-row"], [`/plaintiffs/${plaintiff}`, "balance"], ["/review", "review-stage"], ["/stages", "stage"]]) {
    await page.goto(route);
    await page.getByTestId(there).first().waitFor();
    const wide = await page.evaluate(() => document.querySelector("main").scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${route} is ${wide} px too wide`);
    await accessible();
  }
  await page.goto("/calls");
  await page.getByTestId("outcome-no_answer").click();
  await page.getByTestId("pick-t").click();
  await page.getByTestId("log-call").click();
  await page.getByTestId("toast").filter({ hasText: "no answer" }).waitFor();
});
