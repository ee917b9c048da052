/** Which stretch of time the charts show: buttons for the panel's head. */

import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";

import { lazy } from "../../../ui/lazy";
import { t } from "../../../words/words.js";
import { DAY, LONG_RANGES, RANGES, useStretch } from "./stretch";

const FromTo = lazy(async () => (await import("./dates")).FromTo);

export function Ranges() {
  const stretch = useStretch();
  const { zoomed, minutes } = stretch;
  return (
    <div class="segments" role="group" aria-label={t("device.stretch")}>
      {zoomed.value && (
        <button class="button small primary" onClick={() => stretch.zoom(null)}>
          {t("device.back_to_now")}
        </button>
      )}
      {RANGES.map(([label, value]) => (
        <button
          key={label}
          class="segment"
          aria-pressed={!zoomed.value && minutes.value === value}
          onClick={() => stretch.choose(value)}
        >
          {label}
        </button>
      ))}
      <LongRanges />
      <Picker />
    </div>
  );
}

function LongRanges() {
  const stretch = useStretch();
  const { zoomed, minutes } = stretch;
  const chosen = zoomed.value ? 0 : minutes.value / DAY;
  const choose = (event: TargetedEvent<HTMLSelectElement>) => {
    const days = Number(event.currentTarget.value);
    if (days > 0) stretch.choose(days * DAY);
  };
  return (
    <select class="field segment-more" aria-label={t("device.stretch.longer")} value={LONG_RANGES.includes(chosen) ? chosen : 0} onChange={choose}>
      <option value={0}>{t("device.stretch.longer")}</option>
      {LONG_RANGES.map((days) => (
        <option key={days} value={days}>
          {t(days === 1 ? "device.stretch.day" : "device.stretch.days", { count: days })}
        </option>
      ))}
    </select>
  );
}

/** A stretch by date and time. */
function Picker() {
  const stretch = useStretch();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button class={stretch.zoomed.value ? "segment chosen" : "segment"} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {t("device.stretch.dates")}
      </button>
      {open && <FromTo onClose={() => setOpen(false)} />}
    </>
  );
}
