// A week of the operator's manual, twice: one case by the console's pages, one by /rpc. After each step both cases
// stand in the database as they should, and at the end they have the same history.

import assert from "node:assert/strict";
import { suite } from "./harness.mjs";
import { rows, value } from "./database.mjs";

const { walk } = suite({ judgments: 600 });

const DAYS = 86_400_000;
const day = (days) => new Date(Date.now() + days * DAYS).toISOString().slice(0, 10);

walk("a week of enforcement by the console and by /rpc comes to the same", async ({ page, server }) => {
  await page.goto("/today");
  const call = (name, data) => page.request.post(`/rpc/${name}`, { data, headers: { Origin: server.url } });
  const rpc = async (name, data) => {
    const answer = await call(name, data);
    assert.equal(answer.status(), 200, `${name}: ${await answer.text()}`);
    return answer.json();
  };
  const me = (await (await page.request.get("/api/session")).json()).user_id;

  // Two judgments of different plaintiffs, neither with a case or a call.
  const judgments = rows(server, `select distinct on (j.plaintiff_id) j.id, j.plaintiff_id, p.name from public.core_judgments j join public.plaintiffs p on p.id = j.plaintiff_id
     where j.status = 'unsatisfied' and j.balance_due > 5000 and not exists (select from public.enforcement_cases c where c.judgment_id = j.id)
       and not exists (select from public.plaintiff_tasks t where t.plaintiff_id = j.plaintiff_id) order by j.plaintiff_id, j.judgment_no limit 2`);
  assert.equal(judgments.length, 2);
  const [shown, called] = judgments.map(([judgment, plaintiff, name]) => ({ judgment, plaintiff, name }));

  /** Both cases answer `query` ($ is the case's id, # the judgment's) with `expected` */
  const stand = (query, expected) => {
    for (const one of [shown, called]) {
      const found = value(server, query.replaceAll("$", `'${one.id}'`).replaceAll("#", `'${one.judgment}'`));
      assert.equal(found, expected, `${one === shown ? "by the console" : "by /rpc"}: ${query}`);
    }
  };
  const stage = (expected) => stand("select current_stage from public.enforcement_cases where id = $", expected);

  /** Fills a form of the case's page in and sends it */
  const send = async (form, fields, about = "") => {
    await page.goto(`/cases/${shown.id}?form=${form}&about=${about}`);
    await page.getByTestId("case-form").waitFor();
    for (const [name, text] of Object.entries(fields)) {
      const field = page.getByTestId(`field-${name}`);
      if (name === "file") await field.setInputFiles(text);
      else if (text === true) await field.check();
      else if (await field.evaluate((element) => element.tagName === "SELECT")) await field.selectOption(text);
      else await field.fill(text);
    }
    await page.getByTestId("form-submit").click();
    await page.getByTestId("case-form").waitFor({ state: "hidden" });
  };
  const of = (fields) => ({ case_id: called.id, ...fields });

  // ---- Monday: a case is opened and owned, and its plaintiff is called ----
  await page.goto(`/judgments/${shown.judgment}`);
  await page.getByTestId("open-a-case").click();
  await page.getByTestId("case-head").waitFor();
  shown.id = page.url().match(/cases\/([0-9a-f-]+)/)[1];
  called.id = await rpc("open_enforcement_case", { judgment_id: called.judgment });
  stage("pre_enforcement");
  const second = await call("open_enforcement_case", { judgment_id: shown.judgment });
  assert.equal(second.status(), 409, "a judgment has one open case");

  await send("assign", { owner_id: me });
  await rpc("assign_enforcement_case", of({ owner_id: me }));
  stand(`select owner_id = '${me}' from public.enforcement_cases where id = $`, "t");

  await send("stage", { stage: "contact_validation" });
  await rpc("set_enforcement_stage", of({ stage: "contact_validation" }));
  stage("contact_validation");
  const open = "select id from public.plaintiff_tasks where enforcement_case_id = $ and kind = 'call' and status = 'open'";
  stand(open.replace("select id", "select count(*)"), "1");

  await page.goto(`/calls?search=${encodeURIComponent(shown.name)}`);
  await page.locator(`[data-test=call][data-plaintiff="${shown.plaintiff}"]`).first().click();
  for (const key of ["1", "h", "k", "Enter"]) await page.keyboard.press(key);
  await page.getByTestId("toast").filter({ hasText: "reached" }).waitFor();
  const followUp = value(server, `select due_at from public.plaintiff_tasks where plaintiff_id = '${shown.plaintiff}' and status = 'open' and kind = 'call'`);
  const task = value(server, open.replace("$", `'${called.id}'`));
  await rpc("log_call_outcome", { plaintiff_id: called.plaintiff, task_id: task, outcome: "reached", interest: "hot", follow_up_at: followUp });
  stand(`select p.status || ' ' || (select count(*) from public.plaintiff_call_attempts a where a.plaintiff_id = p.id)
    || ' ' || (select count(*) from public.plaintiff_tasks t where t.plaintiff_id = p.id and t.kind = 'call' and t.status = 'open')
    from public.plaintiffs p join public.core_judgments j on j.plaintiff_id = p.id where j.id = #`, "reached_hot 1 1");

  // ---- Tuesday: what there is to seize ----
  await send("stage", { stage: "asset_discovery" });
  await rpc("set_enforcement_stage", of({ stage: "asset_discovery" }));
  await send("event", { event_kind: "asset_search_requested" });
  await rpc("log_enforcement_event", of({ event_kind: "asset_search_requested" }));
  await send("event", { event_kind: "asset_search_completed", note: "an account at First Example Bank" });
  await rpc("log_enforcement_event", of({ event_kind: "asset_search_completed", note: "an account at First Example Bank" }));
  stage("asset_discovery");

  // ---- Wednesday: a levy, with its paper ----
  const bare = await call("set_enforcement_stage", of({ stage: "bank_levy" }));
  assert.equal(bare.status(), 422, "an action stage needs a document");
  stage("asset_discovery");
  const file = { name: "writ.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n%%EOF\n") };
  await send("document", { file, doc_kind: "bank_levy_filed" });
  const kept = await page.request.post(`/api/cases/${called.id}/documents?doc_kind=bank_levy_filed&file_name=writ.pdf`,
    { data: file.buffer, headers: { Origin: server.url, "Content-Type": "application/octet-stream" } });
  assert.equal(kept.status(), 200, await kept.text());
  stand("select count(*) || ' ' || count(distinct sha256) from public.enforcement_documents where enforcement_case_id = $", "1 1");
  const [writ, paper] = [shown, called].map(({ id }) => value(server, `select storage_path from public.enforcement_documents where enforcement_case_id = '${id}'`));

  await send("stage", { stage: "bank_levy", "document_path-known": writ });
  await rpc("set_enforcement_stage", of({ stage: "bank_levy", metadata: { document_path: paper } }));
  stage("bank_levy");
  await send("action", { action_type: "bank_levy", status: "filed", "document_path-known": writ, next_milestone_at: day(10) });
  await rpc("queue_enforcement_action", of({ action_type: "bank_levy", status: "filed", document_path: paper, next_milestone_at: day(10) }));
  stand("select levy_status from public.enforcement_cases where id = $", "filed");

  // ---- Thursday: the marshal stalls; the morning list says so until he does not ----
  await send("event", { event_kind: "blocked", eta: day(9), note: "the marshal is on leave" });
  await rpc("log_enforcement_event", of({ event_kind: "blocked", note: "the marshal is on leave", payload: { eta: day(9) } }));
  stand("select blocked_since is not null and next_action_at > now() + interval '7 days' from public.enforcement_cases where id = $", "t");
  await page.getByTestId("nav-today").click();
  for (const { id } of [shown, called]) await page.locator(`[data-test=today-blocked] a[href^="/cases/${id}"]`).first().waitFor();
  await send("unblock", {});
  await rpc("log_enforcement_event", of({ event_kind: "unblocked" }));
  stand("select blocked_since is null from public.enforcement_cases where id = $", "t");
  await send("event", { event_kind: "bank_levy_served", "document_path-known": writ });
  await rpc("log_enforcement_event", of({ event_kind: "bank_levy_served", document_path: paper }));
  stand("select levy_status from public.enforcement_cases where id = $", "served");

  // ---- Friday: money comes in, the levy ends, a VIP calls; then the review ----
  const before = [shown, called].map(({ judgment }) => Number(value(server, `select balance_due from public.core_judgments where id = '${judgment}'`)));
  await send("payment", { amount: "250.75" });
  await rpc("record_enforcement_payment", of({ amount: "250.75" }));
  stand("select c.current_balance = j.balance_due from public.enforcement_cases c join public.core_judgments j on j.id = c.judgment_id where c.id = $", "t");
  [shown, called].forEach(({ judgment }, place) =>
    assert.equal(Number(value(server, `select balance_due from public.core_judgments where id = '${judgment}'`)).toFixed(2), (before[place] - 250.75).toFixed(2)));
  await send("action", { action_type: "bank_levy", status: "completed" });
  await rpc("queue_enforcement_action", of({ action_type: "bank_levy", status: "completed" }));
  stand("select levy_status || ' ' || (select count(*) from public.enforcement_actions a where a.enforcement_case_id = c.id and a.closed_at is null) from public.enforcement_cases c where id = $", "completed 0");
  await send("override", { tier: "tier3", expires_at: day(14), note: "VIP", root_cause: "the score lags behind" });
  await rpc("set_tier_override", of({ tier: "tier3", expires_at: day(14), note: "VIP", root_cause: "the score lags behind" }));
  stand("select public.effective_tier_text(tier, tier_override, override_expires_at) from public.enforcement_cases where id = $", "tier3");
  await send("stage", { stage: "recovery_monitoring" });
  await rpc("set_enforcement_stage", of({ stage: "recovery_monitoring" }));
  stage("recovery_monitoring");

  await page.getByTestId("nav-review").click();
  await page.getByTestId("week-amount").waitFor();
  assert.equal(await page.getByTestId("week-amount").innerText(), "$501.50", "what both have brought in");

  // ---- The last cent: paid, closed as satisfied, and the judgment with it ----
  const rest = ({ judgment }) => value(server, `select balance_due from public.core_judgments where id = '${judgment}'`);
  await send("payment", { amount: rest(shown) });
  await rpc("record_enforcement_payment", of({ amount: rest(called) }));
  await send("close", { status: "satisfied", confirmed: true });
  await rpc("close_enforcement_case", of({ status: "satisfied" }));
  stand("select closure_reason || ' ' || current_stage || ' ' || current_balance from public.enforcement_cases where id = $", "satisfied closure 0.00");
  stand("select status from public.core_judgments where id = #", "satisfied");
  const late = await call("set_enforcement_stage", of({ stage: "asset_discovery" }));
  assert.equal(late.status(), 409, "a closed case stays closed");

  // The worker tiers a paid case, unless the case is closed before: that is its own work, and not what is compared.
  const history = ({ id }) => rows(server, `select source, kind, coalesce(rpc, '') from public.v_enforcement_timeline
     where case_id = '${id}' and kind <> 'tier_changed' order by 1, 2, 3`);
  assert.ok(history(shown).length > 30, `${history(shown).length} items`);
  assert.deepEqual(history(shown), history(called), "whatever the console does is what the functions do");
});
