/** All metrics with their latest values; a click draws one. */

import { useSignal } from "@preact/signals";
import type { TargetedEvent } from "preact";

import { tell } from "../document/address";
import { formatSpan, formatTime } from "../lib/format.js";
import { now } from "../data/live";
import { Removal } from "./removal";
import { MOST_CHARTS, useDevice } from "./store";

const FILTER_FROM = 12;

export function Metrics() {
  const device = useDevice();
  const query = useSignal("");
  const all = device.metricNames.value;
  const words = query.value.toLowerCase();
  const shown = all.filter((name) => name.toLowerCase().includes(words));
  const typed = (event: TargetedEvent<HTMLInputElement>) => (query.value = event.currentTarget.value);
  if (all.length === 0) return <None />;
  return (
    <div class="metrics">
      {all.length >= FILTER_FROM && (
        <input
          class="field metrics-filter"
          type="search"
          placeholder={`Filter ${all.length} metrics`}
          aria-label="Filter metrics"
          value={query.value}
          onInput={typed}
        />
      )}
      <table role="table">
        <thead class="hidden-text" role="rowgroup">
          <tr role="row">
            <th role="columnheader">Metric</th>
            <th role="columnheader">Value</th>
            <th role="columnheader">Age</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((name) => (
            <Row key={name} name={name} />
          ))}
        </tbody>
      </table>
      <Removal />
    </div>
  );
}

function None() {
  if (!useDevice().isNotUnderstood()) return <p class="blank">No telemetry yet.</p>;
  return (
    <p class="blank">
      Its messages can't be understood: <a href="#refused">see which, and why</a>.
    </p>
  );
}

function Row({ name }: { name: string }) {
  const { state, charted, decimals } = useDevice();
  const metric = state.value?.metrics[name];
  if (!metric) return null;
  const at = charted.value.indexOf(name);
  const text = decimals.format(name, metric.value);
  const kind = typeof metric.value === "string" ? "text" : "";
  return (
    <tr role="row" class={at >= 0 ? `series-${(at % 6) + 1}` : ""}>
      <td role="cell" class="metric-name">
        <Toggle name={name} on={at >= 0} />
      </td>
      <td role="cell" class="num live">
        <span key={`${metric.ts} ${text}`} class={`flash metric-value ${kind}`} title={String(metric.value)}>
          {text}
        </span>
      </td>
      <td role="cell" class="num faint metric-age" title={formatTime(metric.ts)}>
        {formatSpan(now.value - metric.ts)}
      </td>
    </tr>
  );
}

function Toggle({ name, on }: { name: string; on: boolean }) {
  const device = useDevice();
  if (!device.isDrawable(name))
    return (
      <span class="toggle plain">
        <i class="swatch" />
        <Name name={name} />
      </span>
    );
  const title = on ? `Don't draw ${name}` : `Draw ${name} (up to ${MOST_CHARTS})`;
  return (
    <button class="toggle" aria-pressed={on} title={title} onClick={() => tell({ draw: device.toggleChart(name) })}>
      <i class="swatch" />
      <Name name={name} />
    </button>
  );
}

/** Long names break after their dots. */
function Name({ name }: { name: string }) {
  return (
    <span class="wrap" title={name}>
      {name.split(/(?<=[._/])/).map((part) => [part, <wbr />])}
    </span>
  );
}
