/** Rejected messages: nobody's, or over a limit. Found by topic, for a device that never shows up. */

import type { TargetedEvent } from "preact";

import type { RejectedTopic } from "#client/types.js";
import { tell } from "../document/address";
import { formatCount, formatTime } from "../lib/format.js";
import { t } from "../words/words.js";
import { useOperations } from "./store";

export function RejectedPanel() {
  const operations = useOperations();
  const found = operations.rejected.value;
  const typed = (event: TargetedEvent<HTMLInputElement>) => tell({ topic: event.currentTarget.value });
  return (
    <section class="panel rejected" aria-labelledby="rejected-title">
      <div class="panel-head">
        <h2 id="rejected-title">{t("rejected.title")}</h2>
        <input
          class="field mono"
          type="search"
          placeholder={t("rejected.find")}
          aria-label={t("rejected.find")}
          value={operations.topic.value}
          onInput={typed}
        />
      </div>
      {found === null || found.length === 0 ? <Nothing known={found !== null} /> : <Table found={found} />}
    </section>
  );
}

function Nothing({ known }: { known: boolean }) {
  const topic = useOperations().topic.value;
  const text = topic ? t("rejected.none.of", { topic }) : t("rejected.none");
  return (
    <p class="blank" aria-busy={!known}>
      {known ? text : "…"}
    </p>
  );
}

function Table({ found }: { found: RejectedTopic[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("rejected.table")}>
      <table class="ops-table">
        <thead>
          <tr>
            <th>{t("rejected.last")}</th>
            <th>{t("quarantine.topic")}</th>
            <th>{t("quarantine.reason")}</th>
            <th>{t("quarantine.payload")}</th>
            <th class="num">{t("rejected.times")}</th>
          </tr>
        </thead>
        <tbody>
          {found.map((one) => (
            <tr key={`${one.gateway} ${one.reason} ${one.topic}`}>
              <td class="when">{formatTime(Date.parse(one.last_at))}</td>
              <td class="mono wrap">{one.topic}</td>
              <td>
                <code>{one.reason}</code>
              </td>
              <td>
                <code class="payload">{one.payload}</code>
              </td>
              <td class="num">{formatCount(one.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
