/** Where every message went: the ledger as a bar and as a table, by outcome, reason and shard. */

import type { Ledger, Overview } from "#client/types.js";
import { formatCount, formatNumber } from "../lib/format.js";
import { OUTCOMES, formatRate, missing, rateSeries } from "../lib/rates.js";
import { t } from "../words/words.js";
import { useOperations } from "./store";

type Part = (typeof OUTCOMES)[number] | "in_flight";

const PARTS: Part[] = [...OUTCOMES, "in_flight"];

const spaced = (name: string) => name.replace("_", " ");

export function LedgerPanel({ overview: { ledger, fresh } }: { overview: Overview }) {
  return (
    <section class="panel ledger" aria-labelledby="ledger-title">
      <div class="panel-head">
        <h2 id="ledger-title">{t("ledger.title")}</h2>
        <Verdict ledger={ledger} fresh={fresh} />
      </div>
      <div class="ledger-body">
        <Received ledger={ledger} />
        <Bar ledger={ledger} />
        <table class="ops-table">
          <thead>
            <tr>
              <th>{t("ledger.outcome")}</th>
              <th class="num">{t("ledger.messages")}</th>
              <th class="num">{t("ledger.share")}</th>
              <th class="num">{t("ledger.now")}</th>
              <th>{t("ledger.meaning")}</th>
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
    return fresh ? ["ok", t("ledger.balanced")] : ["warn", t("ledger.balanced.old")];
  if (lost === 0) return ["bad", t("ledger.differ")];
  return ["bad", lost > 0 ? t("ledger.lost", { count: lost }) : t("ledger.twice", { count: -lost })];
}

function Received({ ledger }: { ledger: Ledger }) {
  const { rates, samples } = useOperations();
  const rate = rates.value?.received;
  return (
    <div class="received">
      <p>
        <b>{formatCount(ledger.received)}</b> {t("ledger.received")}
      </p>
      <p>
        <b>{rate === undefined ? "–" : formatRate(rate)}</b> {t("ledger.rate")}
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
      aria-label={t("ledger.spark", { top: formatRate(top) })}
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
          title={`${spaced(part)}: ${formatCount(ledger[part])}`}
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
          <b>{formatCount(ledger[part])}</b>
        </td>
        <td class="num faint">{share(ledger[part], ledger.received)}</td>
        <td class="num">{rate === undefined ? "" : `${formatRate(rate)}/s`}</td>
        <td class="muted">{t(`ledger.${part}`)}</td>
      </tr>
      {reasons.map(([reason, count]) => (
        <tr key={reason} class="reason">
          <td>
            <code>{reason}</code>
          </td>
          <td class="num">{formatCount(count)}</td>
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
  const digits = percent < 10 ? 1 : 0;
  return percent < 0.1 ? `< ${formatNumber(0.1)} %` : `${formatNumber(Number(percent.toFixed(digits)), digits)} %`;
}

const COLUMNS = ["received", "applied", "duplicate", "quarantined", "rejected", "in_flight"] as const;
const OF_GATEWAYS = ["rejected", "dropped", "in_flight"] as const;

function Shards({ ledger }: { ledger: Ledger }) {
  return (
    <details class="by-shard">
      <summary>{t("ledger.details")}</summary>
      <table class="ops-table">
        <thead>
          <tr>
            <th>{t("ledger.shard")}</th>
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
                  {formatCount(shard[name])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <table class="ops-table">
        <thead>
          <tr>
            <th>{t("ledger.gateway")}</th>
            {OF_GATEWAYS.map((name) => (
              <th key={name} class="num">
                {spaced(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ledger.gateways.map((gateway) => (
            <tr key={gateway.name}>
              <th scope="row">{gateway.name}</th>
              {OF_GATEWAYS.map((name) => (
                <td key={name} class="num">
                  {formatCount(gateway[name])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
