/** Over the table: counts by presence (which filter), site, search, columns. */

import { useEffect, useRef } from "preact/hooks";

import { html } from "../ui/html.js";
import { Icon } from "../ui/icons.js";
import { Glyph, NAMES } from "../ui/presence.js";
import {
  MOST_COLUMNS,
  allSites,
  chooseColumn,
  columns,
  isChosen,
  metrics,
  totals,
  unchoose,
  want,
  wanted,
} from "./store.js";

/** @import {PresenceStatus} from "../client/types.js" */

/** @type {PresenceStatus[]} */
const SHOWN = ["online", "stale", "offline", "unknown"];

export function Toolbar() {
  return html`<div class="toolbar">
    <h1>Fleet</h1>
    <div class="counts" role="group" aria-label="Filter by presence">
      <${Count} status="" label="All" count=${totals.value.all} />
      ${SHOWN.map(
        (status) =>
          html`<${Count} key=${status} status=${status} label=${NAMES[status]} count=${totals.value[status]} />`,
      )}
    </div>
    <div class="toolbar-end">
      ${allSites.value.length > 1 && html`<${Sites} />`}
      <${Search} />
      <${Order} />
      <${Columns} />
    </div>
  </div>`;
}

/** @param {{status: PresenceStatus | "", label: string, count: number}} props */
function Count({ status, label, count }) {
  const on = wanted.value.status === status;
  const classes = `count ${status} ${count === 0 ? "none" : ""}`;
  return html`<button class=${classes} aria-pressed=${on} aria-label=${`${label} ${count}`}
    onClick=${() => want({ status: on ? "" : status })}>
    ${status && html`<${Glyph} status=${status} />`}
    <span class="count-label">${label}</span>${" "}<b class="live">${count}</b>
  </button>`;
}

function Sites() {
  const choose = (/** @type {Event} */ event) =>
    want({ site: /** @type {HTMLSelectElement} */ (event.target).value });
  return html`<select class="select" aria-label="Site" value=${wanted.value.site} onChange=${choose}>
    <option value="">All sites</option>
    ${allSites.value.map((site) => html`<option value=${site}>${site}</option>`)}
  </select>`;
}

function Search() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const slash = (event) => {
      const typing = event.target instanceof Element && event.target.closest("input, textarea, select");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", slash);
    return () => removeEventListener("keydown", slash);
  }, []);
  const typed = (/** @type {Event} */ event) =>
    want({ query: /** @type {HTMLInputElement} */ (event.target).value });
  const escape = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && want({ query: "" });
  return html`<label class="search">
    <${Icon} name="search" />
    <input class="field" type="search" ref=${input} placeholder="Search name or tag" aria-label="Search name or tag"
      value=${wanted.value.query} onInput=${typed} onKeyDown=${escape} /><kbd>/</kbd>
  </label>`;
}

/** On narrow screens, where there are no column heads to sort by. */
function Order() {
  const { sort, descending } = wanted.value;
  const choose = (/** @type {Event} */ event) => {
    const [by = "device", direction] = /** @type {HTMLSelectElement} */ (event.target).value.split("|");
    want({ sort: by, descending: direction === "down" });
  };
  const options = [
    ["device|up", "By name"],
    ["status|up", "Worst first"],
    ["updated|down", "Latest first"],
    ...columns.value.flatMap((name) => [
      [`metric:${name}|down`, `${name} ↓`],
      [`metric:${name}|up`, `${name} ↑`],
    ]),
  ];
  const now = `${sort}|${descending ? "down" : "up"}`;
  return html`<select class="select order" aria-label="Order" value=${now} onChange=${choose}>
    ${options.map(([value, label]) => html`<option value=${value}>${label}</option>`)}
  </select>`;
}

function Columns() {
  if (metrics.value.length < 2) return null;
  const full = columns.value.length >= MOST_COLUMNS;
  const note = columns.value.length === 0 ? "Each device shows its own." : "The first is the trend.";
  return html`<details class="menu columns">
    <summary class="button" aria-label="Columns"><${Icon} name="columns" /><span>Columns</span></summary>
    <div class="menu-panel">
      <p class="menu-note">${note} Choose up to ${MOST_COLUMNS}:</p>
      ${metrics.value.slice(0, 100).map((name) => html`<${Column} key=${name} name=${name} full=${full} />`)}
      ${isChosen.value && html`<hr /><button class="item" onClick=${unchoose}>Choose automatically</button>`}
    </div>
  </details>`;
}

/** @param {{name: string, full: boolean}} props */
function Column({ name, full }) {
  const on = columns.value.includes(name);
  const only = on && columns.value.length === 1;
  const change = (/** @type {Event} */ event) =>
    chooseColumn(name, /** @type {HTMLInputElement} */ (event.target).checked);
  return html`<label>
    <input type="checkbox" checked=${on} disabled=${only || (full && !on)} onChange=${change} />
    <span class="clip">${name}</span>
  </label>`;
}
