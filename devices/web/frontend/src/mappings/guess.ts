/** Which rule a heard message suggests: where its topic names device and metric, and what its payload is. Pure. */

import type { Json } from "#client/types.js";
import type { HeardTopic, Rule, RuleField } from "../data/mappings";

const MOST_FIELDS = 50;
const MOST_NAME_CHARS = 64;
const NUMBER = /^[+-]?(\d+([.,]\d+)?|[.,]\d+|\d{1,3}(\.\d{3})+,\d+)(e[+-]?\d+)?$/i;
const PAIR = /^[^\s=,;&{}[\]"]+=[^\s=,;&]*$/;
const SWITCHES = [
  ["on", "off"],
  ["true", "false"],
  ["yes", "no"],
  ["an", "aus"],
  ["ja", "nein"],
] as const;
/** Levels that name neither a device nor a metric. */
const GENERIC = new Set(
  "state status value values data json telemetry tele sensor sensors attributes info measurement measurements readings".split(
    " ",
  ),
);

type Content = Partial<Rule> & Pick<Rule, "payload">;

export const EMPTY: Rule = {
  site: "",
  pattern: "",
  payload: "number",
  device: "",
  metric: "",
  label: "",
  unit: "",
  scale: 1,
  decimal: ".",
  words: {},
  fields: [],
  separator: "",
  hex: false,
  enabled: true,
};

/** @param sites  those that are known, the likeliest first */
export function guess(heard: HeardTopic, sites: readonly string[]): Rule {
  const content = contentOf(heard);
  const levels = heard.topic.split("/");
  const places = placesOf(levels, content.payload === "number" || content.payload === "text");
  const named = levels.find((level) => sites.includes(level) && level !== levels[places.deviceAt]);
  return { ...EMPTY, site: named ?? sites[0] ?? "home", ...places.rule, ...content };
}

/** Whether a pattern has a topic. */
export function matches(pattern: string, topic: string): boolean {
  const [wanted, levels] = [pattern.split("/"), topic.split("/")];
  const isPlace = (level: string) => level === "{device}" || level === "{metric}" || level === "+";
  return wanted.length === levels.length && wanted.every((level, index) => isPlace(level) || level === levels[index]);
}

// Topics ------------------------------------------------------------------------------------------------------------

/** @param isSingle  the payload is one value: the topic has to name it */
function placesOf(levels: string[], isSingle: boolean): { deviceAt: number; rule: Partial<Rule> } {
  const last = levels.length - 1;
  const named = last >= (isSingle ? 2 : 1) && GENERIC.has((levels[last] ?? "").toLowerCase()) ? last - 1 : last;
  const metricAt = isSingle && named > 0 ? named : -1;
  const deviceAt = isSingle ? named - 1 : named;
  const pattern = levels.map((level, index) => {
    if (index === metricAt) return "{metric}";
    if (index === deviceAt && index > 0) return "{device}"; // the first level is a word
    return /[{}]/.test(level) ? "+" : level;
  });
  const device = deviceAt > 0 ? "" : levels.find(Boolean) ?? "device";
  const metric = isSingle && metricAt < 0 ? "value" : "";
  return { deviceAt, rule: { pattern: pattern.join("/"), device, metric } };
}

// Payloads ----------------------------------------------------------------------------------------------------------

function contentOf({ payload, encoding, payload_bytes }: HeardTopic): Content {
  if (encoding === "base64") return bytesOf(payload, payload_bytes);
  const text = payload.trim();
  return numberOf(text) ?? jsonOf(text) ?? pairsOf(text) ?? columnsOf(text) ?? textOf(text);
}

function numberOf(text: string): Content | null {
  if (!NUMBER.test(text)) return null;
  return text.includes(",") ? { payload: "number", decimal: "," } : { payload: "number" };
}

function jsonOf(text: string): Content | null {
  if (!/^[{[]/.test(text)) return null;
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return text.startsWith("{") && /^\{\s*("|$)/.test(text) ? { payload: "json" } : null; // its end was cut off
  }
  if (isSenml(value)) return { payload: "senml" };
  const found = [...new Map(fieldsOf(value, "", "").map((one) => [one.metric, one])).values()];
  const isWhole = found.length <= MOST_FIELDS || Array.isArray(value);
  return { payload: "json", fields: isWhole ? found.slice(0, MOST_FIELDS) : [] };
}

function isSenml(value: Json): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((one) => typeof one === "object" && one !== null && ("n" in one || "bn" in one));
}

/** The scalars in a value, each with its JSON pointer. */
function fieldsOf(value: Json, path: string, name: string): RuleField[] {
  if (value === null || name.length > MOST_NAME_CHARS) return [];
  if (typeof value !== "object") return path ? [field(name, path)] : [];
  return Object.entries(value).flatMap(([key, one]) => {
    const token = key.replaceAll("~", "~0").replaceAll("/", "~1");
    return fieldsOf(one as Json, `${path}/${token}`, name ? `${name}.${key}` : key);
  });
}

export function field(metric: string, path: string, type = ""): RuleField {
  return { metric, path, type, label: "", unit: "", scale: 1 };
}

function pairsOf(text: string): Content | null {
  const parts = text.split(/[\s,;&]+/).filter(Boolean);
  return parts.length > 0 && parts.every((part) => PAIR.test(part)) ? { payload: "pairs" } : null;
}

function columnsOf(text: string): Content | null {
  const separator = [";", "\t", ",", " "].find((one) => text.split(one).length > 1);
  if (separator === undefined || text.includes("\n")) return null;
  const columns = text.split(separator).map((one) => one.trim());
  if (columns.filter((one) => NUMBER.test(one)).length < Math.max(1, columns.length / 2)) return null;
  if (separator === " " && columns.length === 2) return null; // a number with its unit
  const decimal = separator !== "," && columns.some((one) => NUMBER.test(one) && one.includes(",")) ? "," : ".";
  const fields = columns.slice(0, MOST_FIELDS).map((_, index) => field(`column_${index}`, String(index)));
  return { payload: "csv", separator: separator === "," ? "" : separator, decimal, fields };
}

function textOf(text: string): Content {
  const found = SWITCHES.find((words) => (words as readonly string[]).includes(text.toLowerCase()));
  if (!found) return { payload: "text" };
  const [on, off] = found.map((word) => (text === text.toUpperCase() ? word.toUpperCase() : cased(word, text)));
  return { payload: "text", words: { [on as string]: true, [off as string]: false } };
}

/** A word with a capital where the other one has one. */
function cased(word: string, as: string) {
  return as[0] === as[0]?.toUpperCase() ? word.charAt(0).toUpperCase() + word.slice(1) : word;
}

/** CBOR's maps are read as JSON is; other bytes as a struct of one number. */
function bytesOf(base64: string, bytes: number): Content {
  const first = atob(base64.slice(0, 4)).charCodeAt(0);
  if (bytes > 1 && first >= 0xa0 && first <= 0xbf) return { payload: "json" };
  const type = bytes >= 4 ? "f32be" : bytes >= 2 ? "i16be" : "u8";
  return { payload: "struct", fields: [field("value", "0", type)] };
}
