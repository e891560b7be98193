// Leads, from the page that a visitor is on to the agent who ends them: page rules, the agents' desk, and the figures
// that remain.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { accessible as check, password, suite, watch } from "./harness.mjs";
import { rows, value } from "./database.mjs";

const { walk } = suite({ judgments: 100 });

const call = async (request, server, method, path, data) => {
  const answer = await request.fetch(server.url + path, { method, data, headers: { Origin: server.url } });
  if (!answer.ok()) throw new Error(`${method} ${path} answered ${answer.status()}: ${await answer.text()}`);
  const text = await answer.text();
  return text === "" ? null : JSON.parse(text);
};

/** What the walks share: two pools, a key, and two people who are made agents when they need to be */
let firm;
async function setUp(context, server) {
  if (firm) return firm;
  const ask = (method, path, data) => call(context.request, server, method, path, data);
  const [{ id: key }, { id: sales }, { id: support }] = [
    await ask("POST", "/api/visitor-keys", { name: "Website" }),
    await ask("POST", "/api/pools", { name: "Sales" }),
    await ask("POST", "/api/pools", { name: "Support" }),
  ];
  firm = { key, sales, support };
  return firm;
}

/** Signs a new operator in, in a browser of their own */
async function operator(browser, server, email, name) {
  const link = server.command("user", "add", "--email", email, "--name", name, "--role", "operator", "--url", server.url);
  const context = await browser.newContext({ baseURL: server.url, viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  const token = new URLSearchParams(new URL(link.match(/https?:\S+/)[0]).hash.slice(1)).get("token");
  await call(context.request, server, "POST", "/api/session/link", { token });
  await call(context.request, server, "POST", "/api/session/password", { new: password });
  const page = await context.newPage();
  return { context, page, complaints: watch(page) };
}

const lead = (context, server, data) => call(context.request, server, "POST", "/api/leads", { key: firm.key, ...data });
const state = (server, id) => value(server, `select state from public.leads where id = '${id}'`);

walk("a lead is declined, taken by the next agent and ended, by keyboard", async ({ context, page, server, accessible, complaints }) => {
  const { sales } = await setUp(context, server);
  const browser = context.browser();
  await page.goto("/desk");
  await page.getByTestId("become-agent").waitFor();
  await accessible();

  const ana = await operator(browser, server, "ana@example.com", "Ana Ruiz");
  const bo = await operator(browser, server, "bo@example.com", "Bo Lind");
  await ana.page.goto("/desk");
  await ana.page.getByTestId("look-again").waitFor();
  const people = await call(context.request, server, "GET", "/api/pools/people");
  const agent = async (email, display_name, priority_rank) => {
    const { user_id } = people.find((person) => person.email === email);
    const { id: agent_id } = await call(context.request, server, "POST", "/api/agents", { display_name, user_id, capacity: 3 });
    await call(context.request, server, "POST", `/api/pools/${sales}/members`, { agent_id, priority_rank });
  };
  await agent("ana@example.com", "Ana Ruiz", 1);
  await agent("bo@example.com", "Bo Lind", 2);
  await ana.page.getByTestId("look-again").click();
  await ana.page.locator("[data-test=line][data-line=open]").waitFor();
  assert.match(await ana.page.getByTestId("desk-pool").textContent(), /Sales.*Primary/);
  await bo.page.goto("/desk");
  await bo.page.locator("[data-test=line][data-line=open]").waitFor();

  const jane = await lead(context, server, { pool_id: sales, name: "Jane Doe", contact: "+1 212 555 0142", page_url: "https://www.example.com/pricing" });
  const row = (of) => of.page.getByTestId("desk-lead");
  await row(ana).waitFor();
  assert.match(await ana.page.title(), /^\(1\) New lead/);
  assert.match(await ana.page.getByTestId("news").textContent(), /Jane Doe, Sales/);
  assert.match(await ana.page.getByTestId("reason").textContent(), /rank 1/);
  await ana.page.keyboard.press("d");
  await ana.page.getByTestId("confirm").focus();
  await ana.page.keyboard.press("Enter");
  await row(bo).waitFor();
  await row(ana).waitFor({ state: "detached" });
  await bo.page.keyboard.press("a");
  await bo.page.locator("[data-test=desk-lead][data-in-call=true]").waitFor();
  assert.equal(state(server, jane.lead_id), "in_call");
  await bo.page.locator("[data-test=status][data-status=in_call]").waitFor();
  await check(bo.page);
  await bo.page.keyboard.press("e");
  await row(bo).waitFor({ state: "detached" });
  assert.equal(state(server, jane.lead_id), "ended");
  await bo.page.locator("[data-test=status][data-status=idle]").waitFor();

  // Ana looks at something else: her desk stays open, and a lead is told there too.
  await ana.page.getByTestId("nav-tiers").click();
  await ana.page.getByTestId("tier-card-3").waitFor();
  const other = await lead(context, server, { pool_id: sales, name: "Sam Poe" });
  await ana.page.getByTestId("nav-desk").getByTestId("nav-unanswered").waitFor();
  assert.match(await ana.page.getByTestId("toast").textContent(), /Sam Poe/);
  await ana.page.getByTestId("nav-desk").click();
  await ana.page.getByTestId("accept").click();
  await ana.page.getByTestId("end").waitFor();
  assert.ok(await ana.page.getByTestId("status-idle").isDisabled(), "nobody is idle in a call");
  await ana.page.keyboard.press("e");
  await server.until("the end", () => state(server, other.lead_id) === "ended");

  // The newest page speaks for the agent; the older one says so, and can take it back.
  const second = await ana.context.newPage();
  await second.goto("/desk");
  await second.locator("[data-test=line][data-line=open]").waitFor();
  await ana.page.getByTestId("line-replaced").waitFor();
  await ana.page.getByTestId("use-here").click();
  await ana.page.locator("[data-test=line][data-line=open]").waitFor();
  await second.getByTestId("line-replaced").waitFor();

  await ana.page.getByTestId("status-away").click();
  await ana.page.getByTestId("away-notice").waitFor();
  const late = await lead(context, server, { pool_id: sales, name: "Lee Fox" });
  assert.equal(late.agent.display_name, "Bo Lind", "who is away is passed over");
  await bo.page.getByTestId("status-offline").click();
  await bo.page.locator("[data-test=line][data-line=closed]").waitFor();
  await server.until("the loss of what nobody is left for", () => state(server, late.lead_id) === "missed");
  complaints.push(...ana.complaints, ...bo.complaints);
  await ana.context.close();
  await bo.context.close();
});

walk("a visitor of somebody's page asks by the widget, is taken and says goodbye; another page may not ask", async ({ context, page, server, complaints }) => {
  const ask = (method, path, data) => call(context.request, server, method, path, data);
  const site = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end(`<!doctype html><title>Shop</title><h1>Shop</h1>
    <script src="${server.url}/widget.js" data-key="${key}" data-pool="${shop}" data-label="Talk to the shop" async></script>`));
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${site.address().port}`;
  const { id: key } = await ask("POST", "/api/visitor-keys", { name: "Shop", allowed_origins: [origin] });
  const { id: shop } = await ask("POST", "/api/pools", { name: "Shop" });
  const { user_id } = await ask("GET", "/api/session");
  const { id: agent_id } = await ask("POST", "/api/agents", { display_name: "Kay Ito", user_id, capacity: 1 });
  await ask("POST", `/api/pools/${shop}/members`, { agent_id });
  const visitor = await context.browser().newContext();
  try {
    await page.goto("/desk");
    await page.locator("[data-test=line][data-line=open]").waitFor();
    const tab = await visitor.newPage();
    complaints.push(...watch(tab));
    await tab.goto(origin);
    await tab.getByRole("button", { name: "Talk to the shop" }).click();
    await tab.getByLabel("Your name").fill("Vic Tor");
    await tab.getByLabel("Your name").press("Enter");
    await tab.getByText("Kay Ito is about to be with you.").waitFor();
    await page.getByTestId("desk-lead").filter({ hasText: "Vic Tor" }).waitFor();
    // The lead is the tab's: a reload finds it again.
    await tab.reload();
    await tab.getByRole("button", { name: "Talk to the shop" }).click();
    await tab.getByText("Kay Ito is about to be with you.").waitFor();
    await page.keyboard.press("a");
    await tab.getByText("You are with Kay Ito.").waitFor();
    const second = await visitor.newPage();
    await second.goto(origin);
    await second.getByRole("button", { name: "Talk to the shop" }).click();
    await second.getByRole("button", { name: "Ask for somebody" }).click();
    await second.getByText("Nobody is available right now.").waitFor();
    await page.keyboard.press("e");
    await tab.getByText("Thank you. Goodbye!").waitFor();
    assert.equal(value(server, `select string_agg(state::text, ' ' order by state::text) from public.leads where pool_id = '${shop}'`), "ended missed");

    await second.goto(origin.replace("127.0.0.1", "localhost"));
    await second.getByRole("button", { name: "Talk to the shop" }).click();
    await second.getByRole("button", { name: "Ask for somebody" }).click();
    await second.getByText("That did not work.").waitFor();
    assert.equal(value(server, `select count(*) from public.leads where pool_id = '${shop}'`), "2", "a page that the key does not name asks for nobody");
  } finally {
    await visitor.close();
    site.close();
  }
});

walk("page rules are edited by keyboard alone, and a lead goes where the page was said to lead", async ({ context, page, server, accessible }) => {
  const { sales, support } = await setUp(context, server);
  const { revision } = await call(context.request, server, "PUT", "/api/pools/page-rules", {
    rules: [{ id: "Help pages", pool_id: support, domain_pattern: "*.example.com", path_pattern: "/help/**" }],
  });
  await page.goto("/pools/pages");
  await page.getByTestId("rule").waitFor();
  assert.equal(await page.getByTestId("path-pattern").inputValue(), "/help/**");
  const keys = page.keyboard;
  await page.getByTestId("add-rule").focus();
  await keys.press("Enter");
  await page.locator("[data-test=rule] >> nth=1").waitFor();
  await page.waitForFunction(() => document.activeElement.dataset.test === "rule-name");
  await keys.type("Newsletter");
  await keys.press("Tab");
  await keys.type("Sales");
  for (const test of ["up", "down", "remove", "condition-field"]) {
    await keys.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.test), test);
  }
  await keys.type("Query");
  await keys.press("Tab");
  await keys.type("utm_source");
  await keys.press("Tab");
  await keys.type("is exactly");
  await page.getByTestId("save-rules").focus();
  await keys.press("Enter");
  // A parameter may be exactly nothing.
  await page.getByTestId("save-bar").waitFor({ state: "detached" });
  assert.equal(value(server, "select count(*) from public.pool_page_rules"), "2");
  await page.locator("[data-test=rule][data-name=Newsletter] [data-test=condition-value]").focus();
  await keys.type("mail");
  await keys.press("Alt+ArrowUp");
  await page.locator("[data-test=rule] >> nth=0 >> [data-test=rule-name]").waitFor();
  assert.equal(await page.getByTestId("rule").first().getAttribute("data-name"), "Newsletter");
  await page.waitForFunction(() => document.activeElement.dataset.test === "condition-value", null, { polling: 20 });

  await page.getByTestId("try-page").focus();
  await keys.type("https://www.example.com/help/a?utm_source=Mail");
  await page.waitForFunction(() => document.querySelector("[data-test=tried-pool]")?.textContent === "Sales");
  assert.match(await page.getByTestId("tried-by").textContent(), /rule 1, Newsletter/);
  assert.deepEqual(await page.getByTestId("verdict").allTextContents(), ["decides", "would match, but a rule above decides"]);
  await keys.press("End");
  await keys.type("2");
  await page.waitForFunction(() => document.querySelector("[data-test=tried-pool]")?.textContent === "Support");
  assert.match(await page.locator("[data-test=check][data-holds=false]").first().textContent(), /the page has “mail2”/);
  await accessible();

  // A fault is named at its field, and removing is taken back.
  await page.getByTestId("rule-name").first().fill("");
  await page.getByTestId("save-rules").click();
  assert.match(await page.getByTestId("field-error").textContent(), /name/);
  await page.waitForFunction(() => document.activeElement.dataset.test === "rule-name");
  await keys.type("Newsletter");
  await page.getByTestId("remove").last().focus();
  await keys.press("Enter");
  await page.waitForFunction(() => document.activeElement.dataset.test === "undo-remove");
  await keys.press("Enter");
  await page.locator("[data-test=rule] >> nth=1").waitFor();

  // Somebody renames a pool meanwhile: that is no conflict. Other rules are one, and are told.
  await call(context.request, server, "PUT", `/api/pools/${support}`, { name: "Support desk" });
  await page.getByTestId("save-rules").focus();
  await keys.press("Enter");
  await page.getByTestId("save-bar").waitFor({ state: "detached" });
  const saved = rows(server, "select rule_id, rule -> 'conditions' -> 0 ->> 'value' from public.pool_page_rules order by place");
  assert.deepEqual(saved.map(([id, wanted]) => [id, wanted ?? ""]), [["Newsletter", "mail"], ["Help pages", ""]]);
  assert.ok(revision > 0);

  const arrived = await lead(context, server, { page_url: "https://www.example.com/help/a?utm_source=Mail" });
  assert.equal(value(server, `select pool_id from public.leads where id = '${arrived.lead_id}'`), sales);
  const helped = await lead(context, server, { page_url: "https://shop.example.com/help" });
  assert.equal(value(server, `select pool_id from public.leads where id = '${helped.lead_id}'`), support);

  await page.getByTestId("active").last().uncheck();
  await call(context.request, server, "PUT", "/api/pools/page-rules", { rules: [] });
  await page.getByTestId("moved").waitFor();
  await page.getByTestId("fetch-theirs").click();
  await page.getByTestId("no-rules").waitFor();
});

walk("statistics agree with the database", async ({ context, page, server, accessible }) => {
  const { sales } = await setUp(context, server);
  const { id: agent_id } = await call(context.request, server, "POST", "/api/agents", { display_name: "Cy Moss", capacity: 1 });
  await call(context.request, server, "POST", `/api/pools/${sales}/members`, { agent_id, priority_rank: 1 });
  await call(context.request, server, "PUT", `/api/agents/${agent_id}/status`, { status: "idle" });
  for (let n = 0; n < 3; n += 1) await lead(context, server, { pool_id: sales });
  await page.goto("/pools/statistics");
  await page.getByTestId("arrived").waitFor();
  const count = (where) => value(server, `select count(*) from public.leads where ${where}`);
  const shown = async (test) => (await page.getByTestId(test).textContent()).replaceAll(/\D/g, "");
  assert.equal(await shown("arrived"), count("true"));
  assert.equal(await shown("lost"), count("state = 'missed'"));
  const taken = (row) => row.getAttribute("data-taken");
  const primary = page.locator(`[data-test=tier][data-pool="${sales}"][data-rank-of="1"]`);
  assert.equal(
    await taken(primary),
    value(server, `select count(*) from public.v_lead_outcomes where pool_id = '${sales}' and priority_rank = 1 and not is_lost`),
  );
  assert.equal(await taken(page.locator(`[data-test=agent][data-agent="${agent_id}"]`)), "1");
  assert.equal(await page.getByTestId("hours").getByTestId("period").count(), 24);
  assert.equal(await page.getByTestId("days").getByTestId("period").count(), 7);
  await accessible();
  await page.getByTestId("days-1").click();
  await page.waitForFunction(() => document.querySelectorAll("[data-test=days] [data-test=period]").length === 1);
  assert.match(page.url(), /from=\d{4}-\d\d-\d\d&to=/);
  const download = page.waitForEvent("download");
  await page.getByTestId("export-rank-groups").click();
  const lines = (await readFile(await (await download).path(), "utf8")).trim().split("\r\n");
  assert.equal(lines.length - 1, await page.getByTestId("tier").count(), "the rows that are shown");
  await page.getByTestId("pool").selectOption({ label: "Support desk" });
  await page.waitForFunction((all) => document.querySelector("[data-test=arrived]")?.textContent !== all, count("true"));
  assert.match(page.url(), /pool=/);
  await page.goto("/pools/statistics?from=2020-01-01&to=2020-01-03");
  await page.getByTestId("empty").first().waitFor();
});

const ready = { "/desk": "[data-test=become-agent], [data-test=line]", "/pools/pages": "[data-test=default-pool]", "/pools/statistics": "[data-test=arrived]" };
for (const [path, element] of Object.entries(ready)) {
  for (const colorScheme of ["light", "dark"]) {
    walk(`${path} fits a telephone and is accessible there (${colorScheme})`, { context: { viewport: { width: 390, height: 844 }, colorScheme } }, async ({ page, accessible }) => {
      await page.goto(path);
      await page.locator(element).first().waitFor();
      if (await page.getByTestId("become-agent").isVisible()) {
        await page.getByTestId("become-agent").click();
        await page.locator("[data-test=line][data-line=open]").waitFor();
      }
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the screen");
      await accessible();
    });
  }
}
