/** A device, or a chart of one of its metrics, in a page of another site (docs/access.md). Read only. */

import { render } from "preact";
import { useMemo } from "preact/hooks";

import { page } from "../document/page";
import { Chart } from "../kit/chart";
import { described, sayValue } from "../lib/described.js";
import { formatTime } from "../lib/format.js";
import { Glyph, nameOfStatus } from "../ui/presence";
import { t } from "../words/words.js";
import { Embedded, wishOf } from "./store";

function Panel({ embedded }: { embedded: Embedded }) {
  const { wish, device, problem } = embedded;
  if (!wish.token || !wish.device) return <p class="embed-problem">{t("embed.incomplete")}</p>;
  const state = device.value;
  return (
    <>
      <header class="embed-head">
        <a href={`${page.base}/devices/${wish.device}`} target="_blank" rel="noopener">
          {nameOf(embedded)}
        </a>
        {state && (
          <span title={formatTime(state.presence.since)}>
            <Glyph status={state.presence.status} /> {nameOfStatus(state.presence.status)}
          </span>
        )}
      </header>
      {problem.value && (
        <p class="embed-problem" role="status">
          {problem.value}
        </p>
      )}
      {state && (wish.metric ? <Metric embedded={embedded} /> : <Metrics embedded={embedded} />)}
    </>
  );
}

function nameOf({ wish, device }: Embedded): string {
  return described(device.value?.description).texts.name || wish.device;
}

/** A metric's latest value as it is to be said, and its label. */
function said({ device }: Embedded, metric: string): { label: string; value: string } {
  const found = device.value?.metrics[metric];
  const property = described(device.value?.description).properties.get(metric);
  const unit = property?.unit ? ` ${property.unit}` : "";
  return { label: property?.label ?? metric, value: found ? sayValue(property, found.value) + unit : "–" };
}

function Metric({ embedded }: { embedded: Embedded }) {
  const points = embedded.points.value;
  const { label, value } = said(embedded, embedded.wish.metric);
  const drawn = useMemo(() => ({ times: points.map(({ ts }) => ts), values: points.map((point) => point.value) }), [points]);
  return (
    <>
      <p class="embed-value">
        {label} <strong>{value}</strong>
      </p>
      {points.length > 1 && <Chart label={t("embed.chart", { metric: label, hours: embedded.wish.hours })} {...drawn} />}
    </>
  );
}

function Metrics({ embedded }: { embedded: Embedded }) {
  const names = Object.keys(embedded.device.value?.metrics ?? {}).sort();
  return (
    <dl class="embed-metrics">
      {names.map((name) => {
        const { label, value } = said(embedded, name);
        return (
          <div key={name}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        );
      })}
    </dl>
  );
}

const embedded = new Embedded(wishOf(location.hash));
render(<Panel embedded={embedded} />, document.getElementById("embed") ?? document.body);
if (embedded.wish.token && embedded.wish.device) embedded.follow();
addEventListener("hashchange", () => location.reload());
