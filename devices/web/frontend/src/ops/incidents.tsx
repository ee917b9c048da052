/** Incidents: what may have cost messages, and between when. */

import type { Incident, Overview } from "#client/types.js";
import { Badge } from "../kit/badge";
import { More } from "../kit/lists";
import { Panel } from "../kit/panel";
import { Empty } from "../kit/states";
import { formatCount, formatSpan, formatTime } from "../lib/format.js";
import { Icon } from "../ui/icons";
import { isKey, t } from "../words/words.js";

const FIRST = 8;

/** What an incident is, by its kind; one that is newer than these pages by its name. */
function sentence(kind: string): string {
  const key = `incident.${kind}`;
  return isKey(key) ? t(key as "incident.clock_off") : kind.replaceAll("_", " ");
}

export function IncidentsPanel({ overview }: { overview: Overview }) {
  return (
    <Panel title={t("incidents.title")} name="incidents">
      {overview.incidents.length === 0 && <Empty>{t("incidents.none")}</Empty>}
      <More items={overview.incidents} first={FIRST}>
        {(shown) => (
          <ol>
            {shown.map((one) => (
              <One key={`${one.kind} ${one.gateway} ${one.since}`} incident={one} now={overview.now} />
            ))}
          </ol>
        )}
      </More>
    </Panel>
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
              <Badge tone="warn">{formatCount(count)}</Badge>
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
