/**
 * Runs the unit tests: those in JavaScript as they are, those in TypeScript once esbuild has made JavaScript of them
 * and of what they import.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as esbuild from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const made = mkdtempSync(join(tmpdir(), "causeway-tests-"));
const tests = readdirSync(HERE).filter((name) => /\.test\.(js|ts)$/.test(name));
await esbuild.build({
  absWorkingDir: HERE,
  entryPoints: tests.filter((name) => name.endsWith(".ts")),
  outdir: made,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  sourcemap: "inline",
  logLevel: "warning",
});
const files = [
  ...tests.filter((name) => name.endsWith(".js")).map((name) => join(HERE, name)),
  ...readdirSync(made).map((name) => join(made, name)),
];
const options = ["--enable-source-maps", "--test", "--test-reporter=dot"];
const { status } = spawnSync(process.execPath, [...options, ...files], { stdio: "inherit" });
rmSync(made, { recursive: true });
process.exitCode = status ?? 1;
