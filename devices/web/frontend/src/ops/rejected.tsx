/** Rejected messages: nobody's, or over a limit. Found by topic, for a device that never shows up. */

import type { TargetedEvent } from "preact";

import type { RejectedTopic } from "#client/types.js";
import { tell } from "../document/address";
import { ShortTable } from "../kit/lists";
import type { ShortColumn } from "../kit/lists";
import { Panel } from "../kit/panel";
import { Empty, Loading } from "../kit/states";
import { formatCount, formatTime } from "../lib/format.js";
import { t } from "../words/words.js";
import { Payload, Reason } from "./cells";
import { useOperations } from "./store";

export function RejectedPanel() {
  const operations = useOperations();
  const [found, topic] = [operations.rejected.value, operations.topic.value];
  const search = (
    <input
      class="field mono"
      type="search"
      placeholder={t("rejected.find")}
      aria-label={t("rejected.find")}
      value={topic}
      onInput={(event: TargetedEvent<HTMLInputElement>) => tell({ topic: event.currentTarget.value })}
    />
  );
  return (
    <Panel title={t("rejected.title")} name="rejected" head={search}>
      {found === null && <Loading />}
      {found?.length === 0 && <Empty>{topic ? t("rejected.none.of", { topic }) : t("rejected.none")}</Empty>}
      {found !== null && found.length > 0 && (
        <ShortTable label={t("rejected.table")} columns={columns()} rows={found} keyOf={(one) => `${one.gateway} ${one.reason} ${one.topic}`} />
      )}
    </Panel>
  );
}

function columns(): ShortColumn<RejectedTopic>[] {
  return [
    { name: "when", title: t("rejected.last"), cell: ({ last_at }) => formatTime(Date.parse(last_at)) },
    { name: "topic", title: t("quarantine.topic"), cell: ({ topic }) => topic, look: "mono" },
    { name: "reason", title: t("quarantine.reason"), cell: ({ reason }) => <Reason reason={reason} detail="" /> },
    { name: "sample", title: t("quarantine.payload"), cell: ({ payload }) => <Payload text={payload} /> },
    { name: "times", title: t("rejected.times"), cell: ({ count }) => formatCount(count), numeric: true },
  ];
}
