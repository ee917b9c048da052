/** What happened at a device, as marks on the axis of time: those too close to each other stand together. Pure. */

/**
 * @typedef {"event" | "alert" | "command"} Kind
 * @typedef {object} Happened
 * @property {Kind} kind
 * @property {string} id  told apart by kind and id
 * @property {number} at  Unix ms
 * @property {number | null} [until]  Unix ms, of what lasted; null: it lasts
 * @property {string} text
 *
 * @typedef {object} Mark
 * @property {number} share  0…1: where in the stretch
 * @property {Happened[]} all  in order of time
 *
 * @typedef {{status: string, since: number}} Status
 * @typedef {{status: string, from: number, to: number}} Spell  shares of the stretch
 */

/**
 * @param {readonly Happened[]} happened @param {number} from @param {number} to  Unix ms
 * @param {number} apart  the least distance of two marks, as a share of the stretch
 * @returns {Mark[]}
 */
export function marksOf(happened, from, to, apart) {
  const shown = happened.filter(({ at }) => from <= at && at <= to).sort((one, other) => one.at - other.at);
  /** @type {Mark[]} */ const marks = [];
  for (const one of shown) {
    const share = (one.at - from) / (to - from);
    const last = marks.at(-1);
    if (last && share - last.share < apart) last.all.push(one);
    else marks.push({ share, all: [one] });
  }
  return marks;
}

/**
 * From when to when a device was present or not, as far as is known.
 * @param {readonly Status[]} statuses  in any order @param {number} from @param {number} to @param {number} end  Unix ms: now
 * @returns {Spell[]}
 */
export function spellsOf(statuses, from, to, end) {
  const sorted = [...statuses].sort((one, other) => one.since - other.since);
  const turns = sorted.filter(({ status }, index) => status !== sorted[index - 1]?.status);
  return turns.flatMap(({ status, since }, index) => {
    const [begin, stop] = [Math.max(from, since), Math.min(to, end, turns[index + 1]?.since ?? Infinity)];
    return stop > begin ? [{ status, from: (begin - from) / (to - from), to: (stop - from) / (to - from) }] : [];
  });
}
