/** Where every message went: the ledger as a bar and as a table, by outcome, reason and shard. */

import type { Ledger, Overview } from "#client/types.js";
import { Badge } from "../kit/badge";
import type { Tone } from "../kit/badge";
import { ShortTable } from "../kit/lists";
import type { ShortColumn } from "../kit/lists";
import { Panel } from "../kit/panel";
import { formatCount, formatNumber } from "../lib/format.js";
import { OUTCOMES, formatRate, missing, rateSeries } from "../lib/rates.js";
import { t } from "../words/words.js";
import { useOperations } from "./store";

type Part = (typeof OUTCOMES)[number] | "in_flight";

const PARTS: Part[] = [...OUTCOMES, "in_flight"];

const spaced = (name: string) => name.replace("_", " ");

export function LedgerPanel({ overview: { ledger, fresh } }: { overview: Overview }) {
  const [tone, text] = verdict(ledger, fresh);
  const head = (
    <Badge tone={tone} live>
      {text}
    </Badge>
  );
  return (
    <Panel title={t("ledger.title")} name="ledger" head={head}>
      <div class="ledger-body">
        <Received ledger={ledger} />
        <Bar ledger={ledger} />
        <Outcomes ledger={ledger} />
        <Details ledger={ledger} />
      </div>
    </Panel>
  );
}

function verdict(ledger: Ledger, fresh: boolean): [tone: Tone, text: string] {
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

/** An outcome, or a reason for the one above it. */
interface Line {
  part: Part;
  reason: string;
  count: number;
}

function Outcomes({ ledger }: { ledger: Ledger }) {
  const rates = useOperations().rates.value;
  const rateOf = (part: Part) => (part === "in_flight" ? undefined : rates?.[part]);
  const columns: ShortColumn<Line>[] = [
    { name: "outcome", title: t("ledger.outcome"), cell: (line) => <Outcome line={line} /> },
    { name: "messages", title: t("ledger.messages"), numeric: true, cell: ({ reason, count }) => (reason ? formatCount(count) : <b>{formatCount(count)}</b>) },
    { name: "share", title: t("ledger.share"), numeric: true, look: "faint", cell: ({ count }) => share(count, ledger.received) },
    { name: "rate", title: t("ledger.now"), numeric: true, cell: ({ part, reason }) => (reason ? "" : perSecond(rateOf(part))) },
    { name: "meaning", title: t("ledger.meaning"), look: "muted", cell: ({ part, reason }) => (reason ? "" : t(`ledger.${part}`)) },
  ];
  return (
    <ShortTable
      label={t("ledger.title")}
      columns={columns}
      rows={PARTS.flatMap((part) => linesOf(part, ledger))}
      keyOf={({ part, reason }) => `${part} ${reason}`}
      heading="outcome"
      lookOf={({ reason, count }) => (reason ? "reason" : count ? "" : "none")}
    />
  );
}

function linesOf(part: Part, ledger: Ledger): Line[] {
  const reasons = Object.entries(ledger.reasons[part] ?? {}).sort(([, one], [, other]) => other - one);
  return [{ part, reason: "", count: ledger[part] }, ...reasons.map(([reason, count]) => ({ part, reason, count }))];
}

function Outcome({ line: { part, reason } }: { line: Line }) {
  if (reason) return <code>{reason}</code>;
  return (
    <>
      <i class={`swatch part-${part}`} />
      {spaced(part)}
    </>
  );
}

function perSecond(rate: number | undefined) {
  return rate === undefined ? "" : `${formatRate(rate)}/s`;
}

function share(count: number, of: number) {
  if (!count || !of) return "";
  const percent = (100 * count) / of;
  const digits = percent < 10 ? 1 : 0;
  return percent < 0.1 ? `< ${formatNumber(0.1)} %` : `${formatNumber(Number(percent.toFixed(digits)), digits)} %`;
}

const BY_SHARD = ["received", "applied", "duplicate", "quarantined", "rejected", "in_flight"] as const;
const BY_GATEWAY = ["rejected", "dropped", "in_flight"] as const;

function Details({ ledger }: { ledger: Ledger }) {
  return (
    <details class="by-shard">
      <summary>{t("ledger.details")}</summary>
      <ShortTable
        label={t("ledger.shard")}
        columns={[{ name: "name", title: t("ledger.shard"), cell: ({ shard }) => shard }, ...counts<Ledger["shards"][number]>(BY_SHARD)]}
        rows={ledger.shards}
        keyOf={({ shard }) => String(shard)}
        heading="name"
      />
      <ShortTable
        label={t("ledger.gateway")}
        columns={[{ name: "name", title: t("ledger.gateway"), cell: ({ name }) => name }, ...counts<Ledger["gateways"][number]>(BY_GATEWAY)]}
        rows={ledger.gateways}
        keyOf={({ name }) => name}
        heading="name"
      />
    </details>
  );
}

/** A column for each count of a shard or a gateway. */
function counts<Row extends object>(names: readonly (keyof Row & string)[]): ShortColumn<Row>[] {
  return names.map((name) => ({ name, title: spaced(name), numeric: true, cell: (row) => formatCount(Number(row[name])) }));
}
