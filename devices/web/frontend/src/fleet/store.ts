/**
 * The fleet as the table shows it. Thousands of devices may change at once: each change only marks a device; once a
 * frame the marked ones that are on screen render anew, and order and counts are made anew at most four times a second.
 */

import { batch, computed, effect, signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Change, DeviceState, Reading } from "#client/types.js";
import { commonLabels } from "../lib/brief.js";
import { commonMetrics, counts, isUniform, offeredMetrics, ordered, orderedMetrics, selected } from "../lib/device_list.js";
import type { Wanted } from "../lib/device_list.js";
import { USUAL_ORDER, addressOf, queryOf, shownBy } from "../lib/fleet_address.js";
import type { Order } from "../lib/fleet_address.js";
import type { Traced } from "../lib/trace.js";
import { naturally } from "../lib/twin.js";
import { tell, whileShown } from "../document/address";
import { perFrame } from "../data/live";
import { page, recall, remember } from "../document/page";
import type { Twins } from "../data/twins";

export interface Entry {
  key: string;
  site: string;
  name: string;
  state: DeviceState;
  /** Unix ms of its newest value */
  updated: number;
  /** recent values of its trend's metric, as they came */
  trace: Traced[];
  /** its own first metrics, as last worked out */
  own: { description: DeviceState["description"]; count: number; names: string[] };
  /** raised when the entry is to render anew */
  version: Signal<number>;
}

type Changed = Exclude<Change, { kind: "gone" }>;

const REORDER_MS = 250;
const REORDER_LIVE_MS = 1_000; // by values that change all the time: rows must not run away from the pointer
const TRACE = 80;
const NOTHING = { description: undefined, count: -1, names: [] };
export const MOST_COLUMNS = 4;
const USUAL_COLUMNS = 3;

/** Everything that the user may see, from when it is made until it is closed. */
export class Fleet {
  readonly rows = signal<Entry[]>([]);
  readonly totals = signal({ all: 0, online: 0, offline: 0, stale: 0, unknown: 0 });
  readonly sites = signal<string[]>([]);
  /** All metrics in the fleet, commonest first. */
  readonly metrics = signal<string[]>([]);
  /** What metrics are called in common, where it isn't as the devices send them. */
  readonly labels = signal<ReadonlyMap<string, string>>(new Map());
  readonly loaded = signal(false);
  /** Why the fleet can't be shown; "" as long as that may change by itself. */
  readonly problem = signal("");
  readonly size = signal(0);
  readonly wanted = signal(shownBy(new URLSearchParams(), last()).wanted);

  /** The columns; empty: each row shows its device's own first metrics. */
  readonly columns = computed(() => {
    const known = this.#chosen.value.filter((name) => this.metrics.value.includes(name)).slice(0, MOST_COLUMNS);
    if (known.length > 0) return known;
    return this.#uniform.value ? this.metrics.value.slice(0, USUAL_COLUMNS) : [];
  });
  #drawn = computed(() => this.columns.value.join("\n"));
  readonly isChosen = computed(() => this.#chosen.value.length > 0);
  /** How many metrics a row shows; room for one while there are none. */
  readonly width = computed(
    () => this.columns.value.length || Math.max(1, Math.min(USUAL_COLUMNS, this.metrics.value.length)),
  );
  /** Sites that the user may see, as far as known: those with devices and those with a role. */
  readonly allSites = computed(() => {
    const own = Object.keys(page.roles).filter((site) => site !== "*");
    return [...new Set([...own, ...this.sites.value])].sort(naturally);
  });

  /** The columns that the user chose; empty: as it fits the fleet. */
  #chosen = signal<string[]>([]);
  /** Whether the devices are alike enough for common columns. */
  #uniform = signal(true);
  #entries = new Map<string, Entry>();
  #dirty = new Set<Entry>();
  #names = new Set<string>();
  /** All of them in the natural order of their keys, but for those that came or went since. */
  #sorted: Entry[] = [];
  #membership = false;
  #disorder = false;
  #orderedAt = 0;
  #waiting: ReturnType<typeof setTimeout> | null = null;
  #later = perFrame(() => this.#flush());

  #ends: (() => void)[];

  constructor(twins: Twins) {
    const target = { site: "*", max_rate_hz: 2, readings: "latest", description: "brief" } as const;
    for (const [device, state] of twins.known(target)) this.#take({ kind: "snapshot", device, state, reason: "subscribe" });
    const subscription = twins.watch(target);
    subscription.on("change", (change) => {
      this.#take(change);
      this.#later();
    });
    subscription.on("ready", () => {
      this.loaded.value = true;
      this.#later();
    });
    subscription.on("failed", (error) => (this.problem.value = error.message));
    this.#ends = [
      () => subscription.close(),
      effect(() => {
        this.wanted.value;
        this.#reorder();
      }),
      effect(() => {
        if (this.loaded.value) remember("fleet.shown", this.columns.value); // devices' pages show these first
      }),
      effect(() => {
        this.#drawn.value;
        for (const entry of this.#entries.values()) entry.trace = [];
      }),
    ];
  }

  /** Stop following the devices. */
  close(): void {
    for (const end of this.#ends) end();
    clearTimeout(this.#waiting ?? undefined);
  }

  /** Show what the address says, as long as the page is shown, and say in the address what is shown. */
  followAddress(): () => void {
    return whileShown((address) => {
      const { wanted, columns } = shownBy(address, last());
      batch(() => {
        if (JSON.stringify(wanted) !== JSON.stringify(this.wanted.peek())) this.wanted.value = wanted;
        if (columns.join("\n") !== this.#chosen.peek().join("\n")) this.#chosen.value = columns;
      });
      this.#tell();
    });
  }

  want(change: Partial<Wanted>): void {
    const { sort, descending } = (this.wanted.value = { ...this.wanted.value, ...change });
    remember("fleet.sort", { sort, descending });
    this.#tell();
  }

  chooseColumn(name: string, on: boolean): void {
    const others = this.columns.value.filter((other) => other !== name);
    this.#choose(on ? [...others, name].slice(-MOST_COLUMNS) : others);
  }

  /** Columns as it fits the fleet again. */
  unchoose(): void {
    this.#choose([]);
  }

  #choose(names: string[]) {
    this.#chosen.value = names;
    remember("fleet.columns", names);
    this.#tell();
  }

  #tell() {
    tell(addressOf({ wanted: this.wanted.peek(), columns: this.#chosen.peek() }, last()));
  }

  /** What is shown, as a saved view keeps it. */
  get query(): string {
    return queryOf({ wanted: this.wanted.value, columns: this.#chosen.value });
  }

  /** The metrics to choose columns from. */
  offered(query: string): { names: string[]; more: number } {
    return offeredMetrics(this.#entries.values(), query, this.labels.value);
  }

  /** The metrics that an entry's row shows, the first of them as its trend. */
  shownMetrics(entry: Entry): string[] {
    return this.columns.value.length > 0 ? this.columns.value : this.#ownMetrics(entry);
  }

  trendMetric(entry: Entry): string {
    return this.shownMetrics(entry)[0] ?? "";
  }

  /** Put what came earlier before what came live. */
  recollect(entry: Entry, readings: Reading[]): void {
    const live = entry.trace;
    const known = new Set(live.map(({ rev }) => rev));
    entry.trace = [];
    this.#extend(
      entry,
      readings.filter(({ rev }) => !known.has(rev)),
    );
    entry.trace = [...entry.trace, ...live].slice(-TRACE);
    entry.version.value += 1;
  }

  /** The device's first metrics, as its page has them. */
  #ownMetrics(entry: Entry) {
    const { metrics, description } = entry.state;
    const count = Object.keys(metrics).length;
    if (entry.own.description !== description || entry.own.count !== count)
      entry.own = { description, count, names: orderedMetrics(entry.state).slice(0, USUAL_COLUMNS) };
    return entry.own.names;
  }

  #take(change: Change) {
    const { device: key } = change;
    if (change.kind === "gone") {
      this.#membership = this.#entries.delete(key) || this.#membership;
      return;
    }
    const entry = this.#entries.get(key) ?? this.#added(key, change.state);
    const before = entry.state;
    entry.state = change.state;
    entry.updated = newest(change, entry.updated);
    if (change.kind === "delta") this.#extend(entry, change.readings);
    if (before.description !== entry.state.description) this.#membership = true;
    if (before.presence !== entry.state.presence || before.tags !== entry.state.tags) this.#disorder = true;
    this.#meet(change.kind === "delta" ? change.readings : [entry.state]);
    this.#dirty.add(entry);
  }

  /** A metric never seen before may become a column. */
  #meet(holders: { metrics: object }[]) {
    for (const { metrics: values } of holders) {
      for (const name in values) {
        if (this.#names.has(name)) continue;
        this.#names.add(name);
        this.#membership = true;
      }
    }
  }

  #added(key: string, state: DeviceState): Entry {
    const [site = "", name = ""] = key.split("/");
    const entry = { key, site, name, state, updated: 0, trace: [], own: NOTHING, version: signal(0) };
    this.#entries.set(key, entry);
    this.#membership = true;
    return entry;
  }

  #extend(entry: Entry, readings: Reading[]) {
    const metric = this.trendMetric(entry);
    for (const { ts, rev, metrics: values } of readings) {
      if (!Object.hasOwn(values, metric)) continue;
      const value = values[metric];
      entry.trace.push({ ts, rev, value: typeof value === "number" ? value : null });
    }
    if (entry.trace.length > TRACE) entry.trace = entry.trace.slice(-TRACE);
  }

  #flush() {
    batch(() => {
      for (const entry of this.#dirty) entry.version.value += 1;
      this.#dirty.clear();
      const live = !["device", "status"].includes(this.wanted.peek().sort);
      if (this.#membership || this.#disorder) this.#reorderWithin(REORDER_MS);
      else if (live) this.#reorderWithin(REORDER_LIVE_MS);
    });
  }

  /** The membership has changed: order, sites and metrics anew. */
  #recount() {
    const all = (this.#sorted = ordered(this.#entries.values()));
    this.sites.value = [...new Set(all.map(({ site }) => site))].sort(naturally);
    const ranking = commonMetrics(all);
    if (ranking.join("\n") !== this.metrics.value.join("\n")) this.metrics.value = ranking;
    this.labels.value = commonLabels(all);
    this.#uniform.value = isUniform(all, ranking.slice(0, USUAL_COLUMNS));
    this.size.value = all.length;
  }

  /** @param period_ms  no sooner after the last time, unless nothing is shown yet */
  #reorderWithin(period_ms: number) {
    const wait_ms = this.size.peek() > 0 ? this.#orderedAt + period_ms - performance.now() : 0;
    if (wait_ms <= 0) return this.#reorder();
    this.#waiting ??= setTimeout(() => {
      this.#waiting = null;
      this.#later();
    }, wait_ms);
  }

  #reorder() {
    this.#orderedAt = performance.now();
    batch(() => {
      if (this.#membership) this.#recount();
      this.#membership = this.#disorder = false;
      this.rows.value = selected(this.#sorted, this.#orderly(this.wanted.peek()));
      this.totals.value = counts(this.#sorted, this.wanted.peek());
    });
  }

  /** A remembered order by a metric that is no column now would surprise. */
  #orderly(wish: Wanted): Wanted {
    const lost = wish.sort.startsWith("metric:") && !this.columns.peek().includes(wish.sort.slice(7));
    return lost ? { ...wish, sort: "device", descending: false } : wish;
  }
}

export const FleetContext = createContext<Fleet | null>(null);

/** The fleet of the page around. */
export function useFleet(): Fleet {
  const fleet = useContext(FleetContext);
  if (!fleet) throw new Error("not inside a FleetContext");
  return fleet;
}

function newest(change: Changed, updated: number) {
  if (change.kind === "event") return Math.max(updated, change.event.ts);
  const times = change.kind === "delta" ? change.readings : Object.values(change.state.metrics);
  return times.reduce((latest, { ts }) => Math.max(latest, ts), updated);
}

/** What was chosen last in this browser. */
function last() {
  return { order: recall<Order>("fleet.sort", USUAL_ORDER), columns: recall<string[]>("fleet.columns", []) };
}
