/** One metric's chart: uPlot in the page's colours. */

import uPlot from "uplot";

import { formatNumber } from "../lib/format.js";

const AXIS_WIDTH = 58;
const FONT = "11px system-ui, sans-serif";

/**
 * @typedef {object} StripOptions
 * @property {number} color  1…6
 * @property {boolean} binary  on and off, drawn in steps
 * @property {boolean} times  whether it shows the axis of time
 * @property {(index: number | null) => void} onCursor  the point under the cursor
 * @property {(from: number, to: number) => void} onZoom  Unix ms
 * @property {() => void} onReset
 */

export class Strip {
  #plot;
  /** @type {[number, number]} seconds */ #range = [0, 1];

  /** @param {HTMLElement} holder @param {number} height_px @param {StripOptions} options */
  constructor(holder, height_px, options) {
    const size = { width: Math.max(50, holder.clientWidth), height: height_px };
    this.#plot = new uPlot({ ...size, ...plotOptions(options, () => this.#range) }, [[], []], holder);
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
    this.#plot.destroy();
  }
}

/**
 * @param {StripOptions} options
 * @param {() => [number, number]} range
 * @returns {Omit<uPlot.Options, "width" | "height">}
 */
function plotOptions({ color, binary, times, onCursor, onZoom }, range) {
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
    padding: [8, 10, 0, 0],
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
      { ...axis, size: AXIS_WIDTH, gap: 8, space: 28, ...(binary ? ON_OFF : NUMBERS) },
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
const NUMBERS = { values: (_plot, splits) => splits.map(formatTick) };
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

/** @param {number} value */
function formatTick(value) {
  return Number.isInteger(value) || Math.abs(value) < 1e-4
    ? formatNumber(Math.abs(value) < 1e-12 ? 0 : value)
    : String(Number(value.toPrecision(6)));
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
