/** The charts: one strip a metric, all over the same stretch of time, moving with the clock. */

import { effect, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import { serverNow } from "../clock.js";
import { formatShare, formatTime } from "../lib/format.js";
import { asOf, now, status } from "../live.js";
import { recall, remember } from "../page.js";
import { html } from "../ui/html.js";
import { charted, decimals, hasBeen, past, state, toggleChart } from "./store.js";
import { Gutter, Strip } from "./strip.js";

/** @type {[label: string, minutes: number][]} */
const RANGES = [
  ["5 min", 5],
  ["15 min", 15],
  ["1 h", 60],
  ["6 h", 360],
];
const REDRAW_MS = 250;
const LOADING_MS = 500; // while history comes, one chunk after the other
const SHARE = 1 / 5_000; // of the stretch: what is new within that shows in the next redraw

/** The charts' axes of values are equally wide, so that equal times stand above each other. */
const gutter = new Gutter();
const minutes = signal(recall("charts.minutes", 15));
/**
 * A stretch chosen by dragging; null: the latest `minutes`.
 * @type {import("@preact/signals").Signal<[number, number] | null>}
 */
const zoomed = signal(null);

/**
 * The stretch of time to draw, Unix ms. It stands still while we don't know what happens.
 * @returns {[number, number]}
 */
function stretch() {
  if (zoomed.value) return zoomed.value;
  const end = status.value === "live" || !asOf.value ? serverNow() : asOf.value;
  return [end - minutes.value * 60_000, end];
}

/** Buttons for the panel's head. */
export function Ranges() {
  return html`<div class="segments" role="group" aria-label="Stretch of time">
    ${
      zoomed.value &&
      html`<button class="button small primary" onClick=${() => (zoomed.value = null)}>Back to now</button>`
    }
    ${RANGES.map(([label, value]) => {
      const choose = () => {
        zoomed.value = null;
        minutes.value = value;
        remember("charts.minutes", value);
      };
      const on = !zoomed.value && minutes.value === value;
      return html`<button key=${label} class="segment" aria-pressed=${on} onClick=${choose}>${label}</button>`;
    })}
  </div>`;
}

export function Charts() {
  const names = charted.value;
  useEffect(() => past.reach(serverNow() - minutes.value * 60_000), [minutes.value]);
  const theme = useTheme();
  if (names.length === 0)
    return html`<div class="charts"><p class="blank">Choose metrics to draw them here.</p></div>`;
  return html`<div class="charts">
    ${names.map(
      (name, index) => html`<${Chart} key=${`${name} ${theme}`} name=${name} color=${(index % 6) + 1}
      height=${heightOf(names.length, index === names.length - 1)} last=${index === names.length - 1} />`,
    )}
    <p class="chart-note"><${Missing} /></p>
  </div>`;
}

/** What the charts don't show of their stretch of time, and why. */
function Missing() {
  now.value; // time goes on
  const [from, to] = stretch();
  const since = past.since.value;
  if (since <= from) return null;
  const share = formatShare(to - since, to - from);
  if (past.loading.value) return html`<span class="faint">Loading earlier readings: ${share} so far…</span>`;
  if (past.full.value) return html`<span>Shows the last ${share}: there are too many readings for all of it.</span>`;
  if (!past.error.value) return null;
  return html`<span class="error-text">Shows the last ${share}. Earlier readings are missing: ${past.error.value}</span>${" "}
    <button class="button small" onClick=${() => past.retry()}>Try again</button>`;
}

/** @param {number} count @param {boolean} last */
function heightOf(count, last) {
  return (count === 1 ? 300 : count === 2 ? 160 : count === 3 ? 112 : 92) + (last ? 20 : 0);
}

/** @param {{name: string, color: number, height: number, last: boolean}} props */
function Chart({ name, color, height, last }) {
  const holder = useRef(/** @type {HTMLElement | null} */ (null));
  const strip = useRef(/** @type {Strip | null} */ (null));
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const latest = state.value?.metrics[name]?.value;
  const binary = hasBeen("boolean", name) && !hasBeen("number", name);
  useEffect(() => {
    if (!holder.current) return undefined;
    const made = makeStrip(holder.current, height, { color, binary, times: last, onCursor: setAt });
    strip.current = made;
    const stop = animate(name, made);
    const observer = new ResizeObserver(
      () => holder.current && made.resize(holder.current.clientWidth, height),
    );
    observer.observe(holder.current);
    return () => {
      stop();
      observer.disconnect();
      made.destroy();
    };
  }, [name, color, height, binary, last]);
  const [ts, value] = at !== null && strip.current ? strip.current.at(at) : [0, undefined];
  const shown = ts === 0 ? latest : typeof value === "number" && binary ? value === 1 : (value ?? undefined);
  return html`<section class=${`chart series-${color}`} aria-label=${`Chart of ${name}`}>
    <header><i class="swatch" /><h3 class="clip" title=${name}>${name}</h3>
      <span class="chart-value live">${decimals.format(name, shown)}</span>
      ${ts > 0 && html`<span class="chart-time faint">at ${formatTime(ts)}</span>`}
      <button class="button bare small" aria-label=${`Don't draw ${name}`} onClick=${() => toggleChart(name)}>×</button>
    </header>
    <div ref=${holder} class="plot" style=${{ height: `${height}px` }} />
  </section>`;
}

/**
 * @param {HTMLElement} holder
 * @param {number} height_px
 * @param {Pick<import("./strip.js").StripOptions, "color" | "binary" | "times" | "onCursor">} options
 */
function makeStrip(holder, height_px, options) {
  return new Strip(holder, height_px, {
    ...options,
    gutter,
    onZoom: (from, to) => (zoomed.value = [from, to]),
    onReset: () => (zoomed.value = null),
  });
}

/**
 * Draw four times a second while anybody can see it, and at once when another stretch is chosen.
 * @param {string} name
 * @param {Strip} strip
 * @returns {() => void} stops it
 */
function animate(name, strip) {
  let drawn = { version: -1, from: 0, to: 0, at: 0 };
  const draw = () => {
    const [from, to] = stretch();
    const version = past.version.peek();
    const pace_ms = past.loading.peek() ? LOADING_MS : (to - from) * SHARE;
    const news = version !== drawn.version && performance.now() - drawn.at >= pace_ms;
    const moved = Math.max(Math.abs(from - drawn.from), Math.abs(to - drawn.to));
    if (document.hidden || (!news && moved < (to - from) / 2_000)) return; // half a pixel
    drawn = { version, from, to, at: performance.now() };
    strip.draw(past.of(name).view(from, to, strip.columns), from, to);
  };
  const stop = effect(draw);
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    stop();
    clearInterval(timer);
  };
}

/** Changes with the colour scheme: charts are drawn in its colours. */
function useTheme() {
  const query = "(prefers-color-scheme: dark)";
  const [theme, setTheme] = useState(() => (matchMedia(query).matches ? "dark" : "light"));
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setTheme(list.matches ? "dark" : "light");
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, []);
  return theme;
}
