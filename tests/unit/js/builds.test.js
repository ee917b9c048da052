import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

import { filesOf, forgetOldBuilds } from "../../../devices/web/frontend/builds.mjs";

const DAYS_AGO = Date.now() / 1000 - 30 * 86_400;

/** @param {string} folder @param {string[]} files  built days ago, by which manifest */
async function build(folder, files) {
  for (const file of files) {
    await writeFile(join(folder, file), file);
    await utimes(join(folder, file), DAYS_AGO, DAYS_AGO);
  }
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ files: files.filter((file) => !file.endsWith(".br")) }));
}

describe("builds of the pages", () => {
  test("the files of the build before stay for a day from now, however old they are; older ones go", async (context) => {
    const folder = await mkdtemp(join(tmpdir(), "builds-"));
    context.after(() => rm(folder, { recursive: true }));
    assert.deepEqual([...(await filesOf(folder))], ["manifest.json"]);
    await build(folder, ["shell-0.js", "shell-0.js.br"]);
    await build(folder, ["shell-1.js", "shell-1.js.br"]);
    const before = await filesOf(folder);
    await build(folder, ["shell-2.js"]);
    await forgetOldBuilds(folder, before);
    assert.deepEqual((await readdir(folder)).sort(), ["manifest.json", "shell-1.js", "shell-1.js.br", "shell-2.js"]);
    assert.ok((await stat(join(folder, "shell-1.js.br"))).mtimeMs > Date.now() - 60_000);
    await forgetOldBuilds(folder, await filesOf(folder));
    assert.equal((await readdir(folder)).length, 4);
  });
});
