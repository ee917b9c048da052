/** One metric's chart: uPlot in the page's colours. */

import uPlot from "uplot";

import { formatTick } from "../lib/format.js";

const AXIS_WIDTH = 58; // at least
const AXIS_GAP = 8;
const FONT = "11px system-ui, sans-serif";
const PADDING_RIGHT = 10;

/**
 * @typedef {object} StripOptions
 * @property {number} color  1…6
 * @property {boolean} binary  on and off, drawn in steps
 * @property {boolean} times  whether it shows the axis of time
 * @property {(index: number | null) => void} onCursor  the point under the cursor
 * @property {(from: number, to: number) => void} onZoom  Unix ms
 * @property {() => void} onReset
 * @property {Gutter} gutter  shared with the other strips
 */

/** How wide the axes of values are: as the widest label of any strip needs. */
export class Gutter {
  /** @type {Map<Strip, number>} */ #needs = new Map();

  get width() {
    return Math.max(AXIS_WIDTH, ...this.#needs.values());
  }

  /** A strip's labels take so many pixels; the others follow. @param {Strip} strip @param {number} width_px */
  need(strip, width_px) {
    const before = this.width;
    this.#needs.set(strip, width_px);
    if (this.width === before) return;
    for (const other of this.#needs.keys()) if (other !== strip) queueMicrotask(() => this.#needs.has(other) && other.align());
  }

  /** @param {Strip} strip */
  leave(strip) {
    this.#needs.delete(strip);
  }
}

export class Strip {
  #plot;
  #gutter;
  /** @type {[number, number]} seconds */ #range = [0, 1];

  /** @param {HTMLElement} holder @param {number} height_px @param {StripOptions} options */
  constructor(holder, height_px, options) {
    const size = { width: Math.max(50, holder.clientWidth), height: height_px };
    this.#gutter = options.gutter;
    const axisWidth = (/** @type {uPlot} */ plot, /** @type {string[] | null} */ labels) => {
      this.#gutter.need(this, Math.ceil(widest(plot.ctx, labels ?? [])) + AXIS_GAP);
      return this.#gutter.width;
    };
    const options_ = plotOptions(options, () => this.#range, axisWidth);
    this.#plot = new uPlot({ ...size, ...options_ }, [[], []], holder);
    this.#plot.over.addEventListener("dblclick", options.onReset);
  }

  /**
   * @param {[number[], (number | null)[]]} data  seconds, values
   * @param {number} from Unix ms
   * @param {number} to Unix ms
   */
  draw(data, from, to) {
    this.#range = [from / 1000, to / 1000];
    this.#plot.setData(data);
  }

  /** How many points beside each other can be told apart. */
  get columns() {
    return Math.max(1, Math.round(this.#plot.over.clientWidth));
  }

  /** Draw it anew, for the axis has become wider or narrower. */
  align() {
    this.#plot.redraw(true, true);
  }

  /** @param {number} width_px @param {number} height_px */
  resize(width_px, height_px) {
    if (width_px !== this.#plot.width || height_px !== this.#plot.height)
      this.#plot.setSize({ width: width_px, height: height_px });
  }

  /** The value of a point. @param {number} index @returns {[ts: number, value: number | null | undefined]} */
  at(index) {
    return [(this.#plot.data[0][index] ?? 0) * 1000, this.#plot.data[1]?.[index]];
  }

  destroy() {
    this.#gutter.leave(this);
    this.#plot.destroy();
  }
}

/**
 * @param {StripOptions} options
 * @param {() => [number, number]} range
 * @param {(plot: uPlot, labels: string[] | null) => number} axisWidth
 * @returns {Omit<uPlot.Options, "width" | "height">}
 */
function plotOptions({ color, binary, times, onCursor, onZoom }, range, axisWidth) {
  const [muted, line, stroke] = ["--faint", "--line", `--series-${color}`].map(styled);
  const axis = {
    stroke: muted,
    font: FONT,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    border: { show: false },
  };
  const points = { size: 4, fill: stroke ?? "" };
  const paths = uPlot.paths.stepped?.({ align: 1 });
  return {
    padding: [8, PADDING_RIGHT, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: "time" },
      drag: { x: true, y: false },
      y: false,
      points: { size: 7, fill: stroke ?? "" },
    },
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: { time: true, range: () => range() },
      y: { range: (_plot, low, high) => (binary ? [-0.15, 1.15] : rangeOf(low, high)) },
    },
    axes: [
      { ...axis, size: times ? 26 : 6, gap: 6, values: times ? timeLabels : () => [], space: 80 },
      { ...axis, size: axisWidth, gap: AXIS_GAP, space: 28, ...(binary ? ON_OFF : NUMBERS) },
    ],
    series: [
      {},
      {
        stroke: stroke ?? "",
        width: 1.6,
        fill: `${stroke}1c`,
        spanGaps: false,
        points,
        ...(binary && paths && { paths }),
      },
    ],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setSelect: [(plot) => zoom(plot, onZoom)],
    },
  };
}

/** @type {Partial<uPlot.Axis>} */
const NUMBERS = {
  values: (_plot, splits, _axis, _space, step) => splits.map((value) => formatTick(value, step)),
};
/** @type {Partial<uPlot.Axis>} */
const ON_OFF = { splits: () => [0, 1], values: () => ["off", "on"] };

/** @param {string} name */
function styled(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** @param {uPlot} plot @param {(from: number, to: number) => void} onZoom */
function zoom(plot, onZoom) {
  const { left, width } = plot.select;
  if (width < 4) return;
  const [from, to] = [plot.posToVal(left, "x") * 1000, plot.posToVal(left + width, "x") * 1000];
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  if (to - from >= 1000) onZoom(from, to);
}

/**
 * Some room around the values, also around a single one.
 * @param {number | null} low
 * @param {number | null} high
 * @returns {[number, number]}
 */
function rangeOf(low, high) {
  if (low === null || high === null || !Number.isFinite(low)) return [0, 1];
  const room = (high - low) * 0.12 || Math.abs(high) * 0.05 || 1;
  return [low - room, high + room];
}

/** Pixels of the widest label. @param {CanvasRenderingContext2D} context @param {string[]} labels */
function widest(context, labels) {
  context.save();
  context.font = FONT;
  const width = Math.max(0, ...labels.map((label) => context.measureText(label).width));
  context.restore();
  return width;
}

/**
 * @param {uPlot} _plot
 * @param {number[]} splits
 * @param {number} _axis
 * @param {number} _space
 * @param {number} step  seconds
 */
function timeLabels(_plot, splits, _axis, _space, step) {
  const seconds = step < 60 ? /** @type {const} */ ({ second: "2-digit" }) : {};
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", ...seconds });
  return splits.map((split) => clock.format(split * 1000));
}
