/** Handlers of apps, over REST. */

import { get, post } from "./rest";

export type HandlerState = "running" | "paused" | "too_far" | "full" | "gone";
export type HandlerVerb = "pause" | "resume" | "rebuild" | "replay";

/** How a handler is doing. */
export interface Handler {
  name: string;
  version: number;
  kind: string;
  state: HandlerState;
  since_at: string;
  processes: number;
  /** commits that it has not come to */
  lag: number;
  handled: number;
  failures: number;
  failed_at: string | null;
  why: string;
  parked: number;
  waiting: number;
  left_out: number;
  dead_letters: number;
  tasks: number;
  dead_tasks: number;
}

/** A device at which a handler fails. */
export interface ParkedDevice {
  device: string;
  since_at: string;
  retry_at: string | null;
  attempts: number;
  why: string;
  left_out: number;
}

/** All of them. */
export function getHandlers(): Promise<{ items: Handler[] }> {
  return get("handlers", {});
}

/** The first devices at which one fails. */
export function getParked(name: string, limit: number): Promise<{ items: ParkedDevice[]; next: string | null }> {
  return get(`handlers/${encodeURIComponent(name)}/parked`, { limit });
}

/** Have one pause, go on, begin anew, or try again. */
export function tellHandler(name: string, verb: HandlerVerb): Promise<Handler> {
  return post(`handlers/${encodeURIComponent(name)}/${verb}`);
}
