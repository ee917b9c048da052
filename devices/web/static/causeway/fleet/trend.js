/** The little line of a metric's recent values, and where its past comes from. */

import { useEffect } from "preact/hooks";

import { getReadings } from "../rest.js";
import { html } from "../ui/html.js";
import { recollect, trend } from "./store.js";

/** @import {Entry} from "./store.js" */

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
  const metric = trend.value;
  useEffect(() => {
    if (!metric || asked.get(entry) === metric) return;
    const timer = setTimeout(() => enqueue(entry, metric), LINGER_MS);
    return () => clearTimeout(timer);
  }, [entry, metric]);
  const points = entry.trace;
  if (points.length < 2) return html`<svg class="trend" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true" />`;
  const line = path(points);
  return html`<svg class="trend" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
    <path class="trend-area" d=${`${line}V${HEIGHT}H0Z`} />
    <path class="trend-line" d=${line} vector-effect="non-scaling-stroke" />
  </svg>`;
}

/** @param {[number, number][]} points */
function path(points) {
  const times = points.map(([ts]) => ts);
  const values = points.map(([, value]) => value);
  const [start, low, high] = [Math.min(...times), Math.min(...values), Math.max(...values)];
  const across = (WIDTH - 1) / Math.max(1, Math.max(...times) - start);
  const up = high > low ? (HEIGHT - 5) / (high - low) : 0;
  const at = points.map(([ts, value]) => {
    const y = up ? HEIGHT - 2.5 - (value - low) * up : HEIGHT / 2;
    return `${((ts - start) * across).toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M${at.join("L")}`;
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
  const metric = trend.peek();
  const after_rev = Math.max(0, entry.state.rev - REVS_BACK);
  try {
    const { items } = await getReadings(entry.key, { metric, after_rev, limit: REVS_BACK });
    if (metric === trend.peek()) recollect(entry, items);
  } catch (error) {
    console.warn("causeway: no past for the trend", error); // the line then begins with what comes live
  }
}
