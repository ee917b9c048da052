/** The little line of a metric's recent values, and where its past comes from. */

import { useEffect } from "preact/hooks";

import { recent, runs } from "../lib/trace.js";
import type { Traced } from "../lib/trace.js";
import { getReadings } from "../data/rest";
import { useFleet } from "./store";
import type { Entry, Fleet } from "./store";

const [WIDTH, HEIGHT] = [120, 24];
const AT_ONCE = 3; // requests
const REVS_BACK = 80;
const LINGER_MS = 150; // a row that is scrolled past sooner is not asked for

/** Which metric each entry's past was asked for. */
const asked = new WeakMap<Entry, string>();
const queue: [Fleet, Entry][] = [];
let running = 0;

export function Trend({ entry }: { entry: Entry }) {
  entry.version.value;
  const fleet = useFleet();
  const metric = fleet.trendMetric(entry);
  const loaded = fleet.loaded.value; // before, the devices have the line, and which rows are in sight changes all the time
  useEffect(() => {
    if (!loaded || !metric || asked.get(entry) === metric) return;
    const timer = setTimeout(() => enqueue(fleet, entry, metric), LINGER_MS);
    return () => clearTimeout(timer);
  }, [entry, metric, loaded]);
  const points = recent(entry.trace);
  if (points.filter(({ value }) => value !== null).length < 2)
    return <svg class="trend" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  const [line, area] = paths(points);
  return (
    <svg class="trend" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="trend-area" d={area} />
      <path class="trend-line" d={line} vector-effect="non-scaling-stroke" />
    </svg>
  );
}

/**
 * The line and the area beneath it, broken where the device was silent or sent no number.
 *
 * @param points  in order of time
 */
function paths(points: Traced[]): [line: string, area: string] {
  const found = runs(points);
  const place = placing(found.flat());
  const placed = found.map((run) => run.map(place));
  const line = placed.map((run) => `M${run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`);
  const area = placed.map((run, index) => `${line[index]}V${HEIGHT}H${run[0]?.[0].toFixed(1)}Z`);
  return [line.join(""), area.join("")];
}

function placing(points: [number, number][]): (point: [number, number]) => [x: number, y: number] {
  const times = points.map(([ts]) => ts);
  const values = points.map(([, value]) => value);
  const [start, low, high] = [Math.min(...times), Math.min(...values), Math.max(...values)];
  const across = (WIDTH - 1) / Math.max(1, Math.max(...times) - start);
  const up = high > low ? (HEIGHT - 5) / (high - low) : 0;
  return ([ts, value]) => [(ts - start) * across, up ? HEIGHT - 2.5 - (value - low) * up : HEIGHT / 2];
}

function enqueue(fleet: Fleet, entry: Entry, metric: string) {
  asked.set(entry, metric);
  queue.push([fleet, entry]);
  work();
}

function work() {
  while (running < AT_ONCE) {
    const next = queue.pop();
    if (!next) return;
    running += 1;
    fetchPast(...next).finally(() => {
      running -= 1;
      work();
    });
  }
}

async function fetchPast(fleet: Fleet, entry: Entry) {
  const metric = fleet.trendMetric(entry);
  const after_rev = Math.max(0, entry.state.rev - REVS_BACK);
  try {
    const { items } = await getReadings(entry.key, { metric, after_rev, limit: REVS_BACK });
    if (metric === fleet.trendMetric(entry)) fleet.recollect(entry, items);
  } catch (error) {
    console.warn("causeway: no past for the trend", error); // the line then begins with what comes live
  }
}
