// The types of both packages, as TypeScript reads them: complete, readable, and usable under `--strict`.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const built = dirname(process.env.DRAGONFLY_POLICY_WASM);
const types = fileURLToPath(new URL("../../../tests/types", import.meta.url));

for (const host of ["node", "web"]) {
  const declarations = ["policy_wasm", "policy_studies", "policy_routing"].map((name) => [name, join(built, host, `${name}.d.ts`)]);

  test(`a program in TypeScript compiles against the package for ${host}`, () => {
    const folder = mkdtempSync(join(types, "node_modules", ".check-"));
    try {
      const [[, main], [, studies], [, routing]] = declarations;
      const options = {
        strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false,
        target: "es2022", module: "nodenext", lib: ["es2022", "dom", "esnext.disposable"], types: [],
        paths: { "@dragonfly/policy": [main], "@dragonfly/policy/studies": [studies], "@dragonfly/policy/routing": [routing] },
      };
      const config = join(folder, "tsconfig.json");
      writeFileSync(config, JSON.stringify({ compilerOptions: options, files: [join(types, "consumer.ts")] }));
      execFileSync(join(types, "node_modules/.bin/tsc"), ["--project", config], { encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      assert.fail(`${error.stdout ?? ""}${error.message}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  for (const [name, path] of declarations) {
    test(`${name} for ${host} has no type that says nothing`, () => {
      // What is exported to TypeScript's users; what wasm-bindgen's loader takes and gives stands behind it.
      const [exported] = readFileSync(path, "utf8").split(/^export (?:type InitInput|interface InitOutput)/m);
      assert.doesNotMatch(exported.replaceAll(/\/\*\*[\s\S]*?\*\//g, ""), /\bany\b(?!:)|: (?:object|Function)\b/);
      const functions = [...exported.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
      assert.ok(functions.length >= 5, functions.join());
      for (const called of functions) {
        assert.match(exported, new RegExp(`\\*/\\nexport function ${called}\\(`), `${called} is described`);
      }
    });
  }
}
