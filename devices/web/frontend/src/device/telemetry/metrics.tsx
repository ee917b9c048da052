/** All metrics with their latest values; a click draws one. */

import { useSignal } from "@preact/signals";
import type { TargetedEvent } from "preact";

import { More } from "../../kit/lists";
import { tell } from "../../document/address";
import { formatTime } from "../../lib/format.js";
import { ageOf } from "../../ui/age";
import { parts, t } from "../../words/words.js";
import { LateBadge } from "./late";
import { Removal } from "./removal";
import { useDevice } from "../store";

const FILTER_FROM = 12;
const FIRST = 16;

export function Metrics() {
  const device = useDevice();
  const query = useSignal("");
  const all = device.metricNames.value;
  const words = query.value.toLowerCase();
  const isFound = (name: string) => `${name}\n${device.label(name)}`.toLowerCase().includes(words);
  const shown = all.filter(isFound);
  const isDiagnostic = (name: string) => device.what.value.properties.get(name)?.diagnostic ?? false;
  const diagnostics = shown.filter(isDiagnostic);
  const typed = (event: TargetedEvent<HTMLInputElement>) => (query.value = event.currentTarget.value);
  if (all.length === 0) return <None />;
  return (
    <div class="metrics">
      {all.length >= FILTER_FROM && (
        <input
          class="field metrics-filter"
          type="search"
          placeholder={t("device.metrics.filter.of", { count: all.length })}
          aria-label={t("device.metrics.filter")}
          value={query.value}
          onInput={typed}
        />
      )}
      {all.length >= FILTER_FROM && <DrawAll />}
      <More items={shown.filter((name) => !isDiagnostic(name))} first={words ? Infinity : FIRST}>
        {(names) => <Rows names={names} />}
      </More>
      {diagnostics.length > 0 && (
        <details class="diagnostics" open={words !== ""}>
          <summary class="muted">{t("device.diagnostics", { count: diagnostics.length })}</summary>
          <Rows names={diagnostics} />
        </details>
      )}
      <Removal />
    </div>
  );
}

/** All at once: only those in view are loaded. */
function DrawAll() {
  const device = useDevice();
  const isAll = device.drawsAll.value;
  return (
    <button class="button small metrics-all" onClick={() => tell({ draw: device.drawAll(!isAll) })}>
      {t(isAll ? "device.draw.first" : "device.draw.all")}
    </button>
  );
}

function Rows({ names }: { names: readonly string[] }) {
  return (
    <table role="table">
      <thead class="hidden-text" role="rowgroup">
        <tr role="row">
          <th role="columnheader">{t("device.metric")}</th>
          <th role="columnheader">{t("device.value")}</th>
          <th role="columnheader">{t("device.age")}</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {names.map((name) => (
          <Row key={name} name={name} />
        ))}
      </tbody>
    </table>
  );
}

function None() {
  if (!useDevice().isNotUnderstood()) return <p class="blank">{t("device.no_telemetry")}</p>;
  return (
    <p class="blank">
      {parts("device.not_understood.all", { which: <a href="#refused">{t("device.not_understood.which")}</a> })}
    </p>
  );
}

function Row({ name }: { name: string }) {
  const device = useDevice();
  const metric = device.state.value?.metrics[name];
  if (!metric) return null;
  const at = device.charted.value.indexOf(name);
  const { text, unit } = device.say(name, metric.value);
  const kind = typeof metric.value === "string" ? "text" : "";
  const property = device.what.value.properties.get(name);
  return (
    <tr role="row" class={at >= 0 ? `series-${(at % 6) + 1}` : ""} title={property?.note || undefined}>
      <td role="cell" class="metric-name">
        <Toggle name={name} on={at >= 0} />
        <LateBadge name={name} />
      </td>
      <td role="cell" class="num live">
        <span key={`${metric.ts} ${text}`} class={`flash metric-value ${kind}`} title={String(metric.value)}>
          {text}
          {unit && <span class="unit"> {unit}</span>}
        </span>
      </td>
      <td role="cell" class="num faint metric-age" title={formatTime(metric.ts)}>
        {ageOf(metric.ts)}
      </td>
    </tr>
  );
}

function Toggle({ name, on }: { name: string; on: boolean }) {
  const device = useDevice();
  const label = device.label(name);
  if (!device.isDrawable(name))
    return (
      <span class="toggle plain">
        <i class="swatch" />
        <Name name={name} label={label} />
      </span>
    );
  const title = on ? t("device.draw.not", { name: label }) : t("device.draw", { name: label });
  return (
    <button class="toggle" aria-pressed={on} title={title} onClick={() => tell({ draw: device.toggleChart(name) })}>
      <i class="swatch" />
      <Name name={name} label={label} />
    </button>
  );
}

/** Long names break after their dots. */
function Name({ name, label }: { name: string; label: string }) {
  return (
    <span class="wrap" title={name}>
      {label.split(/(?<=[._/])/).map((part) => [part, <wbr />])}
    </span>
  );
}
