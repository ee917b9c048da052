/** Incidents: what may have cost messages, and between when. */

import type { Incident, Overview } from "#client/types.js";
import { formatCount, formatSpan, formatTime } from "../lib/format.js";
import { Icon } from "../ui/icons";
import { isKey, t } from "../words/words.js";

/** What an incident is, by its kind; one that is newer than these pages by its name. */
function sentence(kind: string): string {
  const key = `incident.${kind}`;
  return isKey(key) ? t(key as "incident.clock_off") : kind.replaceAll("_", " ");
}

export function IncidentsPanel({ overview }: { overview: Overview }) {
  return (
    <section class="panel incidents" aria-labelledby="incidents-title">
      <div class="panel-head">
        <h2 id="incidents-title">{t("incidents.title")}</h2>
      </div>
      {overview.incidents.length === 0 ? (
        <p class="blank">{t("incidents.none")}</p>
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
          <strong>{sentence(kind)}</strong>
          {count > 1 && (
            <>
              {" "}
              <span class="chip warn">{formatCount(count)}</span>
            </>
          )}
        </p>
        <p class="muted">
          {t("incidents.when", {
            since: formatTime(since, now),
            until: formatTime(until, now),
            span: formatSpan(now - until),
          })}{" "}
          ·{" "}
          <span class="mono">{gateway}</span>
        </p>
        {detail && <p class="muted">{detail}</p>}
      </div>
    </li>
  );
}
