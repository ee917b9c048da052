/** Paints states over time: a bar a state, its name in it where there is room; several in one bucket stand on each other by their shares. */

import type uPlot from "uplot";

const COLORS = 6;
const TINT = "66"; // of a colour, so that the name in it can be read
const FAINT = "18"; // what is off
const SILENT = "22"; // nothing was heard for long
const ROOM = 6; // pixels beside a name
const FONT_PX = 11;
const SEAM = 1; // pixels between two states

export interface States {
  from: number;
  to: number;
  shares: [value: string, share: number][];
  isSilent: boolean;
}

/** Which colour each state has, by when it was first seen; on and off have the metric's own. */
export class Palette {
  #numbers = new Map<string, number>();

  /** @param own  of the metric, 1…6 */
  constructor(private readonly own: number) {}

  colorOf(value: string, isSilent: boolean): string {
    if (value === "false") return `${styled(this.own)}${FAINT}`;
    const number = value === "true" ? this.own : this.#numberOf(value);
    return `${styled(number)}${isSilent ? SILENT : TINT}`;
  }

  #numberOf(value: string): number {
    const known = this.#numbers.get(value) ?? ((this.own - 1 + this.#numbers.size) % COLORS) + 1;
    this.#numbers.set(value, known);
    return known;
  }
}

/** @param nameOf  what people call a state */
export function paintStates(plot: uPlot, pieces: readonly States[], palette: Palette, nameOf: (value: string) => string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${FONT_PX * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  for (const { from, to, shares, isSilent } of pieces) {
    const left = plot.valToPos(from / 1000, "x", true);
    const width = Math.max(SEAM, plot.valToPos(to / 1000, "x", true) - left - (shares.length === 1 ? SEAM : 0));
    if (left + width < bbox.left || left > bbox.left + bbox.width) continue;
    let bottom = bbox.top + bbox.height;
    for (const [value, share] of shares) {
      const height = bbox.height * share;
      ctx.fillStyle = palette.colorOf(value, isSilent);
      ctx.fillRect(left, bottom - height, width, height);
      bottom -= height;
    }
    const [only] = shares;
    if (shares.length === 1 && only) write(ctx, nameOf(only[0]), Math.max(left, bbox.left), left + width, bbox.top + bbox.height / 2, ratio);
  }
  ctx.restore();
}

function write(ctx: CanvasRenderingContext2D, name: string, left: number, right: number, middle: number, ratio: number) {
  if (ctx.measureText(name).width > right - left - 2 * ROOM * ratio) return;
  ctx.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--text").trim();
  ctx.fillText(name, left + ROOM * ratio, middle);
}

function styled(number: number): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--series-${number}`).trim();
}
