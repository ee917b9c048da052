/**
 * Builds the pages: `src/` becomes `dist/`, which Django serves as static files under `causeway/app/`.
 *
 *     node devices/web/frontend/build.mjs            once, small and compressed (`make setup` does it)
 *     node devices/web/frontend/build.mjs --watch    again at each change, readable (`make pages`)
 *
 * File names have a hash of their content; `manifest.json` says which file is what, and what it imports. The files of the
 * build before stay for a day, for web processes and pages that have them; older ones go.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import * as esbuild from "esbuild";

import { filesOf, forgetOldBuilds } from "./builds.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, "dist");
const MANIFEST = join(OUT, "manifest.json");
const LEAST_COMPRESSED_BYTES = 500;

/** What is asked for by name: the shell, a bundle a group of pages, and the modules that other people's pages import. */
const ENTRIES = {
  shell: "shell/main.tsx",
  fleet: "fleet/page.tsx",
  device: "device/page.tsx",
  ops: "ops/page.tsx",
  mappings: "mappings/page.tsx",
  kit: "kit/page.tsx",
  embed: "embed/main.tsx",
  page: "promised/page.ts",
  live: "promised/live.ts",
  frame: "promised/frame.ts",
  html: "promised/html.ts",
  register: "promised/register.ts",
  parts: "promised/kit.ts",
  preact: "promised/preact.ts",
  hooks: "promised/hooks.ts",
  signals: "promised/signals.ts",
  "signals-core": "promised/signals-core.ts",
  htm: "promised/htm.ts",
  "base.css": "css/base.css",
  "login.css": "css/login.css",
  "fleet.css": "css/fleet.css",
  "device.css": "css/device.css",
  "ops.css": "css/ops.css",
  "mappings.css": "css/mappings.css",
  "kit.css": "css/kit-page.css",
  "reference.css": "css/reference.css",
  "admin.css": "css/admin.css",
  "embed.css": "css/embed.css",
};

/** @param {boolean} watched @returns {esbuild.BuildOptions} */
function options(watched) {
  return {
    absWorkingDir: HERE,
    entryPoints: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name.replace(/\.css$/, "-style"), join("src", path)])),
    outdir: "dist",
    entryNames: "[name]-[hash]",
    chunkNames: "shared-[hash]",
    bundle: true,
    splitting: true,
    inject: ["src/shared.ts"],
    format: "esm",
    target: ["chrome110", "firefox110", "safari16.4"], // as boot.js asks for
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: !watched,
    sourcemap: "linked",
    metafile: true,
    legalComments: "none",
    logLevel: "warning",
    plugins: [{ name: "causeway", setup: (build) => build.onEnd((result) => finish(result, watched)) }],
  };
}

/**
 * Writes the manifest, compresses, and takes away what other builds have made long ago.
 * @param {esbuild.BuildResult} result
 * @param {boolean} watched
 */
async function finish(result, watched) {
  if (result.errors.length > 0 || !result.metafile) return;
  const outputs = result.metafile.outputs;
  const files = Object.keys(outputs).map((path) => relative("dist", path));
  if (!watched) for (const file of files) await compress(file);
  const before = await filesOf(OUT);
  await writeFile(MANIFEST, JSON.stringify({ entries: entriesOf(outputs), files }, null, 1));
  await forgetOldBuilds(OUT, before);
}

/**
 * By name: its file, and all files that it imports at once.
 * @param {esbuild.Metafile["outputs"]} outputs
 */
function entriesOf(outputs) {
  const byEntry = new Map(Object.entries(outputs).map(([path, { entryPoint }]) => [entryPoint, path]));
  return Object.fromEntries(
    Object.entries(ENTRIES).map(([name, source]) => {
      const path = byEntry.get(join("src", source)) ?? "";
      const imports = [...importedBy(path, outputs)].map((file) => relative("dist", file));
      return [name, { file: relative("dist", path), imports }];
    }),
  );
}

/**
 * @param {string} path
 * @param {esbuild.Metafile["outputs"]} outputs
 * @param {Set<string>} found
 */
function importedBy(path, outputs, found = new Set()) {
  for (const one of outputs[path]?.imports ?? []) {
    if (one.kind !== "import-statement" || found.has(one.path)) continue;
    found.add(one.path);
    importedBy(one.path, outputs, found);
  }
  return found;
}

/** @param {string} file */
async function compress(file) {
  const content = await readFile(join(OUT, file));
  if (file.endsWith(".map") || content.length < LEAST_COMPRESSED_BYTES) return;
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  await writeFile(join(OUT, `${file}.br`), brotliCompressSync(content, { params }));
  await writeFile(join(OUT, `${file}.gz`), gzipSync(content, { level: 9 }));
}

await mkdir(OUT, { recursive: true });
if (process.argv.includes("--watch")) {
  const context = await esbuild.context(options(true));
  await context.watch();
  console.log("watching devices/web/frontend/src; run the server with DEBUG=true and load the page again");
} else {
  try {
    await esbuild.build(options(false));
  } catch {
    process.exitCode = 1; // esbuild has said why
  }
}
