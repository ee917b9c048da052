/** The little line of a metric's recent values, and where its past comes from. */

import { useEffect } from "preact/hooks";

import { getReadings } from "../rest.js";
import { recent, runs } from "../lib/trace.js";
import { html } from "../ui/html.js";
import { recollect, trendMetric } from "./store.js";

/** @import {Entry} from "./store.js" */
/** @import {Traced} from "../lib/trace.js" */

const [WIDTH, HEIGHT] = [120, 24];
const AT_ONCE = 3; // requests
const REVS_BACK = 80;
const LINGER_MS = 150; // a row that is scrolled past sooner is not asked for

/** Which metric each entry's past was asked for. @type {WeakMap<Entry, string>} */
const asked = new WeakMap();
/** @type {Entry[]} */
const queue = [];
let running = 0;

/** @param {{entry: Entry}} props */
export function Trend({ entry }) {
  entry.version.value;
  const metric = trendMetric(entry);
  useEffect(() => {
    if (!metric || asked.get(entry) === metric) return;
    const timer = setTimeout(() => enqueue(entry, metric), LINGER_MS);
    return () => clearTimeout(timer);
  }, [entry, metric]);
  const points = recent(entry.trace);
  if (points.filter(({ value }) => value !== null).length < 2)
    return html`<svg class="trend" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true" />`;
  const [line, area] = paths(points);
  return html`<svg class="trend" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    <path class="trend-area" d=${area} />
    <path class="trend-line" d=${line} vector-effect="non-scaling-stroke" />
  </svg>`;
}

/**
 * The line and the area beneath it, broken where the device was silent or sent no number.
 * @param {Traced[]} points  in order of time
 */
function paths(points) {
  const found = runs(points);
  const place = placing(found.flat());
  const placed = found.map((run) => run.map(place));
  const line = placed.map(
    (run) => `M${run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`,
  );
  const area = placed.map((run, index) => `${line[index]}V${HEIGHT}H${run[0]?.[0].toFixed(1)}Z`);
  return [line.join(""), area.join("")];
}

/** @param {[number, number][]} points @returns {(point: [number, number]) => [x: number, y: number]} */
function placing(points) {
  const times = points.map(([ts]) => ts);
  const values = points.map(([, value]) => value);
  const [start, low, high] = [Math.min(...times), Math.min(...values), Math.max(...values)];
  const across = (WIDTH - 1) / Math.max(1, Math.max(...times) - start);
  const up = high > low ? (HEIGHT - 5) / (high - low) : 0;
  return ([ts, value]) => [(ts - start) * across, up ? HEIGHT - 2.5 - (value - low) * up : HEIGHT / 2];
}

/** @param {Entry} entry @param {string} metric */
function enqueue(entry, metric) {
  asked.set(entry, metric);
  queue.push(entry);
  work();
}

function work() {
  while (running < AT_ONCE && queue.length > 0) {
    running += 1;
    fetchPast(/** @type {Entry} */ (queue.pop())).finally(() => {
      running -= 1;
      work();
    });
  }
}

/** @param {Entry} entry */
async function fetchPast(entry) {
  const metric = trendMetric(entry);
  const after_rev = Math.max(0, entry.state.rev - REVS_BACK);
  try {
    const { items } = await getReadings(entry.key, { metric, after_rev, limit: REVS_BACK });
    if (metric === trendMetric(entry)) recollect(entry, items);
  } catch (error) {
    console.warn("causeway: no past for the trend", error); // the line then begins with what comes live
  }
}
