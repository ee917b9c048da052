/** The chain from the broker to the workers: what is up, since when, how far behind, and who works on which shard. */

import { formatLatency, formatSpan, formatTime } from "../lib/format.js";
import { page } from "../page.js";
import { html } from "../ui/html.js";
import { Glyph, NAMES } from "../ui/presence.js";
import { grouped } from "./ledger.js";
import { overview } from "./store.js";

/** @import {GatewayRow, PresenceStatus, ShardRow} from "../client/types.js" */

const LATE_MS = 10_000; // markers come every two seconds: beyond this the broker is holding messages back

export function ChainPanel() {
  const found = overview.value;
  if (!found) return null;
  return html`<section class="panel chain" aria-labelledby="chain-title">
    <div class="panel-head"><h2 id="chain-title">The chain</h2>
      <${State} ok=${found.broker_up} text=${found.broker_up ? "broker connected" : "broker not connected"} /></div>
    <div class="chain-body">
      <h3>Gateways</h3>
      ${found.gateways.length === 0 && html`<p class="muted">No gateway ever ran.</p>`}
      ${found.gateways.map((one) => html`<${Gateway} key=${one.name} gateway=${one} now=${found.now} />`)}
      ${
        found.broker_stored !== null &&
        html`<p class="note muted">The broker holds ${grouped(found.broker_stored)} messages for all its clients, retained ones included.</p>`
      }
      <h3>Workers</h3>
      ${workers(found.shards).map(([owner, shards]) => html`<${Worker} key=${owner} owner=${owner} shards=${shards} />`)}
      <h3>Devices</h3>
      <p class="devices">${Object.entries(found.presence).map(
        ([status, count]) => html`<a key=${status} href=${`${page.base}/?status=${status}`} class=${count ? "" : "none"}>
        <${Glyph} status=${/** @type {PresenceStatus} */ (status)} />${NAMES[/** @type {PresenceStatus} */ (status)]}${" "}
        <b>${grouped(count)}</b></a>`,
      )}</p>
      <h3>Commands under way</h3>
      <p class="devices">${Object.entries(found.commands).map(
        ([status, count]) => html`<span key=${status} class=${count ? "" : "none"}>${status} <b>${grouped(count)}</b></span>`,
      )}</p>
    </div>
  </section>`;
}

/** @param {{ok: boolean, text: string}} props */
function State({ ok, text }) {
  return html`<span class=${`chip ${ok ? "ok" : "bad"}`} role="status">${text}</span>`;
}

/** @param {{gateway: GatewayRow, now: number}} props */
function Gateway({ gateway, now }) {
  const { name, alive, broker_up, since, lag_ms, in_flight, in_flight_limit, saturated_since, filters, instance } = gateway;
  return html`<div class="one" title=${`${instance}\n${filters.join(" ")}`}>
    <p class="one-head"><strong class="mono clip">${name}</strong><span class="grow" />
      <${State} ok=${broker_up} text=${broker_up ? "up" : alive ? "no broker" : "gone"} />
      <span class="faint">${since ? `${formatSpan(now - since)}` : ""}</span></p>
    <p class="one-facts">
      <span class=${lag_ms !== null && lag_ms > LATE_MS ? "late" : ""}>lag${" "}
        <b>${lag_ms === null ? "not known" : formatLatency(lag_ms)}</b></span>
      <span class=${saturated_since ? "late" : ""}>in flight <b>${grouped(in_flight)}</b> of ${grouped(in_flight_limit)}</span>
      ${saturated_since > 0 && html`<span class="late">the broker waits since ${formatTime(saturated_since, now)}</span>`}
    </p>
  </div>`;
}

/**
 * Who works on what; what nobody works on comes first.
 * @param {ShardRow[]} shards
 * @returns {[string, ShardRow[]][]}
 */
function workers(shards) {
  /** @type {Map<string, ShardRow[]>} */
  const found = new Map();
  for (const shard of shards) {
    const owner = shard.alive ? shard.owner : "";
    found.set(owner, [...(found.get(owner) ?? []), shard]);
  }
  return [...found].sort(([one], [other]) => one.localeCompare(other));
}

/** @param {{owner: string, shards: ShardRow[]}} props */
function Worker({ owner, shards }) {
  const since = Math.max(...shards.map((shard) => shard.since));
  return html`<div class="one">
    <p class="one-head"><strong class="mono clip">${owner || "nobody"}</strong><span class="grow" />
      <${State} ok=${owner !== ""} text=${owner ? "up" : "no worker"} />
      <span class="faint">${since ? `since ${formatTime(since)}` : ""}</span></p>
    <p class="one-facts">${shards.map(
      (shard) => html`<span key=${shard.shard} class="chip" title=${`${grouped(shard.commits)} commits told`}>
      shard ${shard.shard}</span>`,
    )}</p>
  </div>`;
}
