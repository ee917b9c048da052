/** The chain from the broker to the workers: what is up, since when, how far behind, and who works on which shard. */

import type { GatewayRow, Overview, PresenceStatus, ShardRow } from "#client/types.js";
import { Badge } from "../kit/badge";
import { Panel } from "../kit/panel";
import { ORDER, formatLag, nameOf } from "../lib/chain.js";
import { formatCount, formatSpan, formatTime } from "../lib/format.js";
import { page } from "../document/page";
import { Glyph, nameOfStatus } from "../ui/presence";
import { t } from "../words/words.js";

const LATE_MS = 10_000; // markers come every two seconds: beyond this the broker is holding messages back
const OLD_MS = 3_000; // a delivery ought to be committed by then
const ROLLUPS_LATE_MS = 3 * 3_600_000; // devices with few readings have a turn an hour

export function ChainPanel({ overview }: { overview: Overview }) {
  const { gateways, broker_stored, shards, now } = overview;
  return (
    <Panel title={t("chain.title")} name="chain" head={<State ok={overview.fresh} text={verdict(overview)} />}>
      <div class="chain-body">
        <Parts overview={overview} />
        <h3>{t("chain.gateways")}</h3>
        {gateways.length === 0 && <p class="muted">{t("chain.none")}</p>}
        {gateways.map((one) => (
          <Gateway key={one.name} gateway={one} now={now} />
        ))}
        {broker_stored !== null && (
          <p class="note muted">{t("chain.stored", { count: broker_stored })}</p>
        )}
        <Refusals overview={overview} />
        <h3>{t("chain.workers")}</h3>
        {workers(shards).map(([owner, own]) => (
          <Worker key={owner} owner={owner} shards={own} now={now} />
        ))}
        <h3>{t("chain.devices")}</h3>
        <Presences overview={overview} />
        <h3>{t("chain.commands")}</h3>
        <p class="devices">
          {Object.entries(overview.commands).map(([status, count]) => (
            <span key={status} class={count ? "" : "none"}>
              {status} <b>{formatCount(count)}</b>
            </span>
          ))}
        </p>
      </div>
    </Panel>
  );
}

function Presences({ overview }: { overview: Overview }) {
  const counts = Object.entries(overview.presence) as [PresenceStatus, number][];
  return (
    <p class="devices">
      {counts.map(([status, count]) => (
        <a key={status} href={`${page.base}/?status=${status}`} class={count ? "" : "none"}>
          <Glyph status={status} />
          {nameOfStatus(status)} <b>{formatCount(count)}</b>
        </a>
      ))}
    </p>
  );
}

/** Connections that the web process has turned away. */
function Refusals({ overview: { now, refusals } }: { overview: Overview }) {
  if (refusals.count === 0) return null;
  return (
    <p class="note late">
      {t("chain.refused", {
        count: refusals.count,
        time: formatTime(refusals.last_ms, now),
        limit: refusals.limit,
      })}
    </p>
  );
}

/** In a few words. */
function verdict({ fresh, parts }: Overview) {
  if (fresh) return t("chain.arrive");
  const down = ORDER.find((part) => parts[part].state === "down");
  if (down) return down === "broker" ? t("chain.no_broker") : t("chain.down", { part: nameOf(down) });
  return ORDER.every((part) => parts[part].state === "up") ? t("chain.late") : t("state.unknown");
}

/** What works, and why not: the same judgement as behind /readyz and the link indicator. */
function Parts({ overview }: { overview: Overview }) {
  return (
    <dl class="parts">
      {ORDER.toReversed().map((part) => {
        const { state, detail } = overview.parts[part];
        return (
          <div key={part}>
            <dt>{nameOf(part)}</dt>
            <dd>
              <State ok={state === "up"} text={t(`state.${state}`)} />
              {state !== "up" && <span class="muted">{detail}</span>}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

function State({ ok, text }: { ok: boolean; text: string }) {
  return (
    <Badge tone={ok ? "ok" : "bad"} live>
      {text}
    </Badge>
  );
}

function Gateway({ gateway, now }: { gateway: GatewayRow; now: number }) {
  const { name, alive, broker_up, since, lag_ms, in_flight, in_flight_limit, saturated_since } = gateway;
  const { filters, instance, oldest_ms } = gateway;
  return (
    <div class="one" title={`${instance}\n${filters.join(" ")}`}>
      <p class="one-head">
        <strong class="mono clip">{name}</strong>
        <span class="grow" />
        <State ok={broker_up} text={t(broker_up ? "state.up" : alive ? "gateway.no_broker" : "gateway.gone")} />
        <span class="faint">{since ? formatSpan(now - since) : ""}</span>
      </p>
      <p class="one-facts">
        <span class={lag_ms !== null && lag_ms > LATE_MS ? "late" : ""}>
          {t("gateway.lag")} <b>{formatLag(lag_ms)}</b>
        </span>
        <span class={saturated_since ? "late" : ""}>
          {t("gateway.in_flight")} <b>{formatCount(in_flight)}</b> {t("gateway.of", { limit: in_flight_limit })}
        </span>
        {oldest_ms >= OLD_MS && <span class="late">{t("gateway.oldest", { span: formatSpan(oldest_ms) })}</span>}
        {saturated_since > 0 && (
          <span class="late">{t("gateway.saturated", { time: formatTime(saturated_since, now) })}</span>
        )}
      </p>
    </div>
  );
}

/** Who works on what; what nobody works on comes first. */
function workers(shards: ShardRow[]): [owner: string, shards: ShardRow[]][] {
  const found = new Map<string, ShardRow[]>();
  for (const shard of shards) {
    const owner = shard.alive ? shard.owner : "";
    found.set(owner, [...(found.get(owner) ?? []), shard]);
  }
  return [...found].sort(([one], [other]) => one.localeCompare(other));
}

function Worker({ owner, shards, now }: { owner: string; shards: ShardRow[]; now: number }) {
  const since = Math.max(...shards.map((shard) => shard.since));
  const committed = Math.max(...shards.map((shard) => shard.committed));
  const trouble = shards.find((shard) => shard.trouble)?.trouble;
  return (
    <div class="one">
      <p class="one-head">
        <strong class="mono clip worker-name">{owner || t("worker.nobody")}</strong>
        <span class="grow" />
        <State ok={owner !== ""} text={t(owner ? "state.up" : "worker.none")} />
        <span class="faint">{since ? t("worker.since", { time: formatTime(since) }) : ""}</span>
      </p>
      <p class="one-facts">
        {shards.map((shard) => (
          <Badge key={shard.shard} title={t("worker.commits", { count: shard.commits, last: last(shard.committed, now) })}>
            {t("worker.shard", { shard: shard.shard })}
          </Badge>
        ))}
        <span>{last(committed, now)}</span>
        <Rolled shards={shards} now={now} />
      </p>
      {trouble && <p class="one-facts late">{trouble}</p>}
    </div>
  );
}

/** How far history is rolled up, of the device that is farthest behind; nothing where all of it is. */
function Rolled({ shards, now }: { shards: ShardRow[]; now: number }) {
  const untils = shards.map((shard) => shard.rolled_until).filter(Boolean);
  if (!untils.length) return null;
  const behind = now - Math.min(...untils);
  const waiting = shards.reduce((sum, shard) => sum + shard.rolling, 0);
  return (
    <span class={behind > ROLLUPS_LATE_MS ? "late" : ""} title={t("worker.rolling", { count: waiting })}>
      {t("worker.rolled", { span: formatSpan(behind) })}
    </span>
  );
}

/** @param committed  Unix ms; 0: never */
function last(committed: number, now: number) {
  return committed ? t("worker.last", { span: formatSpan(now - committed) }) : t("worker.never");
}
