/** The table of devices: rows by windowing, one tab stop, arrow keys between rows. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { Decimals, formatSpan, formatTime } from "../lib/format.js";
import { now } from "../live.js";
import { deviceUrl } from "../page.js";
import { html } from "../ui/html.js";
import { Icon } from "../ui/icons.js";
import { Glyph, NAMES, PresenceText } from "../ui/presence.js";
import { columns, rows, shownMetrics, want, wanted, width } from "./store.js";
import { Trend } from "./trend.js";
import { useMedia, useWindow } from "./window.js";

/** @import {Entry} from "./store.js" */

/** The row that Tab leads to. @type {import("@preact/signals").Signal<string>} */
const active = signal("");
let focusWanted = false;
const decimals = new Decimals();

export function Table() {
  const narrow = useMedia("(max-width: 860px)");
  const narrowest = useMedia("(max-width: 520px)"); // as in fleet.css
  const height = narrowest ? 88 : narrow ? 64 : 40;
  const holder = useRef(/** @type {HTMLElement | null} */ (null));
  const all = rows.value;
  const [first, last] = useWindow(holder, all.length, height);
  const at = Math.max(
    0,
    all.findIndex(({ key }) => key === active.value),
  );
  const shown = all.slice(first, last);
  const style = { "--metrics": width.value };
  return html`<div class="fleet" role="table" aria-label="Devices" aria-rowcount=${all.length + 1} style=${style}>
    <${Head} />
    <div class="fleet-body live" role="rowgroup" ref=${holder} style=${{ height: `${all.length * height}px` }}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => move(event, at, height, holder.current)}>
      ${shown.map(
        (entry, index) => html`<${Row} key=${entry.key} entry=${entry} index=${first + index}
        top=${(first + index) * height} tab=${first + index === at} narrow=${narrow} />`,
      )}
    </div>
  </div>`;
}

function Head() {
  return html`<div class="fleet-head" role="rowgroup"><div class="fleet-row" role="row" aria-rowindex="1">
    <${Sorter} by="device" label="Device" />
    <${Sorter} by="status" label="Status" />
    ${columns.value.map((name) => html`<${Sorter} key=${name} by=${`metric:${name}`} label=${name} number />`)}
    ${
      columns.value.length === 0 &&
      html`<span class="cell own-head" role="columnheader" aria-colspan=${width.value}>Latest values</span>`
    }
    <span class="cell trend-cell" role="columnheader">${columns.value[0] ? `Trend of ${columns.value[0]}` : "Trend"}</span>
    <${Sorter} by="updated" label="Updated" number />
  </div></div>`;
}

/** @param {{by: string, label: string, number?: boolean}} props */
function Sorter({ by, label, number = false }) {
  const { sort, descending } = wanted.value;
  const on = sort === by;
  const ordered = on ? (descending ? "descending" : "ascending") : "none";
  const click = () => want({ sort: by, descending: on ? !descending : by === "updated" });
  return html`<span class=${`cell ${number ? "num" : ""}`} role="columnheader" aria-sort=${ordered}>
    <button class="sorter clip" title=${label} onClick=${click}>
      ${label}${on && html`<${Icon} name=${descending ? "down" : "up"} />`}</button>
  </span>`;
}

/** @param {{entry: Entry, index: number, top: number, tab: boolean, narrow: boolean}} props */
function Row({ entry, index, top, tab, narrow }) {
  entry.version.value;
  const { key, site, name, state } = entry;
  const missing = [...Array(narrow ? 0 : Math.max(0, width.value - shownMetrics(entry).length)).keys()];
  const anchor = useRef(/** @type {HTMLAnchorElement | null} */ (null));
  useEffect(() => {
    if (!tab || !focusWanted) return;
    focusWanted = false;
    anchor.current?.focus({ preventScroll: true });
  });
  return html`<div class=${`fleet-row ${state.presence.status}`} role="row" aria-rowindex=${index + 2}
      style=${{ transform: `translateY(${top}px)` }}>
    <span class="cell name" role="cell">
      <${Glyph} status=${state.presence.status} />
      ${narrow && html`<span class="hidden-text">${NAMES[state.presence.status]}</span>`}
      <a class="clip" ref=${anchor} href=${deviceUrl(key)} tabindex=${tab ? 0 : -1}
        onFocus=${() => (active.value = key)}>
        <span class="site">${site}/</span>${name}</a>
      ${state.tags.slice(0, 2).map((tag) => html`<span class="chip">${tag}</span>`)}
      ${state.tags.length > 2 && html`<span class="chip" title=${state.tags.join(", ")}>+${state.tags.length - 2}</span>`}
    </span>
    <span class="cell status" role="cell"><${PresenceText} presence=${state.presence} /></span>
    ${shownMetrics(entry)
      .slice(0, narrow ? 2 : width.value)
      .map((metric) => html`<${Value} key=${metric} name=${metric} metric=${state.metrics[metric]} />`)}
    ${missing.map((nth) => html`<span key=${nth} class="cell own" role="cell" />`)}
    <span class="cell trend-cell" role="cell"><${Trend} entry=${entry} /></span>
    <span class="cell num updated faint" role="cell" title=${entry.updated ? formatTime(entry.updated) : ""}>
      ${entry.updated ? formatSpan(now.value - entry.updated) : "–"}</span>
  </div>`;
}

/** @param {{name: string, metric: import("../client/types.js").Metric | undefined}} props */
function Value({ name, metric }) {
  const own = columns.value.length === 0;
  const text = decimals.format(name, metric?.value);
  return html`<span class=${`cell value ${own ? "own" : "num"} ${metric ? "" : "faint"}`} role="cell">
    <span class="value-name clip" title=${name}>${name}</span>
    <span class="value-text" title=${text}>${text}</span>
  </span>`;
}

/** @param {KeyboardEvent} event @param {number} at @param {number} height @param {HTMLElement | null} body */
function move(event, at, height, body) {
  const page = Math.max(1, Math.floor(innerHeight / height) - 6);
  /** @type {{[key: string]: number}} */
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
  const step = steps[event.key];
  const all = rows.peek();
  if (step === undefined || all.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const index = Math.min(all.length - 1, Math.max(0, at + step));
  focusWanted = true;
  active.value = all[index]?.key ?? "";
  reveal(index, height, body);
}

/**
 * Scroll a row into sight, clear of what sticks to the top.
 * @param {number} index
 * @param {number} height
 * @param {HTMLElement | null} body
 */
function reveal(index, height, body) {
  const top = (body?.getBoundingClientRect().top ?? 0) + index * height;
  const sticking = (document.getElementById("top")?.offsetHeight ?? 0) + 36;
  const [from, to] = [sticking, innerHeight - height - 12];
  if (index === 0) scrollTo({ top: 0 });
  else if (top < from) scrollBy({ top: top - from });
  else if (top > to) scrollBy({ top: top - to });
}
