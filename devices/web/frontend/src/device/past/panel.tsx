/** The device as of a time: a slider over the last days, and what was known then, in place of what is known now. */

import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { serverNow } from "../../data/clock";
import { now } from "../../data/live";
import { described } from "../../lib/described.js";
import { formatJson, formatTime, formatWhy } from "../../lib/format.js";
import { compare } from "../../lib/twin.js";
import { clockOf, momentOf } from "../../words/zoned.js";
import { Glyph, nameOfStatus } from "../../ui/presence";
import { zone, zoneNote } from "../../words/locale.js";
import { t } from "../../words/words.js";
import { useDevice } from "../store";
import { AsOf, getChangeTimes, goTo } from "./as_of";
import type { Past } from "./as_of";

const DAY_MS = 86_400_000;
const SPANS = [1, 7, 30]; // days
const STEPS = 1_000;
const FACTS = ["name", "manufacturer", "model", "firmware", "area"] as const;

export function PastPanel() {
  const device = useDevice();
  const [asOf] = useState(() => new AsOf(device.key, device.at));
  useEffect(() => asOf.follow(), [asOf]);
  const wanted = device.at.value;
  if (wanted === null) return null;
  const { past, loading, error } = asOf;
  return (
    <section class="panel past" aria-labelledby="past-title" aria-busy={loading.value}>
      <div class="panel-head">
        <h2 id="past-title">{t("device.past", { time: formatTime(wanted) })}</h2>
        <span class="chip warn">{t("device.past.not_now")}</span>
        <button class="button small primary" onClick={() => goTo(null)}>
          {t("device.back_to_now")}
        </button>
      </div>
      <Times wanted={wanted} />
      {error.value ? (
        <p class="blank error-text" role="alert">
          {error.value}
        </p>
      ) : past.value ? (
        <div class={loading.value ? "past-body waiting" : "past-body"}>
          <Known past={past.value} />
        </div>
      ) : (
        <p class="blank">{t("kit.loading")}</p>
      )}
    </section>
  );
}

/** A slider over the last days, a field for the very time, and steps from change to change. */
function Times({ wanted }: { wanted: number }) {
  const device = useDevice();
  const days = useSignal(SPANS.find((one) => serverNow() - wanted < one * DAY_MS) ?? 30);
  const changes = useSignal<number[]>([]);
  now.value; // time goes on
  const end = serverNow();
  const begin = end - days.value * DAY_MS;
  useEffect(() => {
    getChangeTimes(device.key, serverNow() - days.value * DAY_MS, serverNow()).then(
      (times) => (changes.value = times),
      () => (changes.value = []), // then there are no steps
    );
  }, [device, days.value]);
  const earlier = changes.value.find((ms) => ms < wanted);
  const later = changes.value.findLast((ms) => ms > wanted);
  const typed = (text: string) => {
    const moment = momentOf(text, zone());
    if (moment !== null) goTo(moment);
  };
  return (
    <div class="past-times">
      <input
        type="range"
        min={0}
        max={STEPS}
        step="any"
        aria-label={t("device.past.when")}
        aria-valuetext={formatTime(wanted)}
        value={Math.max(0, ((wanted - begin) / (end - begin)) * STEPS)}
        onInput={(event) => goTo(begin + (event.currentTarget.valueAsNumber / STEPS) * (end - begin))}
      />
      <select class="field" aria-label={t("device.past.span")} value={days.value} onChange={(event) => (days.value = Number(event.currentTarget.value))}>
        {SPANS.map((one) => (
          <option key={one} value={one}>
            {t(one === 1 ? "device.stretch.day" : "device.stretch.days", { count: one })}
          </option>
        ))}
      </select>
      <input
        class="field"
        type="datetime-local"
        step={1}
        aria-label={t("device.past.time", { zone: zoneNote(wanted) })}
        title={zoneNote(wanted)}
        value={clockOf(wanted, zone())}
        onChange={(event) => typed(event.currentTarget.value)}
      />
      <button class="button small" disabled={earlier === undefined} onClick={() => earlier !== undefined && goTo(earlier - 1)}>
        ‹ {t("device.past.earlier")}
      </button>
      <button class="button small" disabled={later === undefined} onClick={() => later !== undefined && goTo(later)}>
        {t("device.past.later")} ›
      </button>
    </div>
  );
}

function Known({ past }: { past: Past }) {
  const { presence, tags, description } = past;
  const { texts } = described(description);
  const facts = FACTS.filter((field) => texts[field]);
  return (
    <>
      <dl class="past-facts">
        <Fact name={t("device.past.presence")} changed={past.changed["presence"]}>
          <span class={`badge ${presence.status}`}>
            <Glyph status={presence.status} />
            <b>{nameOfStatus(presence.status)}</b>
          </span>{" "}
          <span class="muted">{presence.since ? t("device.since", { time: formatTime(presence.since), why: formatWhy(presence) }) : formatWhy(presence)}</span>
        </Fact>
        <Fact name={t("device.past.description")} changed={past.changed["description"]}>
          {facts.length > 0 ? facts.map((field) => texts[field]).join(", ") : "–"}
        </Fact>
        <Fact name={t("device.past.tags")} changed={past.changed["tags"]}>
          {tags.length > 0 ? tags.join(", ") : "–"}
        </Fact>
        <Fact name={t("device.state.reported")} changed={past.changed["reported"]} />
        <Fact name={t("device.state.desired")} changed={past.changed["desired"]}>
          {past.desired_version > 0 ? `v${past.desired_version}` : "–"}
        </Fact>
      </dl>
      <State past={past} />
    </>
  );
}

/** When it last changed, and who asked for that. */
function Fact({ name, changed, children }: { name: string; changed: Past["changed"][string] | undefined; children?: preact.ComponentChildren }) {
  const who = changed?.actor ? t("device.past.by", { actor: changed.actor.replace(":", " ") }) : t("device.past.by_itself");
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {children} {changed && <span class="past-changed faint">{t("device.past.changed", { time: formatTime(Date.parse(changed.at)), who })}</span>}
      </dd>
    </div>
  );
}

function State({ past }: { past: Past }) {
  const rows = compare(past.reported, past.desired);
  if (rows.length === 0) return <p class="blank">{t("device.state.none")}</p>;
  return (
    <table class="twin">
      <thead>
        <tr>
          <th scope="col">{t("device.state.path")}</th>
          <th scope="col">{t("device.state.reported")}</th>
          <th scope="col">{t("device.state.desired")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ path, reported, desired, status }) => (
          <tr key={path.join("\n")} class={status}>
            <th scope="row">{path.join(".")}</th>
            <td>{formatJson(reported) || "–"}</td>
            <td class="desired">{formatJson(desired)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
