/** What happened at a device in a stretch of time: events, commands, alerts, presence. Loaded for the stretch; what is live comes by the stream. */

import { computed, signal } from "@preact/signals";

import type { Alert, Command, EventRow } from "#client/types.js";
import { serverNow } from "../../../../data/clock";
import { messageOf } from "../../../../data/failures";
import { get, getCommands } from "../../../../data/rest";
import { formatJson } from "../../../../lib/format.js";
import { MOST_COMMANDS, MOST_EVENTS } from "../../../store";
import type { Device } from "../../../store";
import type { Happened, Status } from "./placed.js";

const MOST = 300; // of a kind
const AGAIN_MS = 30_000;

interface ChangeOfPresence {
  at: string;
  patch: { status: string };
}

export class Happenings {
  readonly error = signal("");
  /** There is more than is loaded. */
  readonly more = signal(false);
  #events = signal<EventRow[]>([]);
  #commands = signal<Command[]>([]);
  #alerts = signal<Alert[]>([]);
  #statuses = signal<Status[]>([]);
  #loaded = { from: NaN, to: NaN, at: -Infinity };
  #abort = new AbortController();

  constructor(private readonly device: Device) {}

  readonly all = computed((): Happened[] => {
    const events = new Map([...this.#events.value, ...this.device.events.value].map((one) => [one.rev, one]));
    const commands = new Map([...this.#commands.value, ...this.device.commands.value].map((one) => [one.id, one]));
    return [...[...events.values()].map(ofEvent), ...[...commands.values()].map(ofCommand), ...this.#alerts.value.map(ofAlert)];
  });

  readonly statuses = computed((): Status[] => {
    const presence = this.device.state.value?.presence;
    return [...this.#statuses.value, ...(presence?.since ? [presence] : [])];
  });

  /** Have those of a stretch (Unix ms), which may move. */
  want(from: number, to: number): void {
    const { from: since, to: until, at } = this.#loaded;
    const width = to - from;
    const isThere = from >= since - width / 50 && to <= until + Math.max(AGAIN_MS, width / 50);
    if (isThere && (to <= until || performance.now() - at < AGAIN_MS)) return;
    this.#loaded = { from, to, at: performance.now() };
    void this.#load(Math.floor(from), Math.ceil(to));
  }

  /** Alerts have changed: ask again with the next look. */
  refresh(): void {
    this.#loaded.at = this.#loaded.from = NaN;
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Whether the page has them all, since then. */
  #hasEvents(since: number): boolean {
    const { events, eventsPast } = this.device;
    return eventsPast.peek().known && (events.peek().length < MOST_EVENTS || (events.peek().at(-1)?.ts ?? 0) < since);
  }

  #hasCommands(since: number): boolean {
    const { commands, commandsPast } = this.device;
    return commandsPast.peek().known && (commands.peek().length < MOST_COMMANDS || Date.parse(commands.peek().at(-1)?.created_at ?? "") < since);
  }

  async #load(since: number, until: number): Promise<void> {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    const { key } = this.device;
    const path = `devices/${key}`;
    const stretch = { since, until, limit: MOST };
    try {
      const [events, commands, alerts, changes, before] = await Promise.all([
        this.#hasEvents(since) ? { items: [], next: null } : get<Page<EventRow>>(`${path}/events`, stretch, [], signal),
        this.#hasCommands(since) ? { items: [] } : getCommands(key, MOST),
        get<Page<Alert>>("alerts", { device: key, limit: MOST }, [], signal),
        get<Page<ChangeOfPresence>>(`${path}/changes`, { ...stretch, kind: "presence" }, [], signal),
        get<Page<ChangeOfPresence>>(`${path}/changes`, { until: since, limit: 1, kind: "presence" }, [], signal),
      ]);
      if (signal.aborted) return;
      this.#events.value = events.items;
      this.#commands.value = commands.items;
      this.#alerts.value = alerts.items;
      this.#statuses.value = [...changes.items, ...before.items].map(({ at, patch }) => ({ status: patch.status, since: Date.parse(at) }));
      this.more.value = [events, changes].some(({ next }) => next !== null);
      this.error.value = "";
    } catch (error) {
      if (!signal.aborted) this.error.value = messageOf(error);
    }
  }
}

interface Page<T> {
  items: T[];
  next: string | null;
}

function ofEvent({ rev, name, data, ts }: EventRow): Happened {
  return { kind: "event", id: String(rev), at: ts, text: data === null ? name : `${name} ${formatJson(data)}` };
}

function ofCommand({ id, name, status, created_at }: Command): Happened {
  return { kind: "command", id, at: Date.parse(created_at), text: `${name}: ${status}` };
}

function ofAlert({ id, name, severity, raised, cleared }: Alert): Happened {
  return { kind: "alert", id, at: raised, until: cleared ?? serverNow(), text: `${name} (${severity})` };
}
