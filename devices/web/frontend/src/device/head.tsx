/** The device's heading: its name as people have it and its key, presence, battery and signal, what it is, and who else is here. */

import type { DeviceState, Presence } from "#client/types.js";
import { batteryOf, signalOf } from "../lib/described.js";
import type { Field, Glance } from "../lib/described.js";
import { formatTime, formatWhy } from "../lib/format.js";
import { useCauseway } from "../data/causeway";
import { deviceUrl, page } from "../document/page";
import { ageOf, areAgesKnown } from "../ui/age";
import { ExportButton } from "../ui/export";
import { Glyph, nameOfStatus } from "../ui/presence";
import { t } from "../words/words.js";
import { AsOfButton } from "./past";
import { People } from "./people";
import { useDevice } from "./store";

export function Head() {
  const device = useDevice();
  const twin = device.state.value;
  const isPast = device.at.value !== null;
  const friendly = device.what.value.texts.name;
  const [site = "", name = ""] = device.key.split("/");
  return (
    <div class="device-head">
      <nav aria-label={t("device.where")}>
        <a href={`${page.base}/`}>{t("device.fleet")}</a>
        <span class="faint">/</span>
        <a href={`${page.base}/?site=${encodeURIComponent(site)}`}>{site}</a>
      </nav>
      <div class="device-title">
        <h1>{friendly || name}</h1>
        {friendly && <span class="mono muted device-key">{device.key}</span>}
        {twin && !isPast && <PresenceBadge presence={twin.presence} />}
        {!isPast && device.isNotUnderstood() && (
          <a class="chip bad" href="#refused">
            {t("device.not_understood")}
          </a>
        )}
        {twin && !isPast && <Glances twin={twin} />}
        {!isPast &&
          twin?.tags.map((tag) => (
            <span key={tag} class="chip">
              {tag}
            </span>
          ))}
        <span class="grow" />
        {twin && !isPast && <LastValue twin={twin} />}
        {twin && !isPast && <AsOfButton />}
        {twin && <Export twin={twin} name={friendly || name} />}
      </div>
      {!isPast && <Facts />}
      <People />
    </div>
  );
}

function Export({ twin, name }: { twin: DeviceState; name: string }) {
  const device = useDevice();
  const metrics = Object.keys(twin.metrics).map((metric) => ({ name: metric, label: device.label(metric) }));
  return <ExportButton name={name} device={[device.key]} metrics={metrics} />;
}

function PresenceBadge({ presence }: { presence: Presence }) {
  const { status, since } = presence;
  const why = formatWhy(presence);
  return (
    <>
      <span class={`badge ${status} live`}>
        <Glyph status={status} />
        <b>{nameOfStatus(status)}</b> <span>{since ? ageOf(since) : ""}</span>
      </span>
      <span class="faint badge-why">{since ? t("device.since", { time: formatTime(since), why }) : why}</span>
    </>
  );
}

/** Battery and signal, if it has them. */
function Glances({ twin }: { twin: DeviceState }) {
  const { what } = useDevice();
  const [battery, signal] = [batteryOf(what.value, twin.metrics), signalOf(what.value, twin.metrics)];
  return (
    <>
      {battery && <Gauge name={t("device.battery")} glance={battery} look="battery" />}
      {signal && <Gauge name={t("device.signal")} glance={signal} look="signal" />}
    </>
  );
}

function Gauge({ name, glance, look }: { name: string; glance: Glance; look: string }) {
  const device = useDevice();
  const { metric, share, weak } = glance;
  const { text, unit } = device.say(metric, device.state.value?.metrics[metric]?.value);
  const isPercent = unit === "" && look === "battery" && share !== null;
  return (
    <span class={`chip live ${weak ? "warn" : ""}`} title={device.label(metric)}>
      {share !== null && <i class={`gauge ${look}`} style={{ "--share": share }} aria-hidden="true" />}
      {name} {text} {isPercent ? "%" : unit}
    </span>
  );
}

const FACTS: readonly Exclude<Field, "name" | "via" | "origin" | "dialect">[] = ["manufacturer", "model", "hardware", "firmware", "serial", "area"];

/** Maker, model and the like in a line, as far as they are known. */
function Facts() {
  const { texts } = useDevice().what.value;
  const { twins } = useCauseway();
  const { via } = texts;
  const known = FACTS.filter((field) => texts[field]);
  if (known.length === 0 && !via) return null;
  const through = twins.get(via)?.description?.["name"];
  return (
    <dl class="facts">
      {known.map((field) => (
        <div key={field}>
          <dt>{t(`device.is.${field}`)}</dt>
          <dd>{texts[field]}</dd>
        </div>
      ))}
      {via && (
        <div>
          <dt>{t("device.is.via")}</dt>
          <dd>
            <a href={deviceUrl(via)} title={via}>
              {typeof through === "string" && through ? through : via}
            </a>
          </dd>
        </div>
      )}
    </dl>
  );
}

function LastValue({ twin }: { twin: DeviceState }) {
  const newest = Math.max(0, ...Object.values(twin.metrics).map(({ ts }) => ts));
  const age = () =>
    areAgesKnown() ? t("device.last_value", { span: ageOf(newest) }) : t("device.last_value.at", { time: formatTime(newest) });
  const text = newest ? age() : t("device.no_values");
  return (
    <span class="faint" title={`rev ${twin.rev}`}>
      {text}
    </span>
  );
}
