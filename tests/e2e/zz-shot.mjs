import { Server, launchBrowser } from "./harness.mjs";
const server = await Server.start({ judgments: 300 });
const browser = await launchBrowser();
let first = true;
for (const [w, scheme] of [[1440, "light"], [390, "dark"]]) {
  const context = await browser.newContext({ baseURL: server.url, viewport: { width: w, height: 960 }, colorScheme: scheme });
  await server.signIn(context);
  const call = async (method, path, data) => { const a = await context.request.fetch(server.url + path, { method, data, headers: { Origin: server.url } }); const t = await a.text(); if (!a.ok()) console.log(path, a.status(), t); return t ? JSON.parse(t) : null; };
  if (first) {
    const p = await call("POST", "/api/pools", { name: "Sales Team" });
    for (const [display_name, rank, capacity, status] of [["Alice Moreno", 1, 5, "idle"], ["Bob Stein", 2, 5, "idle"], ["Carol Whitfield", 2, 3, "away"], ["Dave Okafor", 3, 5, "idle"], ["Eve Lindqvist", 7, 2, "offline"]]) {
      const a = await call("POST", "/api/agents", { display_name, capacity });
      await call("POST", `/api/pools/${p.id}/members`, { agent_id: a.id, priority_rank: rank });
      if (status != "offline") await call("PUT", `/api/agents/${a.id}/status`, { status });
    }
    const key = await call("POST", "/api/visitor-keys", { name: "k", allowed_origins: [] });
    for (let i = 0; i < 2; i++) await fetch(`${server.url}/api/leads`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key: key.id, pool_id: p.id }) });
    first = false;
  }
  const page = await context.newPage();
  page.on("console", (m) => m.type()=="error" && console.log(m.type(), m.text()));
  page.on("pageerror", (e) => console.log("ERR", e.stack));
  await page.goto("/pools");
  await page.getByTestId("pool-Sales Team").click();
  await page.getByTestId("rank-Bob Stein").selectOption("1");
  await page.waitForTimeout(3000);
  await page.screenshot({ path: `/tmp/lead/pools-${w}-${scheme}.png`, fullPage: true });
  for (const t of ["moves", "stress", "goal", "replay"]) { await page.getByTestId(`lab-${t}`).click(); if (t == "goal") await page.getByTestId("goal-search").click(); await page.waitForTimeout(2500); await page.getByTestId("pool-lab").screenshot({ path: `/tmp/lead/pools-${t}-${w}-${scheme}.png` }); }
  await context.close();
}
await browser.close(); await server.stop();
