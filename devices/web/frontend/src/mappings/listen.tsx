/** Hearing what is on the broker: each topic with its last payload, who takes it or why nobody, and a mapping of it. */

import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";

import { messageOf } from "../data/failures";
import type { HeardTopic, Listening } from "../data/mappings";
import { Badge } from "../kit/badge";
import { Field } from "../kit/field";
import { Panel } from "../kit/panel";
import { Empty } from "../kit/states";
import { formatCount, formatTime } from "../lib/format.js";
import { isKey, t } from "../words/words.js";
import { FIRST_FILTER, useMappings } from "./store";
import { faultsOf, numberOfText } from "./texts";
import type { Faults } from "./texts";

const SHOWN_CHARS = 120;
const MINUTES = "5";

export function ListenPanel() {
  const mappings = useMappings();
  const [listening, problem] = [mappings.listening.value, mappings.listenProblem.value];
  return (
    <Panel title={t("listen.title")} name="listen" head={listening && <Status listening={listening} />}>
      <p class="listen-hint muted">{t("listen.hint")}</p>
      <ListenForm />
      {problem && (
        <p class="error-text listen-note" role="alert">
          {problem}
        </p>
      )}
      {listening && <Heard listening={listening} />}
    </Panel>
  );
}

function ListenForm() {
  const mappings = useMappings();
  const [filter, setFilter] = useState(mappings.listening.peek()?.filter ?? FIRST_FILTER);
  const [minutes, setMinutes] = useState(MINUTES);
  const [faults, setFaults] = useState<Faults>({});
  const [isAsking, setAsking] = useState(false);
  const submit = async (event: TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    const wanted = numberOfText(minutes);
    if (wanted === null) return setFaults({ minutes: t("kit.bad_number") });
    setAsking(true);
    try {
      await mappings.listen(filter.trim(), wanted);
      setFaults({});
    } catch (error) {
      setFaults(faultsOf(messageOf(error), ["filter", "minutes"]));
    }
    setAsking(false);
  };
  return (
    <form class="listen-form" noValidate onSubmit={submit}>
      <Field label={t("listen.filter")} error={faults["filter"] ?? ""} required>
        {(attributes) => (
          <input
            {...attributes}
            class="field mono"
            spellcheck={false}
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label={t("listen.minutes")} error={faults["minutes"] ?? ""} required>
        {(attributes) => (
          <input
            {...attributes}
            class="field"
            inputMode="numeric"
            value={minutes}
            onInput={(event) => setMinutes(event.currentTarget.value)}
          />
        )}
      </Field>
      <button class="button primary" type="submit" disabled={isAsking}>
        {t("listen.start")}
      </button>
      {faults[""] && (
        <p class="error-text" role="alert">
          {faults[""]}
        </p>
      )}
    </form>
  );
}

function Status({ listening: { status, until_at } }: { listening: Listening }) {
  const tones = { waiting: "warn", listening: "ok", ended: "plain", refused: "bad" } as const;
  const text =
    status === "listening"
      ? t("listen.status.listening", { time: formatTime(Date.parse(until_at)) })
      : t(`listen.status.${status}`);
  return (
    <Badge tone={tones[status]} live>
      {text}
    </Badge>
  );
}

function Heard({ listening }: { listening: Listening }) {
  const { filter, status, reason, messages, more, limited, items } = listening;
  const sorted = [...items].sort((a, b) => Number(isTaken(a)) - Number(isTaken(b)));
  return (
    <>
      <p class="listen-note muted">
        <code>{filter}</code> {t("listen.messages", { count: messages })}
        {more > 0 && `, ${t("listen.more", { count: more })}`} {limited && t("listen.limited")}
      </p>
      {(status === "refused" || reason) && (
        <p class="listen-note error-text" role="alert">
          {status === "refused" && t("listen.refused")} {reason}
        </p>
      )}
      {items.length === 0 ? <Empty>{t("listen.nothing")}</Empty> : <HeardTable items={sorted} />}
    </>
  );
}

/** Somebody takes it, or it is Causeway's own. */
const isTaken = ({ dialect, reason }: HeardTopic) => dialect !== null || reason === "own_downlink";

function HeardTable({ items }: { items: HeardTopic[] }) {
  return (
    <table class="ops-table stacks" aria-label={t("listen.table")}>
      <thead>
        <tr>
          <th>{t("listen.topic")}</th>
          <th>{t("listen.payload")}</th>
          <th class="num">{t("listen.count")}</th>
          <th>{t("listen.taker")}</th>
          <th>
            <span class="hidden-text">{t("listen.make")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <Row key={one.topic} heard={one} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ heard }: { heard: HeardTopic }) {
  const mappings = useMappings();
  const { topic, payload, payload_bytes, encoding, count, retained } = heard;
  return (
    <tr>
      <td class="mono">{topic}</td>
      <td>
        <code class="payload" title={t("listen.bytes", { count: payload_bytes, encoding })}>
          {payload.slice(0, SHOWN_CHARS)}
          {payload.length > SHOWN_CHARS && "…"}
        </code>
      </td>
      <td class="num" data-label={t("listen.count")}>
        {formatCount(count)} {retained && <Badge>{t("listen.retained")}</Badge>}
      </td>
      <td>
        <Taker heard={heard} />
      </td>
      <td class="actions">
        {!isTaken(heard) && (
          <button
            class="button small"
            type="button"
            aria-label={t("listen.make.of", { topic })}
            onClick={() => mappings.make(heard)}
          >
            {t("listen.make")}
          </button>
        )}
      </td>
    </tr>
  );
}

function Taker({ heard: { dialect, source, reason } }: { heard: HeardTopic }) {
  if (dialect !== null)
    return (
      <>
        {dialect} <code>{source}</code>
      </>
    );
  const why = `listen.why.${reason}`;
  return (
    <>
      {t("listen.nobody")} <span class="muted">{isKey(why) ? t(why as "listen.why.ignored") : reason}</span>
    </>
  );
}
