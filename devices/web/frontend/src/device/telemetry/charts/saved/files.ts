/** What the charts show, as a file to keep. Loaded when somebody wants one. */

import { getSeries } from "../../../../data/rest";
import { formatTime } from "../../../../lib/format.js";
import { zone, zoneNote } from "../../../../words/locale.js";
import { csvOf, linesOf } from "./csv.js";
import type { Line } from "./csv.js";
import type { Source } from "../following";
import type { Stretch } from "../stretch";

const MARGIN = 16;
const TITLE = 40;
const HEAD = 26;
const POINTS_A_COLUMN = 0.5;

/** @throws {Error} what is shown could not be had */
export async function saveCsv(sources: readonly Source[], metrics: readonly string[], stretch: Stretch): Promise<void> {
  const [from, to] = stretch.now().map(Math.round) as [number, number];
  const lines = stretch.isLong.peek() ? await linesOfLong(sources, metrics, stretch, [from, to]) : linesOfReadings(sources, metrics, [from, to]);
  save(new Blob([csvOf(lines)], { type: "text/csv" }), `${nameOf(sources, from)}.csv`);
}

async function linesOfLong(sources: readonly Source[], metrics: readonly string[], stretch: Stretch, [since, until]: [number, number]) {
  const points = Math.max(200, Math.ceil(stretch.columns.peek() * POINTS_A_COLUMN));
  const query = { since, until, points, fields: "min,max,mean,shares" };
  const { series } = await getSeries(sources.map(({ key }) => key), metrics, query, AbortSignal.timeout(60_000));
  return series.flatMap(linesOf);
}

function linesOfReadings(sources: readonly Source[], metrics: readonly string[], [from, to]: [number, number]): Line[] {
  return sources.flatMap(({ key, past }) =>
    metrics.flatMap((metric) => past.of(metric).between(from, to).map(([ts, value]): Line => [ts, key, metric, value])),
  );
}

/** The charts that are drawn, below each other. @throws {Error} the browser can't */
export async function savePng(root: HTMLElement, sources: readonly Source[], stretch: Stretch): Promise<void> {
  const charts = [...root.querySelectorAll<HTMLElement>(".chart")].filter((chart) => chart.querySelector("canvas"));
  const heights = charts.map((chart) => HEAD + chart.querySelector("canvas")!.clientHeight);
  const width = root.clientWidth + 2 * MARGIN;
  const canvas = document.createElement("canvas");
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = (TITLE + heights.reduce((one, other) => one + other, 0) + MARGIN) * ratio;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("canvas");
  context.scale(ratio, ratio);
  const [from, to] = stretch.now();
  const styles = getComputedStyle(root);
  context.fillStyle = getComputedStyle(root.closest(".panel") ?? root).backgroundColor;
  context.fillRect(0, 0, width, canvas.height);
  context.fillStyle = styles.color;
  write(context, `${sources.map(({ key }) => key).join(", ")}, ${formatTime(from)} – ${formatTime(to)}, ${zoneNote(to)}`, 14, MARGIN, 26);
  let top = TITLE;
  charts.forEach((chart, index) => {
    const drawn = chart.querySelector("canvas")!;
    write(context, chart.querySelector("h3")?.textContent ?? "", 12, MARGIN, top + 17);
    context.drawImage(drawn, MARGIN, top + HEAD, drawn.clientWidth, drawn.clientHeight);
    top += heights[index] ?? 0;
  });
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!blob) throw new Error("canvas");
  save(blob, `${nameOf(sources, from)}.png`);
}

function write(context: CanvasRenderingContext2D, text: string, px: number, x: number, y: number) {
  context.font = `${px}px system-ui, sans-serif`;
  context.fillText(text, x, y);
}

/** demo_room_2026-12-01T10-30-00 */
function nameOf(sources: readonly Source[], from: number): string {
  const begin = new Date(from).toLocaleString("sv-SE", { timeZone: zone() }).replace(" ", "T").replaceAll(":", "-");
  return `${sources[0]?.key.replaceAll("/", "_") ?? ""}_${begin}`;
}

function save(blob: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
