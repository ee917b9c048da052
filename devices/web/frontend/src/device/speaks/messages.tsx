/** The last messages of a device as they came, with what became of each: heard while somebody looks. */

import { useEffect, useState } from "preact/hooks";

import { messageOf } from "../../data/failures";
import { getMessages, lookAtMessages } from "../../data/messages";
import type { RawMessage, Speaks } from "../../data/messages";
import { may, siteOf } from "../../document/page";
import { Badge } from "../../kit/badge";
import { formatTime } from "../../lib/format.js";
import { t } from "../../words/words.js";
import { useDevice } from "../store";

const EVERY_MS = 1_500;
const SHOWN_CHARS = 160;
const SHOWN_FILTERS = 5;
const TONES = { applied: "ok", quarantined: "warn", rejected: "warn", unknown: "plain" } as const;

export function Messages() {
  const { key } = useDevice();
  const [speaks, setSpeaks] = useState<Speaks | null>(null);
  const [problem, setProblem] = useState("");
  const take = (found: Promise<Speaks>) =>
    found.then(
      (one) => {
        setSpeaks(one);
        setProblem("");
      },
      (error) => setProblem(messageOf(error)),
    );
  const isLooking = speaks?.status === "waiting" || speaks?.status === "listening";
  useEffect(() => {
    take(getMessages(key));
  }, [key]);
  useEffect(() => {
    if (!isLooking) return undefined;
    const timer = setInterval(() => document.hidden || take(getMessages(key)), EVERY_MS);
    return () => clearInterval(timer);
  }, [key, isLooking]);
  return (
    <div class="speaks-messages">
      {speaks && <Filters speaks={speaks} />}
      <p class="speaks-look">
        {may("devices.command", siteOf(key)) && !isLooking && (
          <button class="button small" type="button" onClick={() => take(lookAtMessages(key))}>
            {t("device.messages.look")}
          </button>
        )}
        {isLooking && speaks.until_at && (
          <Badge tone="ok" live>
            {t("listen.status.listening", { time: formatTime(Date.parse(speaks.until_at)) })}
          </Badge>
        )}
        <span class="muted">{t("device.messages.hint")}</span>
      </p>
      {(problem || speaks?.reason) && (
        <p class="error-text" role="alert">
          {problem || speaks?.reason}
        </p>
      )}
      {speaks && speaks.items.length > 0 && <Table items={speaks.items} />}
      {isLooking && speaks.items.length === 0 && <p class="muted">{t("listen.nothing")}</p>}
    </div>
  );
}

function Filters({ speaks: { filters } }: { speaks: Speaks }) {
  const shown = filters.slice(0, SHOWN_FILTERS);
  return (
    <p class="speaks-filters">
      {t("device.messages.filters")}{" "}
      {shown.map((one) => (
        <code key={one}>{one}</code>
      ))}
      {filters.length > shown.length && " …"}
    </p>
  );
}

function Table({ items }: { items: RawMessage[] }) {
  return (
    <div class="short-table" tabIndex={0} role="region" aria-label={t("device.messages")}>
      <table class="ops-table">
        <thead>
          <tr>
            <th>{t("quarantine.received")}</th>
            <th>{t("quarantine.topic")}</th>
            <th>{t("quarantine.payload")}</th>
            <th>{t("device.messages.became")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <Message key={`${one.received_at} ${one.topic} ${one.payload}`} message={one} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Message({ message }: { message: RawMessage }) {
  const { received_at, topic, payload, retained, became, reason, metrics, says } = message;
  const brought = Object.entries(metrics).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return (
    <tr>
      <td class="when">{formatTime(Date.parse(received_at))}</td>
      <td class="mono">{topic}</td>
      <td>
        <code class="payload">
          {payload.slice(0, SHOWN_CHARS)}
          {payload.length > SHOWN_CHARS && "…"}
        </code>
      </td>
      <td>
        <Badge tone={TONES[became]}>{t(`device.messages.${became}`)}</Badge>{" "}
        {retained && <Badge>{t("listen.retained")}</Badge>} {reason && <code>{reason}</code>}
        <span class="muted"> {brought.length > 0 ? brought.join(", ") : says.join(", ")}</span>
      </td>
    </tr>
  );
}
