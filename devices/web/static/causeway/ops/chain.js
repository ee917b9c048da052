/** The chain from the broker to the workers: what is up, since when, how far behind, and who works on which shard. */

import { ORDER, nameOf } from "../lib/chain.js";
import { formatLatency, formatSpan, formatTime } from "../lib/format.js";
import { page } from "../page.js";
import { html } from "../ui/html.js";
import { Glyph, NAMES } from "../ui/presence.js";
import { grouped } from "./ledger.js";
import { overview } from "./store.js";

/** @import {GatewayRow, Overview, PresenceStatus, ShardRow} from "../client/types.js" */

const LATE_MS = 10_000; // markers come every two seconds: beyond this the broker is holding messages back
const OLD_MS = 3_000; // a delivery ought to be committed by then

export function ChainPanel() {
  const found = overview.value;
  if (!found) return null;
  return html`<section class="panel chain" aria-labelledby="chain-title">
    <div class="panel-head"><h2 id="chain-title">The chain</h2>
      <${State} ok=${found.fresh} text=${verdict(found)} /></div>
    <div class="chain-body">
      <${Parts} found=${found} />
      <h3>Gateways</h3>
      ${found.gateways.length === 0 && html`<p class="muted">No gateway ever ran.</p>`}
      ${found.gateways.map((one) => html`<${Gateway} key=${one.name} gateway=${one} now=${found.now} />`)}
      ${
        found.broker_stored !== null &&
        html`<p class="note muted">The broker holds ${grouped(found.broker_stored)} messages for all its clients, retained ones included.</p>`
      }
      <${Refusals} found=${found} />
      <h3>Workers</h3>
      ${workers(found.shards).map(([owner, shards]) => html`<${Worker} key=${owner} owner=${owner} shards=${shards} now=${found.now} />`)}
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

/** Connections that the web process has turned away. @param {{found: Overview}} props */
function Refusals({ found: { now, refusals } }) {
  if (refusals.count === 0) return null;
  return html`<p class="note late">This web process has refused ${grouped(refusals.count)} connections, the last at
    ${" "}${formatTime(refusals.last_ms, now)}: its limit of ${grouped(refusals.limit)} open files is reached.</p>`;
}

/** In a few words. @param {Overview} found */
function verdict({ fresh, parts }) {
  if (fresh) return "values arrive";
  const down = ORDER.find((part) => parts[part].state === "down");
  if (down) return down === "broker" ? "broker not connected" : `${nameOf(down)}: down`;
  return ORDER.every((part) => parts[part].state === "up") ? "values come late" : "not known";
}

/** What works, and why not: the same judgement as behind /readyz and the link indicator. @param {{found: Overview}} props */
function Parts({ found }) {
  return html`<dl class="parts">${ORDER.toReversed().map((part) => {
    const { state, detail } = found.parts[part];
    return html`<div key=${part}><dt>${nameOf(part)}</dt>
      <dd><${State} ok=${state === "up"} text=${state} />${state !== "up" && html`<span class="muted">${detail}</span>`}</dd></div>`;
  })}</dl>`;
}

/** @param {{ok: boolean, text: string}} props */
function State({ ok, text }) {
  return html`<span class=${`chip ${ok ? "ok" : "bad"}`} role="status">${text}</span>`;
}

/** @param {{gateway: GatewayRow, now: number}} props */
function Gateway({ gateway, now }) {
  const { name, alive, broker_up, since, lag_ms, in_flight, in_flight_limit, saturated_since } = gateway;
  const { filters, instance, oldest_ms } = gateway;
  return html`<div class="one" title=${`${instance}\n${filters.join(" ")}`}>
    <p class="one-head"><strong class="mono clip">${name}</strong><span class="grow" />
      <${State} ok=${broker_up} text=${broker_up ? "up" : alive ? "no broker" : "gone"} />
      <span class="faint">${since ? `${formatSpan(now - since)}` : ""}</span></p>
    <p class="one-facts">
      <span class=${lag_ms !== null && lag_ms > LATE_MS ? "late" : ""}>lag${" "}
        <b>${lag_ms === null ? "not known" : formatLatency(lag_ms)}</b></span>
      <span class=${saturated_since ? "late" : ""}>in flight <b>${grouped(in_flight)}</b> of ${grouped(in_flight_limit)}</span>
      ${oldest_ms >= OLD_MS && html`<span class="late">the oldest waits for ${formatSpan(oldest_ms)}</span>`}
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

/** @param {{owner: string, shards: ShardRow[], now: number}} props */
function Worker({ owner, shards, now }) {
  const since = Math.max(...shards.map((shard) => shard.since));
  const committed = Math.max(...shards.map((shard) => shard.committed));
  const trouble = shards.find((shard) => shard.trouble)?.trouble;
  return html`<div class="one">
    <p class="one-head"><strong class="mono clip">${owner || "nobody"}</strong><span class="grow" />
      <${State} ok=${owner !== ""} text=${owner ? "up" : "no worker"} />
      <span class="faint">${since ? `since ${formatTime(since)}` : ""}</span></p>
    <p class="one-facts">${shards.map(
      (shard) => html`<span key=${shard.shard} class="chip" title=${`${grouped(shard.commits)} commits told, ${last(shard.committed, now)}`}>
      shard ${shard.shard}</span>`,
    )}<span>${last(committed, now)}</span></p>
    ${trouble && html`<p class="one-facts late">${trouble}</p>`}
  </div>`;
}

/** @param {number} committed  Unix ms; 0: never @param {number} now */
function last(committed, now) {
  return committed ? `last committed ${formatSpan(Math.max(0, now - committed))} ago` : "nothing committed yet";
}
