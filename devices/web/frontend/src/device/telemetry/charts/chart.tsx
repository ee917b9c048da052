/** One metric's chart, as long as it can be seen. */

import { useEffect, useRef, useState } from "preact/hooks";

import { tell } from "../../../document/address";
import { Badge } from "../../../kit/badge";
import { formatPercent, formatTime } from "../../../lib/format.js";
import { Strip } from "../../../ui/strip";
import { t } from "../../../words/words.js";
import { useDevice } from "../../store";
import type { Device } from "../../store";
import { LateBadge } from "../late";
import { animate } from "./following";
import { withGestures } from "./gestures";
import { useStretch } from "./stretch";

const AXIS = 32; // pixels of the axis of time
const NEAR = "300px 0px"; // of the window: what comes into view soon is loaded

interface ChartProps {
  name: string;
  /** 1…6 */
  color: number;
  /** pixels, without the axis of time */
  height: number;
  /** whether it shows the axis of time */
  times: boolean;
}

export function Chart({ name, color, height: bare, times }: ChartProps) {
  const height = bare + (times ? AXIS : 0);
  const device = useDevice();
  const stretch = useStretch();
  const section = useRef<HTMLElement>(null);
  const holder = useRef<HTMLDivElement>(null);
  const strip = useRef<Strip | null>(null);
  const [at, setAt] = useState<{ index: number } | null>(null);
  const isLong = stretch.isLong.value;
  const isSeen = stretch.seen.value.has(name);
  const latest = device.state.value?.metrics[name]?.value;
  const isState = device.isState(name);
  useEffect(() => watchView(section.current, (seen) => stretch.see(name, seen)), [stretch, name]);
  useEffect(() => {
    if (!holder.current || !isSeen) return undefined;
    const made = new Strip(holder.current, height, {
      ...{ color, times, gutter: stretch.gutter },
      onCursor: (index) => setAt(index === null ? null : { index }), // a new one each time: what is there may have changed
      nameOf: isState ? (value) => sayState(device, name, value) : null,
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
  }, [device, stretch, name, color, height, isState, times, isLong, isSeen]);
  const pointed = pointedAt(device, name, strip.current, at?.index);
  const { ts, said, isLate } = pointed ?? { ts: 0, said: device.say(name, latest), isLate: false };
  const label = device.label(name);
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

/** What the cursor points at, in words; null: nothing. */
function pointedAt(device: Device, name: string, strip: Strip | null, at: number | undefined) {
  if (!strip || at === undefined) return null;
  if (!strip.isStates) {
    const [ts, value, isLate] = strip.at(at);
    return { ts, said: device.say(name, value ?? undefined), isLate };
  }
  const { pointed } = strip;
  if (!pointed) return null;
  const share = (value: string, part: number) => (part < 1 ? `${sayState(device, name, value)} ${formatPercent(part)}` : sayState(device, name, value));
  const text = pointed.states?.shares.map(([value, part]) => share(value, part)).join(", ") ?? "–";
  return { ts: pointed.ms, said: { text, unit: "" }, isLate: false };
}

/** What people call a state: `true` and `false` are a switch's. */
function sayState(device: Device, name: string, value: string): string {
  const isSwitch = !device.hasBeen("text", name) && (value === "true" || value === "false");
  return device.say(name, isSwitch ? value === "true" : value).text;
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
