/** Which files of builds stay in a folder: the last one's, and those that it took the place of, for a day. */

import { readFile, readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

const KEPT_MS = 24 * 3_600_000;

/**
 * The files of a build with their compressed forms, and its manifest; none if there was none.
 * @param {string} folder
 * @returns {Promise<Set<string>>}
 */
export async function filesOf(folder) {
  const text = await readFile(join(folder, "manifest.json"), "utf8").catch(() => '{"files":[]}');
  /** @type {{files: string[]}} */ const { files } = JSON.parse(text);
  return new Set(["manifest.json", ...files.flatMap((file) => [file, `${file}.br`, `${file}.gz`])]);
}

/**
 * A build has taken the place of another one, whose files web processes and pages have for a day from now. Older ones go.
 * @param {string} folder  with the present build's manifest
 * @param {Set<string>} before  the files of the build before
 */
export async function forgetOldBuilds(folder, before) {
  const present = await filesOf(folder);
  const now_ms = Date.now();
  for (const file of (await readdir(folder)).filter((file) => !present.has(file))) {
    const path = join(folder, file);
    if (before.has(file)) await utimes(path, now_ms / 1000, now_ms / 1000);
    else if ((await stat(path)).mtimeMs < now_ms - KEPT_MS) await rm(path);
  }
}
