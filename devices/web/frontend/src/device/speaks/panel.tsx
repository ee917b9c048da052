/** How the device speaks: in which dialect, who described it, and what became of the last that it and we said. */

import type { ComponentChildren } from "preact";

import { linkTo } from "../../document/address";
import { page } from "../../document/page";
import { formatSpan, formatTime } from "../../lib/format.js";
import { t } from "../../words/words.js";
import { useDevice } from "../store";
import { Messages } from "./messages";

const SHOWN_COMMANDS = 3;

export function SpeaksPanel() {
  const device = useDevice();
  const { texts, withdrawn, stale_after_s } = device.what.value;
  const twin = device.state.value;
  if (!twin) return null;
  const newest = Math.max(0, ...Object.values(twin.metrics).map(({ ts }) => ts));
  const isNative = texts.dialect === "" || texts.dialect === "native";
  return (
    <section class="panel speaks" aria-labelledby="speaks-title">
      <div class="panel-head">
        <h2 id="speaks-title">{t("device.speaks")}</h2>
      </div>
      <dl class="speaks-list">
        <Fact name={t("device.speaks.dialect")}>
          {isNative ? t("device.speaks.native") : <code>{texts.dialect}</code>}
          {isNative && <code class="muted"> {`${page.mqtt.root}/${device.key}/#`}</code>}
        </Fact>
        {texts.origin && <Fact name={t("device.speaks.origin")}>{texts.origin}</Fact>}
        {stale_after_s !== null && (
          <Fact name={t("device.speaks.silence")}>
            {stale_after_s === "never" ? t("device.speaks.never") : formatSpan(stale_after_s * 1000)}
          </Fact>
        )}
        {newest > 0 && <Fact name={t("device.speaks.last")}>{formatTime(newest)}</Fact>}
        <Fact name={t("device.speaks.refused")}>
          <Refused />
        </Fact>
        {device.commands.value.length > 0 && (
          <Fact name={t("device.speaks.commands")}>
            {device.commands.value.slice(0, SHOWN_COMMANDS).map((one) => (
              <a key={one.id} class="speaks-command" href={linkTo({ command: one.id })}>
                <code>{one.name}</code> {t(`command.${one.status}`)}
              </a>
            ))}
          </Fact>
        )}
      </dl>
      <Messages key={device.key} />
      {withdrawn && <p class="speaks-withdrawn">{t("device.speaks.withdrawn")}</p>}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How much of its messages was not taken as it came: what of it, its own panel shows. */
function Refused() {
  const { quarantined, notes } = useDevice();
  const { items, more } = quarantined.value;
  const counts = [
    items.length > 0 && t("device.refused.count", { number: `${items.length}${more ? "+" : ""}` }),
    notes.value.length > 0 && t("device.notes.count", { count: notes.value.length }),
  ].filter(Boolean);
  return counts.length === 0 ? <>{t("device.speaks.refused.none")}</> : <a href="#refused">{counts.join(", ")}</a>;
}
