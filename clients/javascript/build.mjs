/**
 * Builds the npm package of the client: the modules that every installation serves, as they are, and their types.
 *
 *     node clients/javascript/build.mjs DIRECTORY VERSION     makes DIRECTORY/causeway-client-VERSION.tgz
 *
 * The same sources make the same bytes.
 */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "..", "..");
const MODULES = join(ROOT, "devices", "web", "static", "causeway", "client");
const TSC = join(ROOT, "node_modules", ".bin", "tsc");
const TYPES = [
  "--ignoreConfig", "--allowJs", "--checkJs", "--strict", "--declaration", "--emitDeclarationOnly", "--types", "",
  "--target", "ES2022", "--module", "NodeNext", "--lib", "ES2023,DOM,DOM.Iterable",
]; // prettier-ignore

/**
 * What the package holds.
 * @param {string} folder  where to put it
 * @param {string} version
 */
function gather(folder, version) {
  cpSync(MODULES, folder, { recursive: true });
  for (const file of ["index.js", "README.md"]) cpSync(join(HERE, file), join(folder, file));
  cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  const { name, ...rest } = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ name, version, ...rest }, null, 2)}\n`);
  const modules = readdirSync(folder).filter((file) => file.endsWith(".js"));
  run(folder, TSC, ...TYPES, ...modules);
}

/** @param {string} folder @param {string} program @param {string[]} options */
function run(folder, program, ...options) {
  execFileSync(program, options, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

const [out, version] = process.argv.slice(2);
if (!out || !version) throw new Error("usage: node clients/javascript/build.mjs DIRECTORY VERSION");
const folder = mkdtempSync(join(tmpdir(), "causeway-client-"));
try {
  mkdirSync(out, { recursive: true });
  gather(folder, version);
  run(folder, "npm", "pack", "--silent", "--offline", "--ignore-scripts", "--pack-destination", resolve(out));
} finally {
  rmSync(folder, { recursive: true });
}
