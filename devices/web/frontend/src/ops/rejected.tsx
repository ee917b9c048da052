/** Rejected messages: nobody's, or over a limit. Found by topic, for a device that never shows up. */

import type { TargetedEvent } from "preact";

import type { RejectedTopic } from "#client/types.js";
import { formatTime } from "../lib/format.js";
import { grouped } from "./ledger";
import { useOperations } from "./store";

export function RejectedPanel() {
  const operations = useOperations();
  const found = operations.rejected.value;
  const typed = (event: TargetedEvent<HTMLInputElement>) => {
    operations.topic.value = event.currentTarget.value;
    operations.lookAtRejected();
  };
  return (
    <section class="panel rejected" aria-labelledby="rejected-title">
      <div class="panel-head">
        <h2 id="rejected-title">Rejected</h2>
        <input
          class="field mono"
          type="search"
          placeholder="Find by topic"
          aria-label="Find by topic"
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
  const text = topic ? `Nothing on topics with ${topic}.` : "Nothing was rejected.";
  return (
    <p class="blank" aria-busy={!known}>
      {known ? text : "…"}
    </p>
  );
}

function Table({ found }: { found: RejectedTopic[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Rejected messages">
      <table class="ops-table">
        <thead>
          <tr>
            <th>Last</th>
            <th>Topic</th>
            <th>Reason</th>
            <th>Payload</th>
            <th class="num">Times</th>
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
              <td class="num">{grouped(one.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
