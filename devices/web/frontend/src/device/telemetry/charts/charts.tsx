/** The charts: one strip a metric, all over the same stretch of time, moving with the clock. Only those in view are loaded and drawn. */

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { lazy } from "../../../ui/lazy";
import { theme } from "../../../ui/theme";
import { t } from "../../../words/words.js";
import { useDevice } from "../../store";
import { Chart } from "./chart";
import { follow } from "./following";
import { withKeys } from "./gestures";
import { Missing } from "./missing";
import { useStretch } from "./stretch";

const Marks = lazy(async () => (await import("./marks/marks")).Marks);
const STATES = 42; // pixels of a timeline
const MANY = 6; // from then on one scrolls, and each has its axis of time

export function Charts() {
  const device = useDevice();
  const stretch = useStretch();
  const names = device.charted.value;
  useLayoutEffect(() => void (stretch.names.value = names), [stretch, names]);
  const isLong = stretch.isLong.value;
  useEffect(() => follow(device, stretch), [device, stretch, isLong, isLong ? 0 : stretch.minutes.value, isLong ? null : stretch.zoomed.value]);
  const holder = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => withKeys(holder.current, stretch), [stretch, names.length === 0]);
  if (names.length === 0)
    return (
      <div class="charts">
        <p class="blank">{t("device.charts.none")}</p>
      </div>
    );
  return (
    <div class="charts" ref={holder} role="group" tabIndex={0} aria-label={t("device.charts")} aria-keyshortcuts="ArrowLeft ArrowRight + - End">
      <Marks />
      {names.map((name, index) => {
        const times = index === names.length - 1 || names.length > MANY;
        return <Chart key={`${name} ${theme.value}`} name={name} color={(index % 6) + 1} height={device.isState(name) ? STATES : heightOf(names.length)}  times={times} />;
      })}
      <p class="chart-note">
        <Missing />
      </p>
    </div>
  );
}

function heightOf(count: number) {
  return count === 1 ? 300 : count === 2 ? 160 : count === 3 ? 112 : 92;
}
