/** Quarantine: messages of known devices with wrong content; after a fix they can be carried out again. */

import type { QuarantinedMessage } from "#client/types.js";
import { formatTime } from "../lib/format.js";
import { deviceUrl, may, page } from "../document/page";
import { t } from "../words/words.js";
import { useOperations } from "./store";

const SHOWN_CHARS = 160;

/** @param kept  how many there are */
export function QuarantinePanel({ kept }: { kept: number }) {
  const operations = useOperations();
  const [device, found] = [operations.device.value, operations.quarantined.value];
  return (
    <section class="panel quarantine" aria-labelledby="quarantine-title">
      <div class="panel-head">
        <h2 id="quarantine-title">{t("quarantine.title")}</h2>
        <span class="chip">{t("quarantine.kept", { count: kept })}</span>
        {device && (
          <span>
            {t("quarantine.of")} <code>{device}</code> <a href={`${page.base}/ops`}>{t("quarantine.all")}</a>
          </span>
        )}
      </div>
      {found === null || found.length === 0 ? <Nothing known={found !== null} /> : <Table found={found} />}
    </section>
  );
}

function Nothing({ known }: { known: boolean }) {
  const device = useOperations().device.value;
  if (!known)
    return (
      <p class="blank" aria-busy="true">
        …
      </p>
    );
  return (
    <p class="blank">
      {device ? t("quarantine.none.of", { device }) : t("quarantine.none")}
    </p>
  );
}

function Table({ found }: { found: QuarantinedMessage[] }) {
  return (
    <div class="scroll">
      <table class="ops-table">
        <thead>
          <tr>
            <th>{t("quarantine.received")}</th>
            <th>{t("quarantine.topic")}</th>
            <th>{t("quarantine.reason")}</th>
            <th>{t("quarantine.payload")}</th>
            <th>
              <span class="hidden-text">{t("quarantine.replay")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {found.map((one) => (
            <Row key={one.id} message={one} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ message }: { message: QuarantinedMessage }) {
  const { device, topic, reason, detail, received_at, payload, encoding, payload_bytes } = message;
  return (
    <tr>
      <td class="when">{formatTime(Date.parse(received_at))}</td>
      <td>
        <a class="mono" href={deviceUrl(device)}>
          {topic}
        </a>
      </td>
      <td>
        <code>{reason}</code>
        {detail && (
          <>
            <br />
            <span class="faint">{detail}</span>
          </>
        )}
      </td>
      <td>
        <code class="payload" title={t("quarantine.bytes", { count: payload_bytes, encoding })}>
          {payload.slice(0, SHOWN_CHARS)}
          {payload.length > SHOWN_CHARS && "…"}
        </code>
      </td>
      <td class="num">
        <Replay message={message} />
      </td>
    </tr>
  );
}

function Replay({ message: { id, device, truncated } }: { message: QuarantinedMessage }) {
  const operations = useOperations();
  const became = operations.replays.value[id];
  if (became)
    return (
      <span class="muted" role="status">
        {became}
      </span>
    );
  if (truncated)
    return (
      <span class="faint" title={t("quarantine.large.tip")}>
        {t("quarantine.large")}
      </span>
    );
  if (!may("quarantine.replay", device.split("/")[0])) return null;
  return (
    <button
      class="button small"
      onClick={() => operations.replay(id)}
      title={t("quarantine.replay.tip")}
    >
      {t("quarantine.replay")}
    </button>
  );
}
