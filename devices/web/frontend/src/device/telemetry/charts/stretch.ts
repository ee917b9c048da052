/** The stretch of time that charts beside each other show: the latest minutes, or a time chosen by hand. */

import { batch, computed, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { tell, whileShown } from "../../../document/address";
import { serverNow } from "../../../data/clock";
import { asOf, status } from "../../../data/live";
import { recall, remember } from "../../../document/page";
import { Gutter } from "../../../ui/strip";
import { moved, scaled } from "./moves.js";

export const RANGES: [label: string, minutes: number][] = [
  ["5 min", 5],
  ["15 min", 15],
  ["1 h", 60],
  ["6 h", 360],
];
export const DAY = 24 * 60;
/** In days. */
export const LONG_RANGES = [1, 7, 30, 90, 365];
/** What began longer ago is shown in as many points as there is room for, not reading by reading. */
const LONG_MS = 65 * 60_000;
const SETTLED_MS = 200; // after the last move, until the address says where it is

export class Stretch {
  /** The charts' axes of values are equally wide, so that equal times stand above each other. */
  readonly gutter = new Gutter();
  /** How many points beside each other can be told apart; 0: not known yet. */
  readonly columns = signal(0);
  readonly minutes = signal(recall("charts.minutes", 15));
  /** A stretch chosen by hand, Unix ms; null: the latest `minutes`. */
  readonly zoomed = signal<[from: number, to: number] | null>(null);
  /** Metrics that are drawn, from top to bottom. */
  readonly names = signal<readonly string[]>([]);
  /** Metrics whose charts can be seen, or nearly. */
  readonly seen = signal<ReadonlySet<string>>(new Set());
  #settling: ReturnType<typeof setTimeout> | undefined;

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

  /** A chart has come into view, or has left it. */
  see(name: string, isSeen: boolean): void {
    if (this.seen.peek().has(name) === isSeen) return;
    const seen = new Set(this.seen.peek());
    if (isSeen) seen.add(name);
    else seen.delete(name);
    this.seen.value = seen;
  }

  /** The latest so many minutes. */
  choose(minutes: number): void {
    clearTimeout(this.#settling);
    remember("charts.minutes", minutes);
    tell({ minutes: String(minutes), from: null, to: null });
  }

  /** From when to when, Unix ms; null: the latest minutes again. */
  zoom(stretch: [from: number, to: number] | null): void {
    clearTimeout(this.#settling);
    const [from, to] = stretch?.map((ms) => String(Math.round(ms))) ?? [null, null];
    tell({ from: from ?? null, to: to ?? null });
  }

  /** Earlier or later by a part of its width; less than 0: earlier. It never goes beyond now. */
  move(share: number): void {
    this.#place(moved(this.now(), share, serverNow()));
  }

  /** @param factor  over 1: a longer time @param at  0…1: the part of the width that stays where it is */
  scale(factor: number, at = 0.5): void {
    this.#place(scaled(this.now(), factor, at, serverNow()));
  }

  /** Shown at once; the address follows when it stands still, for browsers allow few changes of it. */
  #place(stretch: [from: number, to: number]) {
    this.zoomed.value = stretch;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.zoom(this.zoomed.peek()), SETTLED_MS);
  }

  /** Show what the address says. @returns stops it */
  followAddress(): () => void {
    return whileShown((address) => {
      const number = (name: string) => Number(address.get(name) ?? NaN);
      const [minutes, from, to] = [number("minutes"), number("from"), number("to")];
      const isRange = RANGES.some(([, value]) => value === minutes) || LONG_RANGES.includes(minutes / DAY);
      batch(() => {
        this.minutes.value = isRange ? minutes : recall("charts.minutes", 15);
        this.#take(from < to ? [from, to] : null);
      });
    });
  }

  #take(stretch: [from: number, to: number] | null) {
    if (String(stretch) !== String(this.zoomed.peek()?.map(Math.round) ?? null)) this.zoomed.value = stretch;
  }
}

export const ChartsContext = createContext<Stretch | null>(null);

export function useStretch(): Stretch {
  const stretch = useContext(ChartsContext);
  if (!stretch) throw new Error("not inside a ChartsContext");
  return stretch;
}
