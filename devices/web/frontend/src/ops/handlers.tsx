/** Handlers of apps: how far each is, at what it fails; paused, let go on, begun anew, tried again. */

import { useState } from "preact/hooks";

import type { Handler, HandlerState, HandlerVerb, ParkedDevice } from "../data/handlers";
import { deviceUrl } from "../document/page";
import { Badge } from "../kit/badge";
import type { Tone } from "../kit/badge";
import { Confirm } from "../kit/dialog";
import { ShortTable } from "../kit/lists";
import type { ShortColumn } from "../kit/lists";
import { Panel } from "../kit/panel";
import { Loading } from "../kit/states";
import { formatCount, formatTime } from "../lib/format.js";
import { formatRate } from "../lib/rates.js";
import { t } from "../words/words.js";
import type { HandlerList } from "./handler_store";

const TONES: { [state in HandlerState]: Tone } = { running: "ok", paused: "plain", too_far: "bad", full: "bad", gone: "plain" };

export function HandlersPanel({ handlers }: { handlers: HandlerList }) {
  const [found, problem] = [handlers.shown.value, handlers.problem.value];
  const [asked, setAsked] = useState<{ name: string; verb: HandlerVerb } | null>(null);
  if (!found?.length) return null;
  const answer = (isYes: boolean) => {
    if (isYes && asked) handlers.tell(asked.name, asked.verb);
    setAsked(null);
  };
  return (
    <Panel title={t("handlers.title")} name="handlers">
      {problem && (
        <p class="error-text" role="alert">
          {problem}
        </p>
      )}
      <ShortTable
        label={t("handlers.title")}
        columns={columns(handlers, (name, verb) => setAsked({ name, verb }))}
        rows={found}
        keyOf={({ name }) => name}
        heading="name"
      />
      {handlers.opened.value && <Parked name={handlers.opened.value} found={handlers.parked.value} />}
      {asked && <Question {...asked} onAnswer={answer} />}
    </Panel>
  );
}

type Ask = (name: string, verb: HandlerVerb) => void;

function columns(handlers: HandlerList, ask: Ask): ShortColumn<Handler>[] {
  return [
    { name: "name", title: t("handlers.handler"), cell: (one) => <Name handler={one} />, look: "mono" },
    { name: "state", title: t("handlers.state"), cell: (one) => <State handler={one} /> },
    { name: "lag", title: t("handlers.lag"), cell: ({ lag }) => formatCount(lag), numeric: true },
    { name: "rate", title: t("handlers.rate"), cell: ({ name }) => formatRate(handlers.rates.value[name] ?? 0), numeric: true },
    { name: "failures", title: t("handlers.failures"), cell: (one) => <Failures handler={one} /> },
    { name: "waiting", title: t("handlers.waiting"), cell: (one) => <Waiting handler={one} handlers={handlers} /> },
    { name: "act", title: t("handlers.act"), cell: (one) => <Acts handler={one} handlers={handlers} ask={ask} />, isSilent: true },
  ];
}

function Name({ handler: { name, kind, version } }: { handler: Handler }) {
  return (
    <>
      {name}
      <div class="muted">{t("handlers.kind", { kind, version })}</div>
    </>
  );
}

function State({ handler: { state, since_at, processes } }: { handler: Handler }) {
  const isAlone = state === "running" && processes === 0;
  return (
    <>
      <Badge tone={isAlone ? "warn" : TONES[state]}>{isAlone ? t("handlers.alone") : t(`handlers.state.${state}`)}</Badge>
      <div class="muted">{t("handlers.since", { time: formatTime(Date.parse(since_at)) })}</div>
    </>
  );
}

function Failures({ handler: { failures, failed_at, why } }: { handler: Handler }) {
  if (!failures || !failed_at) return <span class="none">{t("handlers.failures.none")}</span>;
  return (
    <>
      {t("handlers.failures.count", { count: failures, time: formatTime(Date.parse(failed_at)) })}
      <div class="muted">{why}</div>
    </>
  );
}

function Waiting({ handler, handlers }: { handler: Handler; handlers: HandlerList }) {
  const { name, parked, waiting, left_out, dead_letters, tasks, dead_tasks } = handler;
  const others = [
    left_out && t("handlers.left_out", { count: left_out }),
    dead_letters && t("handlers.dead", { count: dead_letters }),
    tasks && t("handlers.tasks", { count: tasks }),
    dead_tasks && t("handlers.dead_tasks", { count: dead_tasks }),
  ].filter(Boolean);
  if (!parked && !others.length) return <span class="none">{t("handlers.waiting.none")}</span>;
  const isOpen = handlers.opened.value === name;
  return (
    <>
      {parked > 0 && (
        <button class="button small" type="button" aria-expanded={isOpen} onClick={() => handlers.open(name)}>
          {t("handlers.parked", { count: parked, waiting: formatCount(waiting) })}
        </button>
      )}
      {others.length > 0 && <div class={left_out || dead_letters || dead_tasks ? "warn-text" : "muted"}>{others.join(", ")}</div>}
    </>
  );
}

function Acts({ handler, handlers, ask }: { handler: Handler; handlers: HandlerList; ask: Ask }) {
  const { name, state } = handler;
  if (state === "gone") return null;
  const canReplay = handler.parked + handler.dead_letters + handler.tasks + handler.dead_tasks > 0;
  return (
    <span class="handler-acts">
      {(state === "paused" || state === "too_far") && (
        <button class="button small" type="button" onClick={() => (state === "paused" ? handlers.tell(name, "resume") : ask(name, "resume"))}>
          {t("handlers.resume")}
        </button>
      )}
      {state !== "paused" && (
        <button class="button small" type="button" onClick={() => ask(name, "pause")}>
          {t("handlers.pause")}
        </button>
      )}
      {canReplay && (
        <button class="button small" type="button" onClick={() => ask(name, "replay")}>
          {t("handlers.replay")}
        </button>
      )}
      <button class="button small" type="button" onClick={() => ask(name, "rebuild")}>
        {t("handlers.rebuild")}
      </button>
    </span>
  );
}

function Question({ name, verb, onAnswer }: { name: string; verb: HandlerVerb; onAnswer: (yes: boolean) => void }) {
  return (
    <Confirm title={t(`handlers.${verb}.ask`, { name })} yes={t(`handlers.${verb}`)} onAnswer={onAnswer}>
      <p>{t(`handlers.${verb}.text`)}</p>
    </Confirm>
  );
}

function Parked({ name, found }: { name: string; found: readonly ParkedDevice[] | null }) {
  if (found === null) return <Loading />;
  return (
    <>
      <h3 class="handler-parked">{t("handlers.parked.at", { name })}</h3>
      <ShortTable
        label={t("handlers.parked.at", { name })}
        columns={parkedColumns()}
        rows={found}
        keyOf={({ device }) => device}
        heading="device"
      />
    </>
  );
}

function parkedColumns(): ShortColumn<ParkedDevice>[] {
  return [
    { name: "device", title: t("handlers.device"), cell: ({ device }) => <a href={deviceUrl(device)}>{device}</a>, look: "mono" },
    { name: "since", title: t("handlers.parked.since"), cell: ({ since_at }) => formatTime(Date.parse(since_at)) },
    { name: "why", title: t("handlers.why"), cell: ({ why }) => why },
    { name: "attempts", title: t("handlers.attempts"), cell: ({ attempts }) => formatCount(attempts), numeric: true },
    { name: "retry", title: t("handlers.retry"), cell: ({ retry_at }) => (retry_at ? formatTime(Date.parse(retry_at)) : t("handlers.retry.now")) },
    { name: "left_out", title: t("handlers.left"), cell: ({ left_out }) => formatCount(left_out), numeric: true },
  ];
}
