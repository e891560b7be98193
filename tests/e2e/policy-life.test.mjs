// What a policy goes through beside its content: a second person's approval, a time that was set, its history.

import assert from "node:assert/strict";
import { suite } from "./harness.mjs";
import { rows, value } from "./database.mjs";

const { walk } = suite({ judgments: 1_000 });

const secondPassword = "another long passphrase for walks";

/** A page on which another admin of the same organisation is signed in */
async function secondAdmin({ server, page }) {
  const email = "second@example.com";
  const printed = server.command("user", "add", "--email", email, "--name", "Second Admin", "--role", "admin", "--url", server.url);
  const link = new URL(printed.match(/http\S+/)[0]);
  const context = await page.context().browser().newContext({ baseURL: server.url });
  const post = async (path, data) => {
    const answer = await context.request.post(server.url + path, { data, headers: { Origin: server.url } });
    assert.ok(answer.ok(), await answer.text());
  };
  await post("/api/session/link", { token: new URLSearchParams(link.hash.slice(1)).get("token") });
  await post("/api/session/password", { new: secondPassword });
  return context.newPage();
}

async function draft(page, name, score) {
  await page.goto("/policy");
  await page.getByTestId("limit-score_3").fill(score);
  await page.getByTestId("draft-name").fill(name);
}

walk("a draft is published only after a second person has approved it, and its history tells", async ({ page, server, accessible }) => {
  await page.goto("/policy/history");
  await page.getByTestId("revision").waitFor();
  await accessible();
  await page.getByTestId("needs-approval").check();
  await page.locator("[data-test=policy-event][data-kind=settings_changed]").waitFor();

  await draft(page, "Reviewed by two", "75");
  await page.getByTestId("approval").waitFor();
  await page.getByTestId("publish").click();
  await page.getByTestId("publish-note").fill("On my own");
  assert.ok(await page.getByTestId("publish-confirm").isDisabled(), "nobody publishes alone");
  await page.getByTestId("publish-cancel").click();
  await page.getByTestId("save-draft").click();
  await page.getByTestId("approval-note").fill("As agreed on Monday");
  await accessible();
  await page.getByTestId("ask-approval").click();
  await page.locator("[data-test=approval-state][data-state=requested]").waitFor();
  assert.equal(await page.getByTestId("approve").count(), 0, "nobody approves their own");

  const other = await secondAdmin({ server, page });
  await other.goto(page.url());
  await other.getByTestId("approval-state").waitFor();
  assert.match(await other.getByTestId("approval-state").textContent(), /As agreed on Monday/);
  await other.getByTestId("approval-note").fill("Try 76 first");
  await other.getByTestId("decline").click();
  await other.locator("[data-test=approval-state][data-state=declined]").waitFor();

  await page.reload();
  assert.match(await page.locator("[data-test=approval-state][data-state=declined]").textContent(), /Second Admin.*Try 76 first/);
  await page.getByTestId("limit-score_3").fill("76");
  await page.getByTestId("save-draft").click();
  await page.getByTestId("ask-approval").click();
  await page.locator("[data-test=approval-state][data-state=requested]").waitFor();
  await other.reload();
  await other.getByTestId("approve").click();
  await other.locator("[data-test=approval-state][data-state=approved]").waitFor();
  await other.context().close();

  await page.reload();
  await page.locator("[data-test=approval-state][data-state=approved]").waitFor();
  await page.getByTestId("publish").click();
  await page.getByTestId("publish-note").fill("Fewer cases for the officers");
  await page.getByTestId("publish-confirm").click();
  await page.locator("[data-test=reconciliation][data-equal=true]").waitFor({ timeout: 60_000 });
  assert.equal(await page.getByTestId("drift").count(), 0);

  await page.getByTestId("policy-history").click();
  const revision = page.getByTestId("revision").first();
  await revision.waitFor();
  const digest = value(server, "select receipt ->> 'policy' from public.tier_policies where state = 'published'");
  assert.match(await revision.textContent(), new RegExp(`Fewer cases for the officers.*${digest.slice(0, 8)}`));
  const kinds = await page.getByTestId("policy-event").evaluateAll((rows) => rows.map((row) => row.dataset.kind));
  for (const kind of ["approval_requested", "declined", "approved", "published"]) assert.ok(kinds.includes(kind), `${kind} of ${kinds}`);
  await accessible();
  await page.getByTestId("needs-approval").uncheck();
  await page.waitForFunction(() => document.querySelector("[data-kind=settings_changed]") === document.querySelector("[data-test=policy-event]"));

  // An earlier revision becomes a draft again.
  await page.getByTestId("revision").last().getByRole("link").click();
  await page.waitForFunction(() => document.querySelector("[data-test=limit-score_3]")?.value === "80");
});

walk("a publish for later waits, is shown, and can be taken back", async ({ page, server, accessible }) => {
  await draft(page, "For the new year", "72");
  await page.getByTestId("publish").click();
  await page.getByTestId("publish-note").fill("From January on");
  await page.getByTestId("publish-later").check();
  assert.ok(await page.getByTestId("publish-confirm").isDisabled(), "a time is missing");
  const later = new Date(Date.now() + 48 * 3_600_000).toISOString().slice(0, 16);
  await page.getByTestId("publish-at").fill(later);
  assert.match(await page.getByTestId("publish-at-words").textContent(), /^It is published on /);
  await accessible();
  await page.getByTestId("publish-confirm").click();
  await page.getByTestId("scheduled").waitFor();
  assert.match(await page.getByTestId("scheduled").textContent(), /For the new year/);
  assert.equal(value(server, "select count(*) from public.tier_policies where state = 'scheduled'"), "1");
  // What was entered is the organisation's time, wherever the browser is.
  const wall = "select to_char(p.effective_at at time zone o.time_zone, 'YYYY-MM-DD\"T\"HH24:MI') from public.tier_policies p join public.organisations o on o.id = p.org_id where p.state = 'scheduled'";
  assert.equal(value(server, wall), later);
  const others = await page.getByTestId("compare-with").locator("option").allTextContents();
  assert.ok(others.some((name) => /^Repaired revision 1, by Dragonfly$/.test(name)), others.join());

  // Another publish overtakes it, which is said before the time has come.
  rows(server, "update public.tier_policies set scheduled_over = scheduled_over - 1 where state = 'scheduled'");
  await page.reload();
  await page.locator("[data-test=scheduled][data-overtaken=true]").waitFor();
  await accessible();
  await page.getByTestId("cancel-schedule").click();
  await page.getByTestId("scheduled").waitFor({ state: "detached" });
  assert.equal(value(server, "select count(*) from public.tier_policies where state = 'scheduled'"), "0");
});
