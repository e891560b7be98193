// Alerts: routes are set, the bell rings without a reload, what was read stays read, what did not arrive is sent again; and the
// pages that a telephone has no place for.

import assert from "node:assert/strict";
import { suite } from "./harness.mjs";
import { rows, value } from "./database.mjs";

const { walk } = suite({ judgments: 600 });

const call = async (context, server, name, data) => {
  const answer = await context.request.post(`/rpc/${name}`, { data, headers: { Origin: server.url } });
  assert.equal(answer.status(), 200, await answer.text());
  return answer.json();
};
const [A_CASE, ANOTHER] = [0, 1].map((place) => `select id from public.enforcement_cases where closed_at is null order by id offset ${place} limit 1`);
const note = (context, server, words) => call(context, server, "log_enforcement_event", { case_id: value(server, A_CASE), event_kind: "note", note: words });
const rings = (page, count) => page.locator(`[data-test=bell][data-unread="${count}"]`).waitFor();

walk("an admin chooses what is told, the bell rings, and what was read stays read", async ({ page, context, server, accessible }) => {
  await page.goto("/today");
  await page.getByTestId("bell").click();
  await page.getByTestId("alerts-panel").getByTestId("empty").waitFor();
  await accessible();
  await page.getByTestId("to-routes").click();
  await page.waitForURL(/alerts\?show=routes/);
  await page.getByTestId("alerts-panel").waitFor({ state: "hidden" });
  await page.getByTestId("add-route").click();
  await page.getByTestId("kinds-some").check();
  await page.getByTestId("save").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("kind-note").check();
  await page.getByTestId("kind-blocked").check();
  await accessible();
  await page.getByTestId("save").click();
  await page.locator("[data-test=alert-route][data-channel=console]").waitFor();
  assert.equal(value(server, "select event_kinds::text from public.enforcement_alert_routes"), "{blocked,note}");

  // The page hears of it, whichever it is.
  await page.goto("/tiers");
  await rings(page, 0);
  await note(context, server, "the debtor has called");
  await rings(page, 1);
  await note(context, server, "the bank has answered");
  await rings(page, 2);
  // By keyboard: the panel takes the focus and gives it back.
  await page.getByTestId("bell").press("Enter");
  const panel = page.getByTestId("alerts-panel");
  await panel.getByTestId("alert").first().filter({ hasText: "the bank has answered" }).waitFor();
  await accessible();
  await page.keyboard.press("Escape");
  await panel.getByTestId("alert").first().waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.test), "bell");
  await page.getByTestId("bell").click();
  await panel.getByTestId("alert-open").first().click();
  await page.getByTestId("case-head").waitFor();
  assert.ok(page.url().includes(value(server, A_CASE)), "an alert leads to its case");
  await panel.getByTestId("alert").first().waitFor({ state: "hidden" });
  await rings(page, 1);
  await page.getByTestId("bell").click();
  await panel.getByTestId("read-all").click();
  await rings(page, 0);
  await panel.getByTestId("read-all").waitFor({ state: "detached" });
  await panel.getByTestId("alerts-all").click();
  await page.waitForURL(/\/alerts$/);
  await page.locator("[data-test=alerts-unread][data-count='0']").waitFor();
  await note(context, server, "one more");
  await page.locator("[data-test=alert][data-unread=true]").waitFor();
  await page.getByTestId("state-unread").click();
  await page.waitForURL(/state=unread/);
  await page.locator("[data-test=alert][data-unread=false]").first().waitFor({ state: "detached" });
  await page.getByTestId("alert-read").click();
  await page.getByTestId("empty").waitFor();
  await page.getByTestId("clear-empty").click();
  await page.getByTestId("alert").nth(2).waitFor();
  await call(context, server, "log_enforcement_event", { case_id: value(server, ANOTHER), event_kind: "blocked", note: "the court is closed" });
  await page.getByTestId("filter-kind").selectOption("blocked");
  await page.waitForURL(/kind=blocked/);
  await page.locator("[data-test=alert]:not([data-kind=blocked])").first().waitFor({ state: "detached" });
  assert.equal(await page.getByTestId("alert").count(), 1);
  await accessible();
  await page.reload();
  await rings(page, 1);
});

walk("what did not arrive says why and is sent again; a route is changed and switched off", async ({ page, context, server, accessible }) => {
  await page.goto("/alerts?show=routes");
  await page.getByTestId("add-route").click();
  await page.getByTestId("route-channel").selectOption("email");
  await page.getByTestId("route-target").fill("nobody");
  await page.getByTestId("save").click();
  await page.getByTestId("field-error").waitFor();
  await page.getByTestId("route-channel").selectOption("webhook");
  await page.getByTestId("route-target").fill("http://127.0.0.1:9/hooks/T0/secret");
  await page.getByTestId("kinds-some").check();
  await page.getByTestId("kind-unblocked").check();
  await page.getByTestId("save").click();
  const route = page.locator("[data-test=alert-route][data-channel=webhook]");
  await route.waitFor();
  assert.ok(!(await route.textContent()).includes("secret"), "an address may carry a secret");
  await call(context, server, "log_enforcement_event", { case_id: value(server, A_CASE), event_kind: "unblocked" });
  const failed = `update public.enforcement_alerts set state = 'failed', attempts = 8, error = 'the other side answered 404'
    where route_id in (select id from public.enforcement_alert_routes where channel = 'webhook') returning id`;
  assert.equal(rows(server, failed).length, 1, "it is told by this way alone");
  await page.getByTestId("show-deliveries").click();
  await page.getByTestId("state-failed,uncertain").click();
  const delivery = page.getByTestId("delivery");
  await delivery.filter({ hasText: "the other side answered 404" }).waitFor();
  await page.locator("[data-test=undelivered][data-count='1']").waitFor();
  await accessible();
  await delivery.getByTestId("retry").click();
  await page.getByTestId("toast").filter({ hasText: "sent again" }).waitFor();
  await page.locator("[data-test=undelivered][data-count='0']").waitFor({ state: "attached" });
  await page.getByTestId("show-routes").click();
  await route.getByTestId("switch-route").click();
  await page.locator("[data-test=alert-route][data-channel=webhook][data-enabled=false]").waitFor();
  await route.getByTestId("edit-route").click();
  await page.getByTestId("route-target").fill("https://hooks.example.com/x");
  await page.getByTestId("save").click();
  await route.filter({ hasText: "hooks.example.com" }).waitFor();
  assert.equal(value(server, "select is_enabled || ' ' || target from public.enforcement_alert_routes where channel = 'webhook'"), "false https://hooks.example.com/x");
});

for (const colorScheme of ["light", "dark"]) {
  walk(`a telephone has four pages at hand and the others behind More (${colorScheme})`, { context: { viewport: { width: 390, height: 844 }, colorScheme } }, async ({ page, accessible }) => {
    await page.goto("/today");
    await page.getByTestId("nav-more").waitFor();
    for (const name of ["today", "cases", "calls", "plaintiffs"]) assert.ok(await page.getByTestId(`nav-${name}`).isVisible(), name);
    assert.equal(await page.getByTestId("nav-policy").isVisible(), false);
    assert.equal(await page.getByTestId("nav-today").getAttribute("aria-current"), "page");
    await page.getByTestId("nav-more").press("Enter");
    await page.getByTestId("more-alerts").waitFor();
    await accessible();
    await page.keyboard.press("Escape");
    await page.getByTestId("more-alerts").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.dataset.test), "nav-more");
    await page.getByTestId("nav-more").click();
    await page.getByTestId("more-alerts").press("Enter");
    await page.waitForURL(/\/alerts$/);
    await page.getByTestId("more-alerts").waitFor({ state: "hidden" });
    assert.equal(await page.getByTestId("nav-more").getAttribute("aria-current"), "true");
    assert.match(await page.getByTestId("nav-more").textContent(), /Alerts/);
    await page.getByTestId("nav-more").click();
    assert.equal(await page.getByTestId("more-alerts").getAttribute("aria-current"), "page");
    await page.keyboard.press("Escape");
    for (const route of ["/alerts", "/alerts?show=deliveries", "/alerts?show=routes"]) {
      await page.goto(route);
      await page.locator(".alerts-page").waitFor();
      const wide = await page.evaluate(() => document.querySelector("main").scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${route} is ${wide} px too wide`);
      await accessible();
    }
    await page.getByTestId("bell").click();
    await page.getByTestId("alerts-all").waitFor();
    await accessible();
  });
}
