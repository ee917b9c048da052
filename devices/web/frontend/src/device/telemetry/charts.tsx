/** The charts: one strip a metric, all over the same stretch of time, moving with the clock. */

import { batch, computed, effect, signal } from "@preact/signals";
import { createContext } from "preact";
import type { TargetedEvent } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";

import { tell, whileShown } from "../../document/address";
import { serverNow } from "../../data/clock";
import { formatShare, formatTime } from "../../lib/format.js";
import { asOf, now, status } from "../../data/live";
import { recall, remember } from "../../document/page";
import { Badge } from "../../kit/badge";
import type { History } from "../../lib/history.js";
import { joined } from "./drawings.js";
import { t } from "../../words/words.js";
import { theme } from "../../ui/theme";
import { LateBadge } from "./late";
import { useDevice } from "../store";
import type { Device } from "../store";
import { Gutter, Strip } from "../../ui/strip";
import type { StripOptions } from "../../ui/strip";

const RANGES: [label: string, minutes: number][] = [
  ["5 min", 5],
  ["15 min", 15],
  ["1 h", 60],
  ["6 h", 360],
];
const DAY = 24 * 60;
/** In days. */
const LONG_RANGES = [1, 7, 30, 90, 365];
/** What began longer ago is shown in as many points as there is room for, not reading by reading. */
const LONG_MS = 6.5 * 3_600_000;
const REDRAW_MS = 250;
const LOOK_MS = 1_000;
const POINTS_A_COLUMN = 0.5; // of a long stretch
const LEAST_POINTS = 200;
const LOADING_MS = 500; // while history comes, one chunk after the other
const SHARE = 1 / 5_000; // of the stretch: what is new within that shows in the next redraw

/** The stretch of time that charts beside each other show. */
export class Stretch {
  /** The charts' axes of values are equally wide, so that equal times stand above each other. */
  readonly gutter = new Gutter();
  /** How many points beside each other can be told apart; 0: not known yet. */
  readonly columns = signal(0);
  readonly minutes = signal(recall("charts.minutes", 15));
  /** A stretch chosen by dragging, Unix ms; null: the latest `minutes`. */
  readonly zoomed = signal<[from: number, to: number] | null>(null);

  /** What to draw, Unix ms. It stands still while we don't know what happens. */
  now(): [from: number, to: number] {
    if (this.zoomed.value) return this.zoomed.value;
    const end = status.value === "live" || !asOf.value ? serverNow() : asOf.value;
    return [end - this.minutes.value * 60_000, end];
  }

  /** Whether it is shown in as many points as there is room for. */
  readonly isLong = computed(() => {
    const [from] = this.zoomed.value ?? [serverNow() - this.minutes.value * 60_000];
    return from < serverNow() - LONG_MS;
  });

  /** The latest so many minutes. */
  choose(minutes: number): void {
    remember("charts.minutes", minutes);
    tell({ minutes: String(minutes), from: null, to: null });
  }

  /** From when to when, Unix ms; null: the latest minutes again. */
  zoom(stretch: [from: number, to: number] | null): void {
    const [from, to] = stretch?.map((ms) => String(Math.round(ms))) ?? [null, null];
    tell({ from: from ?? null, to: to ?? null });
  }

  /** Show what the address says. @returns stops it */
  followAddress(): () => void {
    return whileShown((address) => {
      const number = (name: string) => Number(address.get(name) ?? NaN);
      const [minutes, from, to] = [number("minutes"), number("from"), number("to")];
      const isRange = RANGES.some(([, value]) => value === minutes) || LONG_RANGES.includes(minutes / DAY);
      batch(() => {
        this.minutes.value = isRange ? minutes : recall("charts.minutes", 15);
        this.zoomed.value = from < to ? [from, to] : null;
      });
    });
  }
}

export const ChartsContext = createContext<Stretch | null>(null);

function useStretch(): Stretch {
  const stretch = useContext(ChartsContext);
  if (!stretch) throw new Error("not inside a ChartsContext");
  return stretch;
}

/** Buttons for the panel's head. */
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

export function Charts() {
  const device = useDevice();
  const { charted, past } = device;
  const stretch = useStretch();
  const names = charted.value;
  const isLong = stretch.isLong.value;
  useEffect(() => past.show(() => (isLong ? serverNow() : stretch.now()[0])), [past, stretch, isLong, stretch.minutes.value, stretch.zoomed.value]);
  useEffect(() => (isLong ? follow(device, stretch) : undefined), [device, stretch, isLong]);
  if (names.length === 0)
    return (
      <div class="charts">
        <p class="blank">{t("device.charts.none")}</p>
      </div>
    );
  return (
    <div class="charts">
      {names.map((name, index) => (
        <Chart
          key={`${name} ${theme.value}`}
          name={name}
          color={(index % 6) + 1}
          height={heightOf(names.length, index === names.length - 1)}
          last={index === names.length - 1}
        />
      ))}
      <p class="chart-note">
        <Missing />
      </p>
    </div>
  );
}

/** Have what a long stretch shows, as it moves. @returns stops it */
function follow({ overviews, charted }: Device, stretch: Stretch): () => void {
  const ask = () => {
    const [from, to] = stretch.now();
    const moves = stretch.zoomed.value === null;
    const points = Math.max(LEAST_POINTS, Math.ceil(stretch.columns.value * POINTS_A_COLUMN));
    if (charted.value.length > 0 && stretch.columns.value > 0 && !document.hidden)
      overviews.want({ metrics: charted.value, from, to, points, moves });
  };
  const stop = effect(ask);
  const timer = setInterval(ask, LOOK_MS);
  return () => {
    stop();
    clearInterval(timer);
    overviews.stop();
  };
}

/** What the charts don't show of their stretch of time, and why. */
function Missing() {
  now.value; // time goes on
  return useStretch().isLong.value ? <MissingOfLong /> : <MissingReadings />;
}

function MissingOfLong() {
  const { overviews } = useDevice();
  const [from] = useStretch().now();
  if (overviews.error.value)
    return (
      <>
        <span class="error-text">{t("device.charts.failed", { why: overviews.error.value })}</span>{" "}
        <button class="button small" onClick={() => overviews.retry()}>
          {t("kit.retry")}
        </button>
      </>
    );
  if (overviews.loading.value && overviews.isOther.value) return <span class="faint">{t("kit.loading")}</span>;
  const since = overviews.completeSince.value;
  if (since <= from + LOOK_MS) return <span class="faint">{t("device.charts.band")}</span>;
  return <span>{t("device.charts.purged", { time: formatTime(since) })}</span>;
}

function MissingReadings() {
  const { past } = useDevice();
  const [from, to] = useStretch().now();
  const since = past.since.value;
  if (since <= from) return null;
  const share = formatShare(to - since, to - from);
  if (past.loading.value) return <span class="faint">{t("device.charts.loading", { share })}</span>;
  if (past.full.value) return <span>{t("device.charts.full", { share })}</span>;
  if (!past.error.value) return null;
  return (
    <>
      <span class="error-text">
        {t("device.charts.missing", { share, why: past.error.value })}
      </span>{" "}
      <button class="button small" onClick={() => past.retry()}>
        {t("kit.retry")}
      </button>
    </>
  );
}

function heightOf(count: number, last: boolean) {
  return (count === 1 ? 300 : count === 2 ? 160 : count === 3 ? 112 : 92) + (last ? 32 : 0);
}

function Chart({ name, color, height, last }: { name: string; color: number; height: number; last: boolean }) {
  const device = useDevice();
  const stretch = useStretch();
  const holder = useRef<HTMLDivElement>(null);
  const strip = useRef<Strip | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const isLong = stretch.isLong.value;
  const latest = device.state.value?.metrics[name]?.value;
  const binary = device.hasBeen("boolean", name) && !device.hasBeen("number", name);
  useEffect(() => {
    if (!holder.current) return undefined;
    const made = makeStrip(holder.current, height, stretch, { color, binary, times: last, onCursor: setAt });
    strip.current = made;
    const stop = isLong ? animateLong(name, made, device, stretch) : animate(name, made, device.past, stretch);
    const observer = new ResizeObserver(() => holder.current && made.resize(holder.current.clientWidth, height));
    observer.observe(holder.current);
    return () => {
      stop();
      observer.disconnect();
      made.destroy();
    };
  }, [device, stretch, name, color, height, binary, last, isLong]);
  const [ts, value, isLate] = at !== null && strip.current ? strip.current.at(at) : [0, undefined, false];
  const shown = ts === 0 ? latest : typeof value === "number" && binary ? value === 1 : (value ?? undefined);
  const [label, said] = [device.label(name), device.say(name, shown)];
  return (
    <section class={`chart series-${color}`} aria-label={t("device.chart", { name: label })}>
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

type ChartOptions = Pick<StripOptions, "color" | "binary" | "times" | "onCursor">;

function makeStrip(holder: HTMLElement, height_px: number, stretch: Stretch, options: ChartOptions) {
  return new Strip(holder, height_px, {
    ...options,
    gutter: stretch.gutter,
    onZoom: (from, to) => stretch.zoom([from, to]),
    onReset: () => stretch.zoom(null),
  });
}

/** Draw what a long stretch shows, when there is news of it or it has moved. @returns stops it */
function animateLong(name: string, strip: Strip, { overviews, past }: Device, stretch: Stretch): () => void {
  let drawn = { version: -1, from: 0, to: 0 };
  const draw = () => {
    if (strip.columns > 1) stretch.columns.value = strip.columns; // before, it isn't laid out
    const [from, to] = stretch.now();
    const version = overviews.version.value;
    const moved = Math.max(Math.abs(from - drawn.from), Math.abs(to - drawn.to));
    if (document.hidden || (version === drawn.version && moved < (to - from) / 2_000)) return;
    drawn = { version, from, to };
    const live = past.of(name).view(overviews.until, to, strip.columns);
    const { xs, ys, lows, highs } = joined(overviews.of(name), live, overviews.until);
    strip.draw([xs, ys], from, to, [lows, highs]);
  };
  const stop = effect(draw);
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    stop();
    clearInterval(timer);
  };
}

/**
 * Draw four times a second while anybody can see it, and at once when another stretch is chosen.
 *
 * @returns stops it
 */
function animate(name: string, strip: Strip, past: History, stretch: Stretch): () => void {
  let drawn = { version: -1, from: 0, to: 0, at: 0 };
  const draw = () => {
    const [from, to] = stretch.now();
    const version = past.version.peek();
    const pace_ms = past.loading.peek() ? LOADING_MS : (to - from) * SHARE;
    const news = version !== drawn.version && performance.now() - drawn.at >= pace_ms;
    const moved = Math.max(Math.abs(from - drawn.from), Math.abs(to - drawn.to));
    if (document.hidden || (!news && moved < (to - from) / 2_000)) return; // half a pixel
    drawn = { version, from, to, at: performance.now() };
    strip.draw(past.of(name).view(from, to, strip.columns), from, to);
  };
  const stop = effect(draw);
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    stop();
    clearInterval(timer);
  };
}
