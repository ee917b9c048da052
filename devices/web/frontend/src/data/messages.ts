/** How a device speaks, and its last messages as they came: over REST. */

import type { Json } from "#client/types.js";
import { get, post } from "./rest";

/** A message, its payload's beginning, and what became of it. */
export interface RawMessage {
  received_at: string;
  topic: string;
  payload: string;
  encoding: "utf-8" | "base64";
  payload_bytes: number;
  retained: boolean;
  /** unknown: it is too long for that */
  became: "applied" | "quarantined" | "rejected" | "unknown";
  reason: string | null;
  /** what it says of this device: telemetry, status, … */
  says: string[];
  metrics: { [name: string]: Json };
}

export interface Speaks {
  dialect: string;
  source: string;
  filters: string[];
  /** none: nobody has looked */
  status: "none" | "waiting" | "listening" | "ended" | "refused";
  reason: string;
  until_at: string | null;
  limited: boolean;
  items: RawMessage[];
}

/** What was heard when somebody last looked. */
export function getMessages(device: string): Promise<Speaks> {
  return get(`devices/${device}/messages`, {});
}

/** Hear for some minutes what a device says. */
export function lookAtMessages(device: string): Promise<Speaks> {
  return post(`devices/${device}/messages`, "POST", {});
}
