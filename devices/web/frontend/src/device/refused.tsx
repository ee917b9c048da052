/** What the device sent and what was not taken as it came: its quarantine, and notes on single values. */

import type { Note, QuarantinedMessage } from "#client/types.js";
import { formatTime } from "../lib/format.js";
import { page } from "../document/page";
import { t } from "../words/words.js";
import { useDevice } from "./store";

const SHOWN_CHARS = 160;

export function RefusedPanel() {
  const device = useDevice();
  const { items, more } = device.quarantined.value;
  const notes = device.notes.value;
  if (items.length === 0 && notes.length === 0) return null;
  return (
    <section class="panel refused" id="refused" aria-labelledby="refused-title">
      <div class="panel-head">
        <h2 id="refused-title">{t("device.refused")}</h2>
        {items.length > 0 && (
          <span class="chip warn">
            {t("device.refused.count", { number: `${items.length}${more ? "+" : ""}` })}
          </span>
        )}
      </div>
      {device.isNotUnderstood() && (
        <p class="refused-all">
          <strong>{t("device.refused.all")}</strong>
        </p>
      )}
      {items.length > 0 && <Quarantined items={items} />}
      {notes.length > 0 && <Notes notes={notes} />}
    </section>
  );
}

function Quarantined({ items }: { items: QuarantinedMessage[] }) {
  const { key } = useDevice();
  return (
    <>
      <div class="short-table" tabIndex={0} role="region" aria-label={t("device.refused.messages")}>
        <table class="ops-table">
          <thead>
            <tr>
              <th>{t("quarantine.received")}</th>
              <th>{t("quarantine.topic")}</th>
              <th>{t("quarantine.reason")}</th>
              <th>{t("quarantine.payload")}</th>
            </tr>
          </thead>
          <tbody>
            {items.map((one) => (
              <Message key={one.id} message={one} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="refused-more">
        <a href={`${page.base}/ops?device=${encodeURIComponent(key)}`}>{t("device.refused.whole")}</a>
      </p>
    </>
  );
}

function Notes({ notes }: { notes: Note[] }) {
  return (
    <div class="short-table" tabIndex={0} role="region" aria-label={t("device.notes")}>
      <table class="ops-table">
        <thead>
          <tr>
            <th>{t("rejected.last")}</th>
            <th>{t("device.value")}</th>
            <th>{t("device.note")}</th>
            <th>{t("device.note.sample")}</th>
            <th class="num">{t("rejected.times")}</th>
          </tr>
        </thead>
        <tbody>
          {notes.map((one) => (
            <Noted key={`${one.reason} ${one.metric}`} note={one} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Message({ message }: { message: QuarantinedMessage }) {
  const { topic, reason, detail, received_at, payload } = message;
  return (
    <tr>
      <td class="when">{formatTime(Date.parse(received_at))}</td>
      <td class="mono">{topic}</td>
      <td>
        <code>{reason}</code>
        {detail && (
          <>
            <br />
            <span class="muted">{detail}</span>
          </>
        )}
      </td>
      <td>
        <code class="payload">
          {payload.slice(0, SHOWN_CHARS)}
          {payload.length > SHOWN_CHARS && "…"}
        </code>
      </td>
    </tr>
  );
}

function Noted({ note }: { note: Note }) {
  return (
    <tr>
      <td class="when">{formatTime(Date.parse(note.last_at))}</td>
      <td class="mono">{note.metric || "–"}</td>
      <td>
        <code>{note.reason}</code>
      </td>
      <td>
        <code class="payload">{note.sample.slice(0, SHOWN_CHARS)}</code>
      </td>
      <td class="num">{note.count}</td>
    </tr>
  );
}
