// Runs browser walks against a real `dragonfly serve` with a database of its own.
//
//   import { suite } from "./harness.mjs";
//   const { walk } = suite({ judgments: 1000 });
//   walk("a moved limit moves judgments at once", async ({ page, server, accessible }) => {
//     await page.goto("/policy");
//     await page.getByTestId("limit-score_3").fill("75");
//   });
//
// `getByTestId` finds `data-test` attributes. A walk fails on anything that the page writes to the console as an
// error, on an uncaught exception and on an answer of 5xx; it then leaves a screenshot in target/e2e/.

import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, selectors } from "playwright-core";

selectors.setTestIdAttribute("data-test");

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Cargo's target folder, as xtask found it */
export const target = process.env.DRAGONFLY_TARGET ?? join(root, "target");
const binary = process.env.DRAGONFLY_BINARY ?? join(target, "debug", "dragonfly");

/** The password that [`Server.signIn`] gives the first admin */
export const password = "a long passphrase for walks";

/** A `dragonfly serve` with a data folder of its own, on a free port */
export class Server {
  /** Resolves once the server answers; `judgments` sizes the demonstration portfolio, 0 leaves it out */
  static async start({ judgments = 0, args = [], env = {}, folder } = {}) {
    const server = new Server();
    server.folder = folder ?? (await mkdtemp(join(tmpdir(), "dragonfly-e2e-")));
    // As root, PostgreSQL runs as another user, who must be able to reach its folder.
    await chmod(server.folder, 0o755);
    const dataDir = join(server.folder, "data");
    const environment = { ...process.env, DRAGONFLY_DATA_DIR: dataDir, ...env };
    if (judgments > 0) {
      const demo = spawnSync(binary, ["demo", "--judgments", String(judgments)], { env: environment, encoding: "utf8" });
      if (demo.status !== 0) throw new Error(`dragonfly demo failed\n${demo.stdout}${demo.stderr}`);
    }
    const port = await freePort();
    server.url = `http://127.0.0.1:${port}`;
    server.output = "";
    server.process = spawn(binary, ["serve", "--port", String(port), ...args], { env: environment });
    for (const stream of [server.process.stdout, server.process.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (server.output += text));
    }
    server.exited = new Promise((resolve) => server.process.once("exit", resolve));
    await server.until("serving", async () => {
      if (server.process.exitCode !== null) throw new Error("the server ended before it served");
      return (await fetch(`${server.url}/api/health`)).ok;
    });
    return server;
  }

  /** The one-time link that signs the first admin in, as printed at the start */
  async link() {
    const pattern = new RegExp(`${this.url}/\\S*[?#/]\\S+`);
    await this.until("the one-time link", () => pattern.test(this.output));
    return this.output.match(pattern)[0];
  }

  /** Signs the first admin in, in `context`: by the link the first time, by password afterwards */
  async signIn(context) {
    const post = async (path, data) => {
      const answer = await context.request.post(this.url + path, { data, headers: { Origin: this.url } });
      if (!answer.ok()) throw new Error(`${path} answered ${answer.status()}: ${await answer.text()}`);
      return answer.status() === 204 ? null : answer.json();
    };
    if (this.email) return post("/api/session", { email: this.email, password });
    const link = new URL(await this.link());
    const token = new URLSearchParams(link.hash.slice(1)).get("token") ?? link.searchParams.get("token") ?? link.pathname.split("/").at(-1);
    await post("/api/session/link", { token });
    await post("/api/session/password", { new: password });
    const session = await (await context.request.get(`${this.url}/api/session`)).json();
    this.email = session.email;
    return session;
  }

  /** Polls until `condition` holds, at most a minute; an error of it counts as not yet */
  async until(what, condition) {
    const deadline = Date.now() + 60_000;
    for (let failure; ; failure = undefined) {
      try {
        if (await condition()) return;
      } catch (error) {
        failure = error;
      }
      if (Date.now() > deadline || this.process.exitCode !== null) {
        throw new Error(`waited in vain for ${what}${failure ? ` (${failure.message})` : ""}\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Runs another command of the binary on the same database; answers its standard output */
  command(...args) {
    const env = { ...process.env, DRAGONFLY_DATA_DIR: join(this.folder, "data") };
    const done = spawnSync(binary, args, { env, encoding: "utf8", maxBuffer: 1 << 28 });
    if (done.status !== 0) throw new Error(`dragonfly ${args.join(" ")} failed (${done.status})\n${done.stderr}`);
    return done.stdout;
  }

  /** Ends the server as Ctrl-C does, waits for it and removes its folder; an exit other than 0 is an error */
  async stop() {
    this.process.kill("SIGINT");
    const late = setTimeout(() => this.process.kill("SIGKILL"), 20_000);
    const code = await this.exited;
    clearTimeout(late);
    if (code === null) await this.stopPostgres();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    if (code !== 0) throw new Error(`the server did not end cleanly (${code ?? "killed after 20 s"})\n${this.output}`);
  }

  /** A server that had to be killed leaves its PostgreSQL behind */
  async stopPostgres() {
    const found = spawnSync("find", [this.folder, "-name", "postmaster.pid"], { encoding: "utf8" });
    for (const path of found.stdout.split("\n").filter(Boolean)) {
      process.kill(Number((await readFile(path, "utf8")).split("\n")[0]), "SIGINT");
    }
  }
}

/** Chromium, headless, without anything that reaches for the network */
export function launchBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? findOnPath("chromium"),
    chromiumSandbox: false,
    args: [
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/**
 * A server and a browser for the walks of one file
 *
 * `options` are those of [`Server.start`]. Each walk has a page of its own, with the first admin signed in unless
 * it says `{ signedIn: false }`; `context` options (viewport, colorScheme, …) may be given too.
 */
export function suite(options = {}) {
  let server, browser, admin;
  before(async () => {
    [server, browser] = await Promise.all([Server.start(options), launchBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const walk = (name, { signedIn = true, context: contextOptions = {} }, body) =>
    test(name, async (t) => {
      if (signedIn && !admin) {
        const context = await browser.newContext();
        await server.signIn(context);
        admin = await context.storageState();
        await context.close();
      }
      const context = await browser.newContext({
        baseURL: server.url,
        viewport: { width: 1440, height: 900 },
        reducedMotion: "reduce",
        storageState: signedIn ? admin : undefined,
        ...contextOptions,
      });
      const page = await context.newPage();
      const complaints = watch(page);
      try {
        await body({ t, page, context, server, complaints, accessible: () => accessible(page) });
        if (complaints.length > 0) throw new Error(`the page complained:\n${complaints.join("\n")}`);
      } catch (error) {
        await leaveEvidence(page, name, server);
        throw error;
      } finally {
        await context.close();
      }
    });

  return { walk: (name, ...rest) => (rest.length === 1 ? walk(name, {}, rest[0]) : walk(name, ...rest)) };
}

/** Collects what a healthy page never has: errors on its console, uncaught exceptions, answers of 5xx */
export function watch(page) {
  const complaints = [];
  page.on("console", (message) => {
    // Chromium reports every 4xx answer as an error; to the console they are answers like any other.
    const isAnswer = /^Failed to load resource: the server responded with a status of 4\d\d/.test(message.text());
    // Who goes on while a page's part still loads cuts that off; a part that does not come says so on its page.
    const isLeft = /^TypeError: (Failed to fetch\s+at \S*\/parts-|WebAssembly compilation aborted: Network error)/.test(message.text());
    if (message.type() === "error" && !isAnswer && !isLeft) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("response", (response) => {
    if (response.status() >= 500) complaints.push(`${response.status()}: ${response.url()}`);
  });
  return complaints;
}

/** Fails on violations of WCAG 2.2 A and AA that axe-core finds in the page as it is now */
export async function accessible(page) {
  await page.evaluate(axeSource());
  const violations = await page.evaluate(async () => {
    const run = await globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    });
    return run.violations.map(
      (violation) => `${violation.id}: ${violation.help}\n  ${violation.nodes.map((node) => node.target.join(" ")).join("\n  ")}`,
    );
  });
  if (violations.length > 0) throw new Error(`not accessible:\n${violations.join("\n")}`);
}

const axeSource = () => createRequire(import.meta.url)("axe-core").source;

async function leaveEvidence(page, name, server) {
  const folder = join(target, "e2e");
  await mkdir(folder, { recursive: true });
  const file = join(folder, name.replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 80));
  await page.screenshot({ path: `${file}.png` }).catch(() => {});
  await writeFile(`${file}.log`, `${page.url()}\n\n${server.output}`);
  console.error(`evidence: ${file}.png and .log`);
}

function findOnPath(program) {
  const folder = process.env.PATH.split(delimiter).find((folder) => existsSync(join(folder, program)));
  if (!folder) throw new Error(`no \`${program}\` on PATH: install it or set CHROMIUM`);
  return join(folder, program);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
