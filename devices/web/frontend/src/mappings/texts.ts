/** What of a rule is written as text in its form, and which of its members an answer of the server is about. Pure. */

import type { Json } from "#client/types.js";

/** By member of a rule; "": of none in particular. */
export type Faults = { [member: string]: string };

/** `on = true`, a line each. */
export function textOfWords(words: { [word: string]: Json }): string {
  return Object.entries(words)
    .map(([word, means]) => `${word} = ${typeof means === "string" && readScalar(means) === means ? means : JSON.stringify(means)}`)
    .join("\n");
}

/** @returns null: a line has no `=` */
export function wordsOfText(text: string): { [word: string]: Json } | null {
  const lines = text.split("\n").filter((line) => line.trim());
  if (lines.some((line) => line.indexOf("=") < 1)) return null;
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.lastIndexOf("=");
      return [line.slice(0, at).trim(), readScalar(line.slice(at + 1).trim())];
    }),
  );
}

/** `true`, `12`, `null`, `"12"` are what they are in JSON; anything else is a text. */
function readScalar(text: string): Json {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? text : value;
  } catch {
    return text;
  }
}

/** null: it is no number. */
export function numberOfText(text: string): number | null {
  const value = Number(text.trim().replace(",", "."));
  return text.trim() && Number.isFinite(value) ? value : null;
}

/**
 * `pattern: it has no #: say each level` belongs to the pattern, `device, metric: …` to both.
 *
 * @param detail  of a problem
 * @param members  those that have a field
 */
export function faultsOf(detail: string, members: readonly string[]): Faults {
  const faults: Faults = {};
  for (const part of detail.split("; ")) {
    const [, names = "", text = part] = /^([\w, .]+?): (.*)$/s.exec(part) ?? [];
    const found = names.split(", ").map(memberOf).filter((name) => members.includes(name));
    if (found.length === 0) faults[""] = [faults[""], part].filter(Boolean).join("; ");
    for (const name of found) faults[name] = text;
  }
  return faults;
}

/** `mapping.fields.0.scale` → `fields` */
function memberOf(name: string): string {
  return name.replace(/^mapping\./, "").split(".")[0] ?? "";
}
