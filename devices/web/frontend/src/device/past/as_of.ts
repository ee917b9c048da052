/** A device as it was known at a time, and which times something changed at. */

import { effect, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

import type { DeviceSnapshot } from "#client/types.js";
import { messageOf } from "../../data/failures";
import { get } from "../../data/rest";
import { tell } from "../../document/address";
import { serverNow } from "../../data/clock";

const SETTLED_MS = 200; // after the slider's last move
const MOST_CHANGES = 1_000;

/** As the API has it: no metrics, but who made the latest change of each section. */
export interface Past extends Pick<DeviceSnapshot, "reported" | "desired" | "desired_version" | "presence" | "tags" | "description"> {
  at: string;
  changed: { [section: string]: { at: string; actor: string } };
}

/** @param at  Unix ms */
export function getPast(device: string, at: number, signal: AbortSignal): Promise<Past> {
  return get(`devices/${device}`, { at }, [], signal);
}

/** Times (Unix ms) at which something changed, the latest first. */
export async function getChangeTimes(device: string, since: number, until: number): Promise<number[]> {
  const { items } = await get<{ items: { at: string }[] }>(`devices/${device}/changes`, { since, until, limit: MOST_CHANGES });
  return [...new Set(items.map(({ at }) => Date.parse(at)))];
}

/** Show the device as of a time; null: as it is. */
export function goTo(ms: number | null): void {
  tell({ at: ms === null ? null : String(Math.round(Math.min(ms, serverNow()))) });
}

/** What was known of a device at the time that is wanted. */
export class AsOf {
  readonly past = signal<Past | null>(null);
  readonly loading = signal(true);
  readonly error = signal("");
  #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param at  Unix ms; null: now */
  constructor(
    private readonly device: string,
    private readonly at: ReadonlySignal<number | null>,
  ) {}

  /** Follow the time in the address. @returns stops it */
  follow(): () => void {
    const stop = effect(() => {
      const wanted = this.at.value;
      clearTimeout(this.#timer);
      this.#abort.abort();
      if (wanted === null) return;
      this.loading.value = true;
      this.#timer = setTimeout(() => void this.load(wanted), this.past.peek() ? SETTLED_MS : 0);
    });
    return () => {
      stop();
      clearTimeout(this.#timer);
      this.#abort.abort();
    };
  }

  async load(wanted: number): Promise<void> {
    const abort = (this.#abort = new AbortController());
    this.error.value = "";
    try {
      const found = await getPast(this.device, wanted, abort.signal);
      if (!abort.signal.aborted) this.past.value = found;
    } catch (error) {
      if (abort.signal.aborted) return;
      this.past.value = null;
      this.error.value = messageOf(error);
    }
    if (!abort.signal.aborted) this.loading.value = false;
  }
}
