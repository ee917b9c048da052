/** One metric's chart: uPlot in the page's colours. */

import uPlot from "uplot";

import { formatTick, formatTimeAxis } from "../lib/format.js";
import { zone } from "../words/locale.js";
import { Palette, paintStates } from "./timeline";
import type { States } from "./timeline";

const AXIS_WIDTH = 58; // at least
const AXIS_GAP = 8;
const FONT = "11px system-ui, sans-serif";
const PADDING_RIGHT = 10;
const RING_GAP = 14; // pixels: where many came late, the line still shows between their rings

type Values = (number | null)[];

const NO_BAND: [Values, Values] = [[], []];

export interface StripOptions {
  /** 1…6 */
  color: number;
  /** what people call a state, of what is on or off or one of some texts: drawn as a timeline; null: numbers */
  nameOf: ((value: string) => string) | null;
  /** whether it shows the axis of time */
  times: boolean;
  /** the point under the cursor; of a timeline pixels from its begin */
  onCursor: (index: number | null) => void;
  /** Unix ms */
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
  /** shared with the other strips */
  gutter: Gutter;
}

/** How wide the axes of values are: as the widest label of any strip needs. */
export class Gutter {
  #needs = new Map<Strip, number>();

  get width(): number {
    return Math.max(AXIS_WIDTH, ...this.#needs.values());
  }

  /** A strip's labels take so many pixels; the others follow. */
  need(strip: Strip, width_px: number): void {
    const before = this.width;
    this.#needs.set(strip, width_px);
    if (this.width === before) return;
    for (const other of this.#needs.keys()) {
      if (other !== strip) queueMicrotask(() => this.#needs.has(other) && other.align());
    }
  }

  leave(strip: Strip): void {
    this.#needs.delete(strip);
  }
}

export class Strip {
  /** Whether it shows states, no numbers. */
  readonly isStates: boolean;
  #plot: uPlot;
  #gutter: Gutter;
  /** seconds */
  #range: [number, number] = [0, 1];
  #lates: (number | null)[] = [];
  #pieces: readonly States[] = [];
  #palette: Palette;
  #onCursor: StripOptions["onCursor"];

  constructor(holder: HTMLElement, height_px: number, options: StripOptions) {
    const size = { width: Math.max(50, holder.clientWidth), height: height_px };
    this.#gutter = options.gutter;
    this.isStates = options.nameOf !== null;
    this.#onCursor = options.onCursor;
    this.#palette = new Palette(options.color);
    const axisWidth = (plot: uPlot, labels: string[] | null) => {
      this.#gutter.need(this, Math.ceil(widest(plot.ctx, labels ?? [])) + AXIS_GAP);
      return this.#gutter.width;
    };
    const { nameOf } = options;
    const paint = (plot: uPlot) => nameOf && paintStates(plot, this.#pieces, this.#palette, nameOf);
    const options_ = plotOptions(options, () => this.#range, axisWidth, paint);
    this.#plot = new uPlot({ ...size, ...options_ }, [[], [], [], [], []], holder);
    this.#plot.over.addEventListener("dblclick", options.onReset);
  }

  /**
   * @param data  seconds, values, and the values of those that came late
   * @param from  Unix ms
   * @param to  Unix ms
   * @param band  the least and the greatest of what each value stands for
   */
  draw([xs, ys, lates]: [number[], Values, Values?], from: number, to: number, band: [Values, Values] = NO_BAND): void {
    this.#range = [from / 1000, to / 1000];
    this.#lates = lates ?? [];
    const rings = spaced(xs, this.#lates, (RING_GAP * (to - from)) / 1000 / this.columns);
    this.#plot.setData([xs, ys, rings, ...band]);
  }

  /** @param pieces  in order @param from  Unix ms @param to  Unix ms */
  drawStates(pieces: readonly States[], from: number, to: number): void {
    this.#range = [from / 1000, to / 1000];
    this.#pieces = pieces;
    const xs = pieces.map((piece) => piece.from / 1000);
    this.#plot.setData([xs, xs.map(() => 0), [], [], []]);
    if (leftOf(this.#plot) !== null) this.#onCursor(leftOf(this.#plot)); // another state may be there now
  }

  /** Where the cursor is, and in which states it was then. */
  get pointed(): { ms: number; states: States | undefined } | null {
    const { left } = this.#plot.cursor;
    if (left === undefined || left < 0) return null;
    const ms = this.#plot.posToVal(left, "x") * 1000;
    return { ms, states: this.#pieces.find(({ from, to }) => from <= ms && ms < to) };
  }

  /** What is over the drawing: where the mouse and fingers are. */
  get over(): HTMLElement {
    return this.#plot.over;
  }

  /** How many points beside each other can be told apart. */
  get columns(): number {
    return Math.max(1, Math.round(this.#plot.over.clientWidth));
  }

  /** Draw it anew, for the axis has become wider or narrower. */
  align(): void {
    this.#plot.redraw(true, true);
  }

  resize(width_px: number, height_px: number): void {
    if (width_px !== this.#plot.width || height_px !== this.#plot.height)
      this.#plot.setSize({ width: width_px, height: height_px });
  }

  /** The value of a point, and whether it came late. */
  at(index: number): [ts: number, value: number | null | undefined, isLate: boolean] {
    const [xs, ys] = this.#plot.data;
    return [(xs[index] ?? 0) * 1000, ys?.[index], typeof this.#lates[index] === "number"];
  }

  destroy(): void {
    this.#gutter.leave(this);
    this.#plot.destroy();
  }
}

/** Of values close to each other the first alone. @param gap_s  closer than that */
function spaced(xs: number[], values: (number | null)[], gap_s: number): (number | null)[] {
  let last = -Infinity;
  return xs.map((x, index) => {
    const value = values[index] ?? null;
    if (value === null || x - last < gap_s) return null;
    last = x;
    return value;
  });
}

function plotOptions(
  { color, nameOf, times, onCursor, onZoom }: StripOptions,
  range: () => [number, number],
  axisWidth: (plot: uPlot, labels: string[] | null) => number,
  paint: (plot: uPlot) => void,
): Omit<uPlot.Options, "width" | "height"> {
  const [muted, line, stroke, late] = ["--faint", "--line", `--series-${color}`, "--warn"].map(styled);
  const axis = {
    stroke: muted,
    font: FONT,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    border: { show: false },
  };
  const points = { size: 4, fill: stroke ?? "" };
  return {
    padding: [8, PADDING_RIGHT, 0, 0],
    legend: { show: false },
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone()), // days begin where they do there
    cursor: {
      sync: { key: "time" },
      drag: { x: true, y: false },
      y: false,
      points: { size: 7, fill: stroke ?? "", ...(nameOf && { show: false }) },
    },
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: { time: true, range: () => range() },
      y: { range: (_plot, low, high) => (nameOf ? [0, 1] : rangeOf(low, high)) },
    },
    axes: [
      { ...axis, size: times ? 38 : 6, gap: 6, values: times ? timeLabels : () => [], space: 80 },
      { ...axis, size: axisWidth, gap: AXIS_GAP, space: 28, ...(nameOf ? NO_VALUES : NUMBERS) },
    ],
    series: [
      {},
      {
        stroke: stroke ?? "",
        width: 1.6,
        fill: `${stroke}1c`,
        spanGaps: false,
        points,
        ...(nameOf && { paths: () => null, points: { show: false } }),
      },
      { stroke: late ?? "", paths: () => null, points: { show: true, size: 9, width: 1.5, fill: "transparent" } }, // rings
      { ...EDGE }, // of the band: the least
      { ...EDGE }, // and the greatest
    ],
    bands: [{ series: [4, 3], fill: `${stroke}33` }],
    hooks: {
      setCursor: [(plot) => onCursor(nameOf ? leftOf(plot) : (plot.cursor.idx ?? null))],
      setSelect: [(plot) => zoom(plot, onZoom)],
      draw: [paint],
    },
  };
}

const EDGE: uPlot.Series = { stroke: "transparent", width: 0, spanGaps: false, points: { show: false } };
const NUMBERS: Partial<uPlot.Axis> = {
  values: (_plot, splits, _axis, _space, step) => splits.map((value) => formatTick(value, step)),
};
const NO_VALUES: Partial<uPlot.Axis> = { splits: () => [], values: () => [] };

function styled(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Pixels; null: the cursor isn't there. */
function leftOf({ cursor: { left } }: uPlot): number | null {
  return left !== undefined && left >= 0 ? left : null;
}

function zoom(plot: uPlot, onZoom: (from: number, to: number) => void) {
  const { left, width } = plot.select;
  if (width < 4) return;
  const [from, to] = [plot.posToVal(left, "x") * 1000, plot.posToVal(left + width, "x") * 1000];
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (to - from >= 1000) onZoom(from, to);
}

/** Some room around the values, also around a single one. */
function rangeOf(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low)) return [0, 1];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.05 || 1;
  return [low - room, high + room];
}

/** Pixels of the widest label. */
function widest(context: CanvasRenderingContext2D, labels: string[]): number {
  context.save();
  context.font = FONT;
  const width = Math.max(0, ...labels.map((label) => context.measureText(label).width));
  context.restore();
  return width;
}

/** @param step  seconds */
function timeLabels(_plot: uPlot, splits: number[], _axis: number, _space: number, step: number) {
  return formatTimeAxis(splits.map((split) => split * 1000), step * 1000);
}
