/** One device as its page shows it. */

import { batch, computed, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Change, Command, DeviceState, EventRow, Note, QuarantinedMessage, Scalar } from "#client/types.js";
import { described, sayValue } from "../lib/described.js";
import { orderedMetrics } from "../lib/device_list.js";
import { Decimals } from "../lib/format.js";
import type { Causeway } from "../data/causeway";
import { messageOf } from "../data/failures";
import { perFrame } from "../data/live";
import { recall, remember } from "../document/page";
import { getCommand, getCommands, getEvents, getNotes, getQuarantine, getReadings } from "../data/rest";
import { History } from "../lib/history.js";
import { Overviews } from "./telemetry/charts/overviews";

export const MOST_EVENTS = 200;
export const MOST_COMMANDS = 50;
const MOST_REFUSED = 5;
const REFUSED_MS = 5_000;
/** All that a device can have. */
export const MOST_CHARTS = 200;
/** In the address: draw all metrics. */
export const ALL = "*";

/** Follows a device from when it is made until it is closed. */
export class Device {
  readonly state = signal<DeviceState | null>(null);
  /** The device is deleted, or no longer visible to the user. */
  readonly gone = signal(false);
  /** Newest first. */
  readonly events = signal<EventRow[]>([]);
  /** Whether those of before the page was opened are among them, and why not. */
  readonly eventsPast = signal({ known: false, error: "" });
  /** Newest first. */
  readonly commands = signal<Command[]>([]);
  /** One that is older than those, and was asked for. */
  readonly found = signal<Command | null>(null);
  /** Whether those of before the page was opened are among them, and why not. */
  readonly commandsPast = signal({ known: false, error: "" });
  /** Its latest messages in quarantine, newest first, and whether there are more. */
  readonly quarantined = signal<{ items: QuarantinedMessage[]; more: boolean }>({ items: [], more: false });
  /** What of its messages was not taken as it came. */
  readonly notes = signal<Note[]>([]);
  /** The page shows it as it was then, Unix ms; null: as it is. */
  readonly at = signal<number | null>(null);
  readonly past: History;
  readonly overviews: Overviews;
  readonly decimals = new Decimals();

  /** The fleet's columns, as this browser showed them last. */
  #columns = recall<string[]>("fleet.shown", []);
  #description = computed(() => this.state.value?.description);
  /** What it is said to be. */
  readonly what = computed(() => described(this.#description.value));
  readonly metricNames = computed(() => {
    const isNumber = (name: string) => this.hasBeen("number", name);
    return this.state.value ? orderedMetrics(this.state.value, this.#columns, isNumber) : [];
  });
  /** The metrics drawn, each in its own strip. */
  readonly charted = computed(() => {
    const chosen = this.#chosen.value;
    const wished = chosen?.[0] === ALL ? this.#drawables.value : (chosen ?? this.#numbers().slice(0, 3));
    return wished.filter((name) => this.metricNames.value.includes(name)).slice(0, MOST_CHARTS);
  });
  readonly drawsAll = computed(() => this.#chosen.value?.[0] === ALL);
  /** Metrics that can be drawn: what is no number now may have been one before. */
  #drawables = computed(() =>
    this.metricNames.value.filter((name) => this.hasBeen("number", name) || this.isState(name)),
  );
  /** null: the first ones. */
  #chosen = signal<string[] | null>(null);
  #latest: DeviceState | null = null;
  #fresh: EventRow[] = [];
  #later = perFrame(() =>
    batch(() => {
      this.state.value = this.#latest;
      if (this.#fresh.length > 0) this.#happened(this.#fresh);
      this.#fresh = [];
    }),
  );
  #ends: (() => void)[] = [];

  /** @param key  site/name */
  constructor(
    readonly key: string,
    { client, twins }: Pick<Causeway, "client" | "twins">,
  ) {
    this.past = new History((query) => getReadings(key, query));
    this.overviews = new Overviews(key);
    const known = twins.get(key);
    if (known) this.#begin(known);
    const subscription = twins.watch({ devices: [key] });
    subscription.on("change", (change) => {
      this.#take(change);
      this.#later();
    });
    subscription.on("refused", () => (this.gone.value = true));
    const timer = setInterval(
      () => document.hidden || client.status !== "live" || this.#loadRefused(),
      REFUSED_MS,
    );
    this.#ends = [
      () => subscription.close(),
      () => clearInterval(timer),
      client.on("command", (command) => command.device === key && this.note([command])),
      client.on("status", (status) => status === "live" && this.#caughtUp()),
    ];
    if (client.status === "live") this.#caughtUp();
  }

  /** Stop following it. */
  close(): void {
    for (const end of this.#ends) end();
    this.overviews.stop();
  }

  /** Whether a metric is of that kind, or has been as far as is known. */
  hasBeen(kind: "number" | "boolean" | "text", name: string): boolean {
    this.past.version.value;
    const value = this.state.value?.metrics[name]?.value;
    return (typeof value === "string" ? "text" : typeof value) === kind || this.past.of(name).has[kind];
  }

  /** Whether it is on or off, or one of some texts: shown as a timeline. */
  isState(name: string): boolean {
    return !this.hasBeen("number", name) && (this.hasBeen("boolean", name) || this.hasBeen("text", name));
  }

  /** What people call a metric. */
  label(name: string): string {
    return this.what.value.properties.get(name)?.label ?? name;
  }

  /** A metric's value in words, with its unit apart. */
  say(name: string, value: Scalar | undefined): { text: string; unit: string } {
    const property = this.what.value.properties.get(name);
    const text = sayValue(property, value, (value) => this.decimals.format(name, value));
    return { text, unit: typeof value === "number" ? (property?.unit ?? "") : "" };
  }

  isDrawable(name: string): boolean {
    return this.#drawables.value.includes(name);
  }

  /** Draw a metric, or don't any more. @returns all that are drawn now */
  toggleChart(name: string): string[] {
    const now = this.charted.value;
    const then = now.includes(name) ? now.filter((other) => other !== name) : [...now, name].slice(-MOST_CHARTS);
    remember(`charts.${this.key}`, then);
    this.draw(then);
    return then;
  }

  /** Draw all metrics, or the first ones. @returns what the address says of it */
  drawAll(all: boolean): string | null {
    const then = all ? [ALL] : null;
    remember(`charts.${this.key}`, then);
    this.draw(then);
    return all ? ALL : null;
  }

  /** Draw these; null: those that were drawn the last time, or the first ones. */
  draw(names: string[] | null): void {
    const wanted = names ?? recall<string[] | null>(`charts.${this.key}`, null);
    if (JSON.stringify(wanted) !== JSON.stringify(this.#chosen.peek())) this.#chosen.value = wanted;
  }

  /** Have a command that is older than those that are listed. */
  async find(id: string): Promise<void> {
    if (!id || this.commands.value.some((command) => command.id === id)) return;
    this.found.value = await getCommand(id).catch(() => null);
  }

  /** Take over what is newer: a command only ever gains steps. */
  note(news: Command[]): void {
    const known = new Map(this.commands.value.map((command) => [command.id, command]));
    for (const command of news) {
      const old = known.get(command.id);
      if (!old || old.timeline.length <= command.timeline.length) known.set(command.id, command);
    }
    const sorted = [...known.values()].sort((one, other) => other.created_at.localeCompare(one.created_at));
    this.commands.value = sorted.slice(0, MOST_COMMANDS);
  }

  /** Nothing that the device ever sent became a value or a state: its page would look as if it had said nothing. */
  isNotUnderstood(): boolean {
    const twin = this.state.value;
    if (!twin || this.quarantined.value.items.length === 0) return false;
    return Object.keys(twin.metrics).length === 0 && Object.keys(twin.reported).length === 0;
  }

  #numbers() {
    return this.#drawables.value.filter((name) => this.hasBeen("number", name));
  }

  #caughtUp() {
    this.#loadCommands();
    this.#loadRefused();
    if (this.eventsPast.value.error) this.#loadEvents();
  }

  /** What another page knew: the stream goes on from there. */
  #begin(state: DeviceState) {
    this.#latest = this.state.value = state;
    this.past.reached(state.rev);
    this.#loadEvents();
  }

  #take(change: Change) {
    if (change.kind === "gone") {
      this.gone.value = true;
      return;
    }
    this.gone.value = false;
    this.#latest = change.state;
    if (change.kind === "snapshot") {
      this.past.reached(change.state.rev);
      this.#loadEvents(); // not before: what happens between an earlier look and the snapshot would be in neither
    } else if (change.kind === "delta") this.past.add(change.readings, change.state.rev);
    else {
      this.#fresh.push(change.event);
      this.past.add([], change.state.rev);
    }
  }

  /** Commands sent before the page was there, and steps taken while it was not connected. */
  async #loadCommands() {
    try {
      this.note((await getCommands(this.key, MOST_COMMANDS)).items);
      this.commandsPast.value = { known: true, error: "" };
    } catch (error) {
      this.commandsPast.value = { ...this.commandsPast.value, error: messageOf(error) };
    }
  }

  /** Events of before a snapshot; those after it, and while the page was not connected, come by the stream. */
  async #loadEvents() {
    try {
      this.#happened((await getEvents(this.key, MOST_EVENTS)).items);
      this.eventsPast.value = { known: true, error: "" };
    } catch (error) {
      this.eventsPast.value = { ...this.eventsPast.value, error: messageOf(error) };
    }
  }

  #happened(news: EventRow[]) {
    const known = new Map([...news, ...this.events.value].map((event) => [event.rev, event]));
    this.events.value = [...known.values()].sort((one, other) => other.rev - one.rev).slice(0, MOST_EVENTS);
  }

  /** Quarantine and notes make no rev: they are asked for. A failure keeps what was known. */
  async #loadRefused() {
    try {
      const [found, noted] = await Promise.all([
        getQuarantine({ device: this.key, limit: MOST_REFUSED }),
        getNotes(this.key),
      ]);
      this.quarantined.value = { items: found.items, more: found.next !== null };
      this.notes.value = noted.items;
    } catch (error) {
      console.warn("causeway: quarantine and notes are not known", error);
    }
  }
}

export const DeviceContext = createContext<Device | null>(null);

/** The device of the page or panel around. */
export function useDevice(): Device {
  const device = useContext(DeviceContext);
  if (!device) throw new Error("not inside a DeviceContext");
  return device;
}
