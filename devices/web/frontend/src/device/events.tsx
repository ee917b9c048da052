/** What happened at the device, newest first. */

import type { EventRow } from "#client/types.js";
import { More } from "../kit/lists";
import { formatJson, formatTime, formatTimeMs } from "../lib/format.js";
import { t } from "../words/words.js";
import { useDevice } from "./store";

const FIRST = 8;

export function EventsPanel() {
  const all = useDevice().events.value;
  return (
    <section class="panel events" aria-labelledby="events-title">
      <div class="panel-head">
        <h2 id="events-title">{t("device.events")}</h2>
        {all.length > 0 && <span class="chip">{all.length}</span>}
      </div>
      {all.length === 0 ? (
        <Nothing />
      ) : (
        <More items={all} first={FIRST}>
          {(shown) => (
            <ol class="event-list live">
              {shown.map((event) => (
                <One key={event.rev} event={event} />
              ))}
            </ol>
          )}
        </More>
      )}
    </section>
  );
}

function Nothing() {
  const { known, error } = useDevice().eventsPast.value;
  if (error) return <p class="blank error-text">{t("device.events.missing", { why: error })}</p>;
  return (
    <p class="blank" aria-busy={!known}>
      {known ? t("device.events.none") : "…"}
    </p>
  );
}

function One({ event }: { event: EventRow }) {
  const { name, data, ts } = event;
  return (
    <li class="event flash">
      <div class="command-head">
        <strong class="mono">{name}</strong>
        <span class="grow" />
        <time class="faint" title={formatTimeMs(ts)}>
          {formatTime(ts)}
        </time>
      </div>
      {data !== null && <code class="muted">{formatJson(data)}</code>}
    </li>
  );
}
