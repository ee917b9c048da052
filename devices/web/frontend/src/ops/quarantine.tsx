/** Quarantine: messages of known devices with wrong content; after a fix they can be carried out again. */

import type { QuarantinedMessage } from "#client/types.js";
import { Badge } from "../kit/badge";
import { ShortTable } from "../kit/lists";
import type { ShortColumn } from "../kit/lists";
import { Panel } from "../kit/panel";
import { Empty, Loading } from "../kit/states";
import { formatTime } from "../lib/format.js";
import { deviceUrl, may, page } from "../document/page";
import { t } from "../words/words.js";
import { Payload, Reason } from "./cells";
import { useOperations } from "./store";

/** @param kept  how many there are */
export function QuarantinePanel({ kept }: { kept: number }) {
  const operations = useOperations();
  const [device, found] = [operations.device.value, operations.quarantined.value];
  const head = (
    <>
      <Badge>{t("quarantine.kept", { count: kept })}</Badge>
      {device && (
        <span>
          {t("quarantine.of")} <code>{device}</code> <a href={`${page.base}/ops`}>{t("quarantine.all")}</a>
        </span>
      )}
    </>
  );
  return (
    <Panel title={t("quarantine.title")} name="quarantine" head={head}>
      {found === null && <Loading />}
      {found?.length === 0 && <Empty>{device ? t("quarantine.none.of", { device }) : t("quarantine.none")}</Empty>}
      {found !== null && found.length > 0 && (
        <ShortTable label={t("quarantine.title")} columns={columns()} rows={found} keyOf={({ id }) => String(id)} />
      )}
    </Panel>
  );
}

function columns(): ShortColumn<QuarantinedMessage>[] {
  return [
    { name: "when", title: t("quarantine.received"), cell: ({ received_at }) => formatTime(Date.parse(received_at)) },
    { name: "topic", title: t("quarantine.topic"), cell: (one) => <Topic message={one} /> },
    { name: "reason", title: t("quarantine.reason"), cell: ({ reason, detail }) => <Reason reason={reason} detail={detail} /> },
    { name: "sample", title: t("quarantine.payload"), cell: (one) => <Sample message={one} /> },
    { name: "act", title: t("quarantine.replay"), cell: (one) => <Replay message={one} />, numeric: true, isSilent: true },
  ];
}

function Topic({ message: { device, topic } }: { message: QuarantinedMessage }) {
  return (
    <a class="mono" href={deviceUrl(device)}>
      {topic}
    </a>
  );
}

function Sample({ message: { payload, payload_bytes, encoding } }: { message: QuarantinedMessage }) {
  return <Payload text={payload} title={t("quarantine.bytes", { count: payload_bytes, encoding })} />;
}

function Replay({ message }: { message: QuarantinedMessage }) {
  const [operations, { id }] = [useOperations(), message];
  const became = operations.replays.value[id];
  return (
    <>
      <span class="muted" role="status">
        {became}
      </span>
      {!became && <ReplayButton message={message} onReplay={() => operations.replay(id)} />}
    </>
  );
}

function ReplayButton({ message: { device, truncated }, onReplay }: { message: QuarantinedMessage; onReplay: () => void }) {
  if (truncated)
    return (
      <span class="faint" title={t("quarantine.large.tip")}>
        {t("quarantine.large")}
      </span>
    );
  if (!may("quarantine.replay", device.split("/")[0])) return null;
  return (
    <button class="button small" onClick={onReplay} title={t("quarantine.replay.tip")}>
      {t("quarantine.replay")}
    </button>
  );
}
