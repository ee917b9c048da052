/** All metrics with their latest values; a click draws one. */

import { signal } from "@preact/signals";

import { formatSpan, formatTime } from "../lib/format.js";
import { now } from "../live.js";
import { html } from "../ui/html.js";
import { isNotUnderstood } from "./refused.js";
import { Removal } from "./removal.js";
import { MOST_CHARTS, charted, decimals, isDrawable, metricNames, state, toggleChart } from "./store.js";

const FILTER_FROM = 12;
const query = signal("");

export function Metrics() {
  const all = metricNames.value;
  const words = query.value.toLowerCase();
  const shown = all.filter((name) => name.toLowerCase().includes(words));
  const typed = (/** @type {Event} */ event) =>
    (query.value = /** @type {HTMLInputElement} */ (event.target).value);
  if (all.length === 0)
    return html`<p class="blank">${
      isNotUnderstood()
        ? html`Its messages can't be understood: <a href="#refused">see which, and why</a>.`
        : "No telemetry yet."
    }</p>`;
  return html`<div class="metrics">
    ${
      all.length >= FILTER_FROM &&
      html`<input class="field metrics-filter" type="search" placeholder=${`Filter ${all.length} metrics`}
      aria-label="Filter metrics" value=${query.value} onInput=${typed} />`
    }
    <table role="table">
      <thead class="hidden-text" role="rowgroup"><tr role="row">
        <th role="columnheader">Metric</th><th role="columnheader">Value</th><th role="columnheader">Age</th></tr></thead>
      <tbody role="rowgroup">${shown.map((name) => html`<${Metric} key=${name} name=${name} />`)}</tbody>
    </table>
    <${Removal} />
  </div>`;
}

/** @param {{name: string}} props */
function Metric({ name }) {
  const metric = state.value?.metrics[name];
  if (!metric) return null;
  const at = charted.value.indexOf(name);
  const text = decimals.format(name, metric.value);
  const kind = typeof metric.value === "string" ? "text" : "";
  return html`<tr role="row" class=${at >= 0 ? `series-${(at % 6) + 1}` : ""}>
    <td role="cell" class="metric-name"><${Toggle} name=${name} on=${at >= 0} /></td>
    <td role="cell" class="num live">
      <span key=${`${metric.ts} ${text}`} class=${`flash metric-value ${kind}`} title=${String(metric.value)}>${text}</span>
    </td>
    <td role="cell" class="num faint metric-age" title=${formatTime(metric.ts)}>${formatSpan(now.value - metric.ts)}</td>
  </tr>`;
}

/** @param {{name: string, on: boolean}} props */
function Toggle({ name, on }) {
  if (!isDrawable(name))
    return html`<span class="toggle plain"><i class="swatch" /><${Name} name=${name} /></span>`;
  const title = on ? `Don't draw ${name}` : `Draw ${name} (up to ${MOST_CHARTS})`;
  return html`<button class="toggle" aria-pressed=${on} title=${title} onClick=${() => toggleChart(name)}>
    <i class="swatch" /><${Name} name=${name} /></button>`;
}

/** Long names break after their dots. @param {{name: string}} props */
function Name({ name }) {
  const parts = name.split(/(?<=[._/])/);
  return html`<span class="wrap" title=${name}>${parts.map((part) => [part, html`<wbr />`])}</span>`;
}
