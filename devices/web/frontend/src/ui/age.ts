/** How long ago something was, or when, where nobody knows what happened since. */

import { agesAt } from "../data/live";
import { formatMoment, formatSpan } from "../lib/format.js";

/** "3 min" ago while values arrive; while nothing does, the moment: "12:03:04". @param ms  Unix ms */
export function ageOf(ms: number): string {
  const at = agesAt.value;
  return at === null ? formatMoment(ms) : formatSpan(at - ms);
}

/** Whether ages are known: values arrive. */
export function areAgesKnown(): boolean {
  return agesAt.value !== null;
}
