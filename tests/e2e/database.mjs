// Looks into the database behind a server under test, past every layer of ours.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Rows of `query` as arrays of strings, read as the owner of the server's private database */
export function rows(server, query) {
  const psql = spawnSync(
    "psql",
    ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t", "--set=ON_ERROR_STOP=1",
     "--host", join(server.folder, "data", "socket"), "--username", "dragonfly", "--dbname", "dragonfly", "--command", query],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  );
  if (psql.status !== 0) throw new Error(`psql failed: ${psql.stderr}`);
  return psql.stdout.split("\n").filter((line) => line !== "").map((line) => line.split("\t"));
}

/** The one value of a query of one row and one column */
export const value = (server, query) => rows(server, query)[0][0];
