/** Rules by which foreign topics are read, what they would make of messages, and hearing what is on the broker: over REST. */

import type { Json } from "#client/types.js";
import { get, post } from "./rest";

export type PayloadKind = "number" | "text" | "json" | "pairs" | "csv" | "senml" | "struct";

/** One value in a payload. */
export interface RuleField {
  metric: string;
  path: string;
  type: string;
  label: string;
  unit: string;
  scale: number;
}

/** How topics of a pattern are read (docs/mappings.md). */
export interface Rule {
  site: string;
  pattern: string;
  payload: PayloadKind;
  device: string;
  metric: string;
  label: string;
  unit: string;
  scale: number;
  decimal: string;
  words: { [word: string]: Json };
  fields: RuleField[];
  separator: string;
  hex: boolean;
  enabled: boolean;
}

/** A rule that is kept. */
export interface Mapping extends Rule {
  id: number;
  created_by: string;
  created_at: string;
}

/** A topic that was heard, with its last message's beginning. */
export interface HeardTopic {
  topic: string;
  count: number;
  payload: string;
  encoding: "utf-8" | "base64";
  payload_bytes: number;
  retained: boolean;
  last_at: string;
  /** who takes it; null: nobody, for that `reason` */
  dialect: string | null;
  source: string | null;
  reason: string | null;
}

export interface Listening {
  id: number;
  filter: string;
  status: "waiting" | "listening" | "ended" | "refused";
  reason: string;
  until_at: string;
  messages: number;
  /** of these, on topics for which there was no room */
  more: number;
  /** more came than were looked at */
  limited: boolean;
  items: HeardTopic[];
}

/** What a rule makes of a message. */
export interface Previewed {
  topic: string;
  device: string;
  metrics?: { [name: string]: Json } | null;
  reason?: string | null;
  detail?: string | null;
}

export async function getMappings(): Promise<Mapping[]> {
  return (await get<{ items: Mapping[] }>("mappings", {})).items;
}

/** Keep a rule, in place of the one with that number if there is one. */
export function saveMapping(rule: Rule, id: number | null): Promise<Mapping> {
  return id === null ? post("mappings", "POST", rule) : post(`mappings/${id}`, "PUT", rule);
}

/** Devices and their readings stay. */
export function deleteMapping(id: number): Promise<null> {
  return post(`mappings/${id}`, "DELETE");
}

/** @param heard  null: the last messages that the server knows nobody took */
export async function previewMapping(mapping: Rule, heard: HeardTopic[] | null): Promise<Previewed[]> {
  const messages =
    heard?.map(({ topic, payload, encoding }) => ({
      topic,
      payload,
      encoding: encoding === "base64" ? "base64" : "utf8",
    })) ?? null;
  const answer: { items: Previewed[] } = await post("mappings/preview", "POST", { mapping, messages });
  return answer.items;
}

/** @param filter  an MQTT topic filter */
export function listen(filter: string, minutes: number): Promise<Listening> {
  return post("listen", "POST", { filter, minutes });
}

export function getListening(id: number): Promise<Listening> {
  return get(`listen/${id}`, {});
}

/** Sites that have devices, as far as the first hundred devices tell. */
export async function getSites(): Promise<string[]> {
  const { items } = await get<{ items: { device: string }[] }>("devices", { limit: 100 });
  return [...new Set(items.map(({ device }) => device.split("/")[0] ?? ""))];
}
