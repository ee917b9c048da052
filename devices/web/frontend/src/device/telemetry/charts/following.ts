/** Has what charts show loaded and drawn, as time goes on. */

import { effect, untracked } from "@preact/signals";

import { serverNow } from "../../../data/clock";
import type { History } from "../../../lib/history.js";
import type { Strip } from "../../../ui/strip";
import { joined } from "./drawings.js";
import { joinedPieces, piecesOf } from "./states.js";
import type { Overviews } from "./overviews";
import type { Stretch } from "./stretch";

const REDRAW_MS = 250;
const LOOK_MS = 1_000;
const SETTLED_MS = 120; // while a stretch is moved by hand, nothing is asked for
const POINTS_A_COLUMN = 0.5; // of a long stretch
const LEAST_POINTS = 200;
const LOADING_MS = 500; // while history comes, one chunk after the other
const LIVE_MS = 2_000; // what comes behind a long stretch
const SHARE = 1 / 5_000; // of the stretch: what is new within that shows in the next redraw
const HALF_A_PIXEL = 1 / 2_000; // of the stretch

/** Whose metrics are drawn. */
export interface Source {
  readonly key: string;
  /** its readings, one by one */
  readonly past: History;
  /** what it has of long stretches */
  readonly overviews: Overviews;
}

/** Have what a stretch shows, as it moves, of the charts that are seen. @returns stops it */
export function follow(source: Source, stretch: Stretch): () => void {
  return stretch.isLong.peek() ? followLong(source, stretch) : source.past.show(() => untracked(() => stretch.now()[0]));
}

function followLong({ overviews, past }: Source, stretch: Stretch): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked_ms = -Infinity;
  const ask = () => {
    asked_ms = performance.now();
    const [from, to] = stretch.now();
    const points = Math.max(LEAST_POINTS, Math.ceil(stretch.columns.value * POINTS_A_COLUMN));
    const names = stretch.names.peek();
    const metrics = [...stretch.seen.value];
    const next = names.slice(Math.max(...metrics.map((name) => names.indexOf(name))) + 1);
    if (metrics.length > 0 && stretch.columns.value > 0 && !document.hidden)
      overviews.want({ metrics, next, from, to, points, moves: stretch.zoomed.value === null || to > serverNow() });
  };
  const stop = effect(() => {
    const [zoomed, minutes, seen, columns] = [stretch.zoomed.value, stretch.minutes.value, stretch.seen.value, stretch.columns.value];
    if (!(zoomed || minutes) || seen.size === 0 || columns === 0) return;
    clearTimeout(timer);
    if (performance.now() - asked_ms > 2 * SETTLED_MS) untracked(ask);
    else timer = setTimeout(ask, SETTLED_MS);
  });
  const release = past.show(() => untracked(() => overviews.until));
  const reach = effect(() => {
    overviews.version.value;
    untracked(() => past.reach(overviews.until));
  });
  const looking = setInterval(ask, LOOK_MS);
  return () => {
    stop();
    reach();
    release();
    clearTimeout(timer);
    clearInterval(looking);
    overviews.stop();
  };
}

/**
 * Draw four times a second while anybody can see it, and at once when another stretch is chosen.
 *
 * @returns stops it
 */
export function animate(name: string, strip: Strip, source: Source, stretch: Stretch): () => void {
  return repeated(stretch.isLong.peek() ? drawLong(name, strip, source, stretch) : drawReadings(name, strip, source, stretch));
}

function paint(name: string, strip: Strip, { overviews, past }: Source, stretch: Stretch) {
  const [from, to] = stretch.now();
  const [series, isLong] = [past.of(name), stretch.isLong.peek()];
  const { drawing, pieces, until } = overviews.of(name);
  const end = Math.min(to, serverNow());
  if (strip.isStates && isLong) strip.drawStates(joinedPieces(pieces, series.between(until, to), until, end), from, to);
  else if (strip.isStates) strip.drawStates(piecesOf(series.between(from, to, true), end), from, to);
  else if (!isLong) strip.draw(series.view(from, to, strip.columns), from, to);
  else {
    const { xs, ys, lows, highs } = joined(drawing, series.view(until, to, strip.columns), until);
    strip.draw([xs, ys], from, to, [lows, highs]);
  }
}

function repeated(draw: () => void): () => void {
  const stop = effect(draw);
  const timer = setInterval(draw, REDRAW_MS);
  return () => {
    stop();
    clearInterval(timer);
  };
}

/** Draws what a long stretch shows, when there is news of it or it has moved. */
function drawLong(name: string, strip: Strip, source: Source, stretch: Stretch): () => void {
  const { overviews, past } = source;
  let drawn = { version: -1, live: -1, from: 0, to: 0, at: 0 };
  return () => {
    if (strip.columns > 1) stretch.columns.value = strip.columns; // before, it isn't laid out
    const [from, to] = stretch.now();
    const [version, live] = [overviews.version.value, past.version.peek()];
    const isNews = version !== drawn.version || (live !== drawn.live && performance.now() - drawn.at >= LIVE_MS);
    if (document.hidden || (!isNews && !hasMoved(drawn, from, to))) return;
    drawn = { version, live, from, to, at: performance.now() };
    paint(name, strip, source, stretch);
  };
}

/** Draws reading by reading. */
function drawReadings(name: string, strip: Strip, source: Source, stretch: Stretch): () => void {
  const { past } = source;
  let drawn = { version: -1, from: 0, to: 0, at: 0 };
  return () => {
    const [from, to] = stretch.now();
    const version = past.version.peek();
    const pace_ms = past.loading.peek() ? LOADING_MS : (to - from) * SHARE;
    const isNews = version !== drawn.version && performance.now() - drawn.at >= pace_ms;
    if (document.hidden || (!isNews && !hasMoved(drawn, from, to))) return;
    drawn = { version, from, to, at: performance.now() };
    paint(name, strip, source, stretch);
  };
}

function hasMoved(drawn: { from: number; to: number }, from: number, to: number): boolean {
  return Math.max(Math.abs(from - drawn.from), Math.abs(to - drawn.to)) >= (to - from) * HALF_A_PIXEL;
}
