/** The charts: one strip a metric, all over the same stretch of time, moving with the clock. */

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import { formatTime } from "../lib/format.js";
import { asOf, status } from "../live.js";
import { recall, remember } from "../page.js";
import { html } from "../ui/html.js";
import { charted, decimals, past, state, toggleChart } from "./store.js";
import { Strip } from "./strip.js";

/** @type {[label: string, minutes: number][]} */
const RANGES = [
  ["5 min", 5],
  ["15 min", 15],
  ["1 h", 60],
  ["6 h", 360],
];
const REDRAW_MS = 250;

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
  const end = status.value === "live" || !asOf.value ? Date.now() : asOf.value;
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
  useEffect(() => past.reach(Date.now() - minutes.value * 60_000), [minutes.value]);
  const theme = useTheme();
  if (names.length === 0)
    return html`<div class="charts"><p class="blank">Choose metrics to draw them here.</p></div>`;
  return html`<div class="charts">
    ${names.map(
      (name, index) => html`<${Chart} key=${`${name} ${theme}`} name=${name} color=${(index % 6) + 1}
      height=${heightOf(names.length, index === names.length - 1)} last=${index === names.length - 1} />`,
    )}
    ${past.error.value && html`<p class="chart-note error-text">Earlier readings are missing: ${past.error.value}</p>`}
    ${past.loading.value && html`<p class="chart-note faint">Loading earlier readings…</p>`}
  </div>`;
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
  const binary = typeof latest === "boolean";
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
  const shown = value === undefined || value === null ? latest : binary ? value === 1 : value;
  return html`<section class=${`chart series-${color}`} aria-label=${`Chart of ${name}`}>
    <header><i class="swatch" /><h3 class="clip">${name}</h3>
      <span class="chart-value live">${decimals.format(name, shown)}</span>
      ${ts > 0 && html`<span class="faint">at ${formatTime(ts)}</span>`}
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
    onZoom: (from, to) => (zoomed.value = [from, to]),
    onReset: () => (zoomed.value = null),
  });
}

/**
 * Draw four times a second while anybody can see it.
 * @param {string} name
 * @param {Strip} strip
 * @returns {() => void} stops it
 */
function animate(name, strip) {
  let [drawn, moved] = [-1, 0];
  const draw = () => {
    const [from, to] = stretch();
    const still = Math.abs(to - moved) < (to - from) / 2_000; // less than half a pixel
    if (document.hidden || (past.version.peek() === drawn && still)) return;
    [drawn, moved] = [past.version.peek(), to];
    strip.draw(past.of(name).view(from, to), from, to);
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return () => clearInterval(timer);
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
