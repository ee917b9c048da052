/** Where every message went: the ledger as a bar and as a table, by outcome, reason and shard. */

import { html } from "../ui/html.js";
import { OUTCOMES, formatRate, missing, rateSeries } from "./rates.js";
import { overview, rates, samples } from "./store.js";

/** @import {Ledger} from "../client/types.js" */

const WORDS = {
  applied: "took effect, once",
  duplicate: "delivered again by the broker; recognised, no second effect",
  quarantined: "known device, wrong content; kept, with the reason",
  rejected: "nobody's, or over a limit",
  dropped: "QoS 0 only, under overload: the newest of each topic stays",
  in_flight: "received, not committed yet; the broker keeps them (QoS 1)",
};

/** @typedef {keyof typeof WORDS} Part */

const PARTS = /** @type {Part[]} */ ([...OUTCOMES, "in_flight"]);

/** @param {number} count */
export const grouped = (count) => count.toLocaleString("en");

export function LedgerPanel() {
  const ledger = overview.value?.ledger;
  if (!ledger) return null;
  return html`<section class="panel ledger" aria-labelledby="ledger-title">
    <div class="panel-head"><h2 id="ledger-title">Where every message went</h2><${Verdict} ledger=${ledger} fresh=${overview.value?.fresh ?? false} /></div>
    <div class="ledger-body">
      <${Received} ledger=${ledger} />
      <${Bar} ledger=${ledger} />
      <table class="ops-table">
        <thead><tr><th>Outcome</th><th class="num">Messages</th><th class="num">Share</th><th class="num">Now</th>
          <th>Meaning</th></tr></thead>
        <tbody>${PARTS.map((part) => html`<${Row} key=${part} part=${part} ledger=${ledger} />`)}</tbody>
      </table>
      <${Shards} ledger=${ledger} />
    </div>
  </section>`;
}

/** @param {{ledger: Ledger, fresh: boolean}} props */
function Verdict({ ledger, fresh }) {
  const lost = missing(ledger);
  if (ledger.balanced && lost === 0 && !fresh)
    return html`<span class="chip warn" role="status">accounted for up to the last commit</span>`;
  if (ledger.balanced && lost === 0) return html`<span class="chip ok" role="status">every message accounted for</span>`;
  if (lost === 0) return html`<span class="chip bad" role="status">shards differ from their gateways</span>`;
  const text = lost > 0 ? `${grouped(lost)} not accounted for` : `${grouped(-lost)} counted twice`;
  return html`<span class="chip bad" role="status">${text}</span>`;
}

/** @param {{ledger: Ledger}} props */
function Received({ ledger }) {
  const rate = rates.value?.received;
  return html`<div class="received">
    <p><b>${grouped(ledger.received)}</b> received</p>
    <p><b>${rate === undefined ? "–" : formatRate(rate)}</b> a second now</p>
    <${Sparkline} values=${rateSeries(samples.value)} />
  </div>`;
}

const WIDTH = 240;
const HEIGHT = 34;

/** @param {{values: number[]}} props */
function Sparkline({ values }) {
  if (values.length < 2) return null;
  const top = Math.max(...values, 1);
  const step = WIDTH / Math.max(values.length - 1, 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${y(value, top)}`);
  return html`<svg class="spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img"
    aria-label=${`Received a second, up to ${formatRate(top)} in the last three minutes`}>
    <path class="spark-area" d=${`M0,${HEIGHT} L${points.join(" L")} L${WIDTH},${HEIGHT} Z`} />
    <path class="spark-line" d=${`M${points.join(" L")}`} />
  </svg>`;
}

/** @param {number} value @param {number} top */
const y = (value, top) => (HEIGHT - 2 - (value / top) * (HEIGHT - 6)).toFixed(1);

/** @param {{ledger: Ledger}} props */
function Bar({ ledger }) {
  const whole = Math.max(1, ledger.received);
  return html`<div class="ledger-bar" aria-hidden="true">
    ${PARTS.map(
      (part) => html`<i key=${part} class=${`part-${part}`} style=${{ flexGrow: ledger[part] / whole }}
        title=${`${part.replace("_", " ")}: ${grouped(ledger[part])}`} />`,
    )}
  </div>`;
}

/** @param {{part: Part, ledger: Ledger}} props */
function Row({ part, ledger }) {
  const rate = part === "in_flight" ? undefined : rates.value?.[part];
  const reasons = Object.entries(ledger.reasons[part] ?? {}).sort(([, one], [, other]) => other - one);
  return html`<tr class=${ledger[part] ? "" : "none"}>
      <th scope="row"><i class=${`swatch part-${part}`} />${part.replace("_", " ")}</th>
      <td class="num"><b>${grouped(ledger[part])}</b></td>
      <td class="num faint">${share(ledger[part], ledger.received)}</td>
      <td class="num">${rate === undefined ? "" : `${formatRate(rate)}/s`}</td>
      <td class="muted">${WORDS[part]}</td>
    </tr>
    ${reasons.map(
      ([reason, count]) => html`<tr key=${reason} class="reason"><td><code>${reason}</code></td>
      <td class="num">${grouped(count)}</td><td class="num faint">${share(count, ledger.received)}</td><td /><td /></tr>`,
    )}`;
}

/** @param {number} count @param {number} of */
function share(count, of) {
  if (!count || !of) return "";
  const percent = (100 * count) / of;
  return percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

/** @param {{ledger: Ledger}} props */
function Shards({ ledger }) {
  const columns = /** @type {const} */ (["received", "applied", "duplicate", "quarantined", "rejected", "in_flight"]);
  return html`<details class="by-shard">
    <summary>By shard and gateway</summary>
    <table class="ops-table">
      <thead><tr><th>Shard</th>${columns.map((name) => html`<th class="num">${name.replace("_", " ")}</th>`)}</tr></thead>
      <tbody>${ledger.shards.map(
        (shard) => html`<tr key=${shard.shard}><th scope="row">${shard.shard}</th>
        ${columns.map((name) => html`<td class="num">${grouped(shard[name])}</td>`)}</tr>`,
      )}</tbody>
    </table>
    <table class="ops-table">
      <thead><tr><th>Gateway</th><th class="num">rejected</th><th class="num">dropped</th><th class="num">in flight</th>
      </tr></thead>
      <tbody>${ledger.gateways.map(
        (gateway) => html`<tr key=${gateway.name}><th scope="row">${gateway.name}</th>
        <td class="num">${grouped(gateway.rejected)}</td><td class="num">${grouped(gateway.dropped)}</td>
        <td class="num">${grouped(gateway.in_flight)}</td></tr>`,
      )}</tbody>
    </table>
  </details>`;
}
