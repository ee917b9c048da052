/** One metric's chart, as long as it can be seen. */

import { useEffect, useRef, useState } from "preact/hooks";

import { tell } from "../../../document/address";
import { Badge } from "../../../kit/badge";
import { formatTime } from "../../../lib/format.js";
import { Strip } from "../../../ui/strip";
import { t } from "../../../words/words.js";
import { useDevice } from "../../store";
import { LateBadge } from "../late";
import { animate } from "./following";
import { withGestures } from "./gestures";
import { useStretch } from "./stretch";

const NEAR = "300px 0px"; // of the window: what comes into view soon is loaded

interface ChartProps {
  name: string;
  /** 1…6 */
  color: number;
  height: number;
  /** whether it shows the axis of time */
  times: boolean;
}

export function Chart({ name, color, height, times }: ChartProps) {
  const device = useDevice();
  const stretch = useStretch();
  const section = useRef<HTMLElement>(null);
  const holder = useRef<HTMLDivElement>(null);
  const strip = useRef<Strip | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const isLong = stretch.isLong.value;
  const isSeen = stretch.seen.value.has(name);
  const latest = device.state.value?.metrics[name]?.value;
  const binary = device.hasBeen("boolean", name) && !device.hasBeen("number", name);
  useEffect(() => watchView(section.current, (seen) => stretch.see(name, seen)), [stretch, name]);
  useEffect(() => {
    if (!holder.current || !isSeen) return undefined;
    const made = new Strip(holder.current, height, {
      ...{ color, binary, times, onCursor: setAt, gutter: stretch.gutter },
      onZoom: (from, to) => stretch.zoom([from, to]),
      onReset: () => stretch.zoom(null),
    });
    strip.current = made;
    const ends = [animate(name, made, device, stretch), withGestures(made.over, stretch), followSize(holder.current, made, height)];
    return () => {
      for (const end of ends) end();
      strip.current = null;
      made.destroy();
    };
  }, [device, stretch, name, color, height, binary, times, isLong, isSeen]);
  const [ts, value, isLate] = at !== null && strip.current ? strip.current.at(at) : [0, undefined, false];
  const shown = ts === 0 ? latest : typeof value === "number" && binary ? value === 1 : (value ?? undefined);
  const [label, said] = [device.label(name), device.say(name, shown)];
  return (
    <section ref={section} class={`chart series-${color}`} aria-label={t("device.chart", { name: label })}>
      <header>
        <i class="swatch" />
        <h3 class="clip" title={name}>
          {label}
        </h3>
        <span class="chart-value live">
          {said.text}
          {said.unit && <span class="unit"> {said.unit}</span>}
        </span>
        {ts > 0 && <span class="chart-time faint">{t("device.chart.at", { time: formatTime(ts) })}</span>}
        {isLate ? <Badge tone="warn">{t("device.late")}</Badge> : <LateBadge name={name} />}
        <button class="button bare small" aria-label={t("device.draw.not", { name: label })} onClick={() => tell({ draw: device.toggleChart(name) })}>
          ×
        </button>
      </header>
      <div ref={holder} class="plot" style={{ height: `${height}px` }} />
    </section>
  );
}

/** Tell whether it is in the window, or nearly. @returns stops it */
function watchView(element: Element | null, see: (isSeen: boolean) => void): () => void {
  if (!element) return () => {};
  const observer = new IntersectionObserver((found) => see(found.at(-1)?.isIntersecting ?? false), { rootMargin: NEAR });
  observer.observe(element);
  return () => {
    observer.disconnect();
    see(false);
  };
}

function followSize(holder: HTMLElement, strip: Strip, height: number): () => void {
  const observer = new ResizeObserver(() => strip.resize(holder.clientWidth, height));
  observer.observe(holder);
  return () => observer.disconnect();
}
