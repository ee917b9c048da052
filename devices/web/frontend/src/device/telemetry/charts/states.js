/** Which state a metric was in, from when to when: booleans, enums, texts. Pure. */

import { longestStep, typicalStep } from "../../../lib/series.js";

/**
 * @import {SeriesAnswer} from "./drawings.js"
 * @import {Scalar} from "#client/types.js"
 *
 * @typedef {object} Piece
 * @property {number} from  Unix ms
 * @property {number} to
 * @property {[value: string, share: number][]} shares  of its time; one alone where it is known exactly
 * @property {boolean} isSilent  nothing came for long: as far as is known it was so
 */

const EMPTY_BUCKETS = 2; // so many beside each other are no silence yet

/**
 * A value holds until the next one; null ends it, and so does the end. Where nothing came for much longer than is usual, it is marked.
 * @param {ArrayLike<[ts: number, value: Scalar]>} points  in order
 * @param {number} end  Unix ms
 * @returns {Piece[]}
 */
export function piecesOf(points, end) {
  const list = Array.from(points);
  const longest = longestStep(list.map(([ts]) => ts));
  /** @type {Piece[]} */ const pieces = [];
  list.forEach(([from, value], index) => {
    const to = Math.max(from, list[index + 1]?.[0] ?? end);
    if (value === null || to === from) return;
    const heard = Math.min(to, from + longest);
    extend(pieces, { from, to: heard, shares: [[String(value), 1]], isSilent: false });
    if (heard < to) pieces.push({ from: heard, to, shares: [[String(value), 1]], isSilent: true });
  });
  return pieces;
}

/**
 * What `GET /series` answers: raw values, or of each bucket its states' shares. Between buckets that aren't listed nothing came.
 * @param {SeriesAnswer} series @param {number} end  Unix ms: what it was asked for up to
 * @returns {Piece[]}
 */
export function piecesOfSeries({ bucket_ms, ts, last = [], shares }, end) {
  if (bucket_ms === 0 || !shares) return piecesOf(ts.map((time, index) => [time, last[index] ?? null]), end);
  const longest = typicalStep(ts) + EMPTY_BUCKETS * bucket_ms;
  /** @type {Piece[]} */ const pieces = [];
  ts.forEach((from, index) => {
    const next = ts[index + 1] ?? Infinity;
    const to = Math.min(end, next - from <= longest ? next : from + bucket_ms);
    const sorted = Object.entries(shares[index] ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
    if (sorted.length > 0 && to > from) extend(pieces, { from, to, shares: sorted, isSilent: false });
  });
  return pieces;
}

/**
 * Behind what was asked for up to a time, what has come since.
 * @param {Piece[]} pieces @param {ArrayLike<[ts: number, value: Scalar]>} live  in order @param {number} until @param {number} end  Unix ms
 * @returns {Piece[]}
 */
export function joinedPieces(pieces, live, until, end) {
  const before = pieces.filter(({ from }) => from < until).map((piece) => ({ ...piece, to: Math.min(piece.to, until) }));
  const held = before.at(-1);
  const known = Array.from(live).filter(([ts]) => ts >= until);
  const isExact = held?.shares.length === 1 && held.to === until;
  const begin = known[0]?.[0] ?? end;
  if (held && isExact && begin > until) before.push({ ...held, from: until, to: begin });
  return [...before, ...piecesOf(known, end)];
}

/** What was in a piece at a time. @param {readonly Piece[]} pieces @param {number} ms */
export function pieceAt(pieces, ms) {
  return pieces.find(({ from, to }) => from <= ms && ms < to);
}

/** One that says the same as the last one, and follows it, makes that longer. @param {Piece[]} pieces @param {Piece} piece */
function extend(pieces, piece) {
  const last = pieces.at(-1);
  const isSame = last && last.to === piece.from && !last.isSilent && piece.shares.length === 1 && String(last.shares) === String(piece.shares);
  if (isSame) last.to = piece.to;
  else pieces.push(piece);
}
