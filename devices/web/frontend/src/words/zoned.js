/** Moments as clocks in a time zone show them, for fields of date and time, and back. Pure. */

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * Date and time there, as `<input type="datetime-local">` has it: 2026-12-01T10:30:00.
 * @param {number} ms  Unix ms @param {string} zone
 */
export function clockOf(ms, zone) {
  const parts = Object.fromEntries(format(zone).formatToParts(ms).map(({ type, value }) => [type, value]));
  const { year = "", month, day, hour, minute, second } = parts;
  return `${year.padStart(4, "0")}-${month}-${day}T${hour}:${minute}:${second}`;
}

/**
 * The moment at which clocks there show it. Of two such moments, when clocks are put back, the earlier; where there is none, because they are
 * put forward, it is as much later as they are.
 * @param {string} text  with or without seconds @param {string} zone
 * @returns {number | null} Unix ms; null: it is no time
 */
export function momentOf(text, zone) {
  const asUtc = Date.parse(`${text}Z`);
  if (Number.isNaN(asUtc)) return null;
  const moments = [asUtc - 86_400_000, asUtc + 86_400_000].map((near) => asUtc - offset(near, zone));
  const right = moments.filter((ms) => asUtc - offset(ms, zone) === ms);
  return right.length > 0 ? Math.min(...right) : Math.max(...moments);
}

/** What clocks there are ahead of UTC, ms. @param {number} ms @param {string} zone */
function offset(ms, zone) {
  return Date.parse(`${clockOf(ms, zone)}Z`) - Math.floor(ms / 1000) * 1000;
}

/** @param {string} zone */
function format(zone) {
  const numeric = /** @type {const} */ ("2-digit");
  const wanted = { month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric };
  const known = formats.get(zone) ?? new Intl.DateTimeFormat("en-GB", { ...wanted, year: "numeric", hourCycle: "h23", timeZone: zone });
  formats.set(zone, known);
  return known;
}
