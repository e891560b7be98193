// Tiers made-up judgments in DuckDB, by the SQL that the policy crate compiles, as the crate itself does.
// `npm ci && npm test` in this folder; POLICIES sets how many policies are tried.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { DuckDBInstance } from "@duckdb/node-api";

const POLICIES = process.env.POLICIES ?? "200";

test("DuckDB decides what the crate decides, on both sides of each limit, to the letter of the reason", async () => {
  const run = ["run", "--quiet", "--package", "policy", "--example", "sql_cases", "--", "duckdb", POLICIES];
  const lines = execFileSync("cargo", run, {
    cwd: new URL("../..", import.meta.url),
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  const duckdb = await (await DuckDBInstance.create()).connect();
  const literal = (text) => (text === null ? "null" : `'${text}'`);
  let compared = 0;
  for (const line of lines.trim().split("\n")) {
    const { sql, cases } = JSON.parse(line);
    const values = cases.map(([score, balance, bits], place) =>
      `(${place}, ${literal(score)}, ${literal(balance)}, ${bits === 0 && place % 2 ? "null" : bits})`);
    await duckdb.run(`create or replace table judgments
      (place integer, collectability_score decimal(5,2), balance_due decimal(14,2), asset_signals smallint)`);
    await duckdb.run(`insert into judgments values ${values.join(", ")}`);
    const select = `select ${sql.tier}, ${sql.decided_by}, ${sql.reason} from judgments order by place`;
    const rows = await (await duckdb.runAndReadAll(select)).getRows();
    assert.equal(rows.length, cases.length);
    for (const [place, [, , , ...expected]] of cases.entries()) {
      assert.deepEqual(rows[place], expected, `${JSON.stringify(cases[place].slice(0, 3))}\n${select}`);
      compared += 1;
    }
  }
  assert.ok(compared > 100 * Number(POLICIES));
});
