/** Numbers that a browser can't keep as they are written. Pure. */

import { t } from "../../words/words.js";

// What stands between quotes is passed over.
const TEXT_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Why a JSON text, typed by somebody, must not be sent: a number in it would become another one. "" if none would.
 * @param {string} text  valid JSON
 */
export function inexact(text) {
  const found = (text.match(TEXT_OR_NUMBER) ?? []).find((token) => !token.startsWith('"') && !isKept(token));
  return found ? t("exact.lost", { number: found }) : "";
}

/** @param {string} token  a number */
function isKept(token) {
  const number = Number(token);
  return /^-?\d+$/.test(token) ? Number.isSafeInteger(number) : Number.isFinite(number);
}
