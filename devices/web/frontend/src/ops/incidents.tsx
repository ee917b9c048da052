/** Incidents: what may have cost messages, and between when. */

import type { Incident, Overview } from "#client/types.js";
import { formatSpan, formatTime } from "../lib/format.js";
import { Icon } from "../ui/icons";
import { grouped } from "./ledger";

const WORDS: { [kind: string]: string } = {
  session_taken: "Another client has had the gateway's session: messages may be missing.",
  name_taken: "Another gateway on the broker has this one's name: give each its own GATEWAY_NAME.",
  shared_listener: "Devices share the user fleet and may choose their client ids: see MQTT_FLEET in mosquitto/README.md.",
  session_lost: "The broker had lost our session: messages may be missing.",
  broker_dropped: "The broker dropped messages at a queue's limit: messages may be missing.",
  older_protocol: "The broker speaks no MQTT 5, so 3.1.1 is spoken: set MQTT_VERSION=3.1.1 to begin with that.",
  publish_refused: "The broker refuses something that we publish: it was left out.",
  filters_overlap: "Another gateway's session has overlapping filters: some messages would come twice.",
  clock_off: "A machine's clock is off. Nothing goes by it, the database's counts; mend it all the same.",
  clock_set: "The database's clock, by which all is judged, was set.",
  qos0_dropped: "Overload: QoS 0 messages were left out; the newest of each topic stayed.",
};

export function IncidentsPanel({ overview }: { overview: Overview }) {
  return (
    <section class="panel incidents" aria-labelledby="incidents-title">
      <div class="panel-head">
        <h2 id="incidents-title">Incidents</h2>
      </div>
      {overview.incidents.length === 0 ? (
        <p class="blank">None. Nothing is known to be missing.</p>
      ) : (
        <ol class="scroll">
          {overview.incidents.map((one) => (
            <One key={`${one.kind} ${one.gateway} ${one.since}`} incident={one} now={overview.now} />
          ))}
        </ol>
      )}
    </section>
  );
}

function One({ incident, now }: { incident: Incident; now: number }) {
  const { kind, gateway, since, until, count, detail } = incident;
  return (
    <li class="incident">
      <Icon name="warning" />
      <div>
        <p>
          <strong>{WORDS[kind] ?? kind.replaceAll("_", " ")}</strong>
          {count > 1 && (
            <>
              {" "}
              <span class="chip warn">{grouped(count)}</span>
            </>
          )}
        </p>
        <p class="muted">
          Since {formatTime(since, now)} until {formatTime(until, now)}, {formatSpan(now - until)} ago ·{" "}
          <span class="mono">{gateway}</span>
        </p>
        {detail && <p class="muted">{detail}</p>}
      </div>
    </li>
  );
}
