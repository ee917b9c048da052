/** Where every message went: the ledger as a bar and as a table, by outcome, reason and shard. */

import type { Ledger, Overview } from "#client/types.js";
import { OUTCOMES, formatRate, missing, rateSeries } from "../lib/rates.js";
import { useOperations } from "./store";

const WORDS = {
  applied: "took effect, once",
  duplicate: "delivered again by the broker; recognised, no second effect",
  quarantined: "known device, wrong content; kept, with the reason",
  rejected: "nobody's, or over a limit",
  dropped: "QoS 0 only, under overload: the newest of each topic stays",
  in_flight: "received, not committed yet; the broker keeps them (QoS 1)",
};

type Part = keyof typeof WORDS;

const PARTS: Part[] = [...OUTCOMES, "in_flight"];

export const grouped = (count: number): string => count.toLocaleString("en");

const spaced = (name: string) => name.replace("_", " ");

export function LedgerPanel({ overview: { ledger, fresh } }: { overview: Overview }) {
  return (
    <section class="panel ledger" aria-labelledby="ledger-title">
      <div class="panel-head">
        <h2 id="ledger-title">Where every message went</h2>
        <Verdict ledger={ledger} fresh={fresh} />
      </div>
      <div class="ledger-body">
        <Received ledger={ledger} />
        <Bar ledger={ledger} />
        <table class="ops-table">
          <thead>
            <tr>
              <th>Outcome</th>
              <th class="num">Messages</th>
              <th class="num">Share</th>
              <th class="num">Now</th>
              <th>Meaning</th>
            </tr>
          </thead>
          <tbody>
            {PARTS.map((part) => (
              <Row key={part} part={part} ledger={ledger} />
            ))}
          </tbody>
        </table>
        <Shards ledger={ledger} />
      </div>
    </section>
  );
}

function Verdict({ ledger, fresh }: { ledger: Ledger; fresh: boolean }) {
  const [tone, text] = verdict(ledger, fresh);
  return (
    <span class={`chip ${tone}`} role="status">
      {text}
    </span>
  );
}

function verdict(ledger: Ledger, fresh: boolean): [tone: string, text: string] {
  const lost = missing(ledger);
  if (ledger.balanced && lost === 0)
    return fresh ? ["ok", "every message accounted for"] : ["warn", "accounted for up to the last commit"];
  if (lost === 0) return ["bad", "shards differ from their gateways"];
  return ["bad", lost > 0 ? `${grouped(lost)} not accounted for` : `${grouped(-lost)} counted twice`];
}

function Received({ ledger }: { ledger: Ledger }) {
  const { rates, samples } = useOperations();
  const rate = rates.value?.received;
  return (
    <div class="received">
      <p>
        <b>{grouped(ledger.received)}</b> received
      </p>
      <p>
        <b>{rate === undefined ? "–" : formatRate(rate)}</b> a second now
      </p>
      <Sparkline values={rateSeries(samples.value)} />
    </div>
  );
}

const WIDTH = 240;
const HEIGHT = 34;

function Sparkline({ values }: { values: number[] }) {
  if (values.length < 2) return null;
  const top = Math.max(...values, 1);
  const step = WIDTH / Math.max(values.length - 1, 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${y(value, top)}`);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Received a second, up to ${formatRate(top)} in the last three minutes`}
    >
      <path class="spark-area" d={`M0,${HEIGHT} L${points.join(" L")} L${WIDTH},${HEIGHT} Z`} />
      <path class="spark-line" d={`M${points.join(" L")}`} />
    </svg>
  );
}

const y = (value: number, top: number) => (HEIGHT - 2 - (value / top) * (HEIGHT - 6)).toFixed(1);

function Bar({ ledger }: { ledger: Ledger }) {
  const whole = Math.max(1, ledger.received);
  return (
    <div class="ledger-bar" aria-hidden="true">
      {PARTS.map((part) => (
        <i
          key={part}
          class={`part-${part}`}
          style={{ flexGrow: ledger[part] / whole }}
          title={`${spaced(part)}: ${grouped(ledger[part])}`}
        />
      ))}
    </div>
  );
}

function Row({ part, ledger }: { part: Part; ledger: Ledger }) {
  const { rates } = useOperations();
  const rate = part === "in_flight" ? undefined : rates.value?.[part];
  const reasons = Object.entries(ledger.reasons[part] ?? {}).sort(([, one], [, other]) => other - one);
  return (
    <>
      <tr class={ledger[part] ? "" : "none"}>
        <th scope="row">
          <i class={`swatch part-${part}`} />
          {spaced(part)}
        </th>
        <td class="num">
          <b>{grouped(ledger[part])}</b>
        </td>
        <td class="num faint">{share(ledger[part], ledger.received)}</td>
        <td class="num">{rate === undefined ? "" : `${formatRate(rate)}/s`}</td>
        <td class="muted">{WORDS[part]}</td>
      </tr>
      {reasons.map(([reason, count]) => (
        <tr key={reason} class="reason">
          <td>
            <code>{reason}</code>
          </td>
          <td class="num">{grouped(count)}</td>
          <td class="num faint">{share(count, ledger.received)}</td>
          <td />
          <td />
        </tr>
      ))}
    </>
  );
}

function share(count: number, of: number) {
  if (!count || !of) return "";
  const percent = (100 * count) / of;
  return percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

const COLUMNS = ["received", "applied", "duplicate", "quarantined", "rejected", "in_flight"] as const;

function Shards({ ledger }: { ledger: Ledger }) {
  return (
    <details class="by-shard">
      <summary>By shard and gateway</summary>
      <table class="ops-table">
        <thead>
          <tr>
            <th>Shard</th>
            {COLUMNS.map((name) => (
              <th key={name} class="num">
                {spaced(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ledger.shards.map((shard) => (
            <tr key={shard.shard}>
              <th scope="row">{shard.shard}</th>
              {COLUMNS.map((name) => (
                <td key={name} class="num">
                  {grouped(shard[name])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <table class="ops-table">
        <thead>
          <tr>
            <th>Gateway</th>
            <th class="num">rejected</th>
            <th class="num">dropped</th>
            <th class="num">in flight</th>
          </tr>
        </thead>
        <tbody>
          {ledger.gateways.map((gateway) => (
            <tr key={gateway.name}>
              <th scope="row">{gateway.name}</th>
              <td class="num">{grouped(gateway.rejected)}</td>
              <td class="num">{grouped(gateway.dropped)}</td>
              <td class="num">{grouped(gateway.in_flight)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
