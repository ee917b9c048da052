/** Where a JSON text (RFC 8259), typed by somebody, is wrong: by line and column, which browsers say each in its own way or not at all. Pure. */

import { t } from "../../words/words.js";

/** @typedef {"value" | "key" | "colon" | "comma" | "end"} Expected */

/**
 * @typedef {object} Fault
 * @property {number} offset  characters before it
 * @property {number} line  from 1
 * @property {number} column  from 1
 * @property {Expected} expected
 * @property {string} found  the character there; "": the text ends
 */

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Reads along a text, and stands where it is wrong. */
class Reader {
  offset = 0;

  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }

  /** Go past what fits, after blanks. @param {RegExp} pattern  sticky */
  passes(pattern) {
    this.#skip(SPACE);
    return this.#skip(pattern);
  }

  /** The next character after blanks; "": the text ends. */
  get next() {
    this.#skip(SPACE);
    return this.text.charAt(this.offset);
  }

  /** @param {RegExp} pattern */
  #skip(pattern) {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text);
    if (found) this.offset = pattern.lastIndex;
    return found !== null;
  }
}

/** What may stand next. @typedef {Expected | "key or }" | "value or ]"} State */

/** Where a text is no JSON; null: it is. @param {string} text @returns {Fault | null} */
export function faultIn(text) {
  const reader = new Reader(text);
  /** @type {string[]} the brackets that are open */ const open = [];
  /** @type {State} */ let state = "value";
  while (state !== "end" || reader.next !== "") {
    const then = step(reader, state, open);
    if (then === null) return faultAt(text, reader.offset, named(state));
    state = then;
  }
  return null;
}

/** Go past one token. @param {Reader} reader @param {State} state @param {string[]} open @returns {State | null} null: it doesn't fit */
function step(reader, state, open) {
  if (state === "colon") return reader.passes(/:/y) ? "value" : null;
  if (state === "comma") {
    if (reader.passes(/,/y)) return open.at(-1) === "{" ? "key" : "value";
    return closes(reader, open);
  }
  if (state === "key or }" && reader.next === "}") return closes(reader, open);
  if (state === "key" || state === "key or }") return reader.passes(STRING) ? "colon" : null;
  if (state === "value or ]" && reader.next === "]") return closes(reader, open);
  return state === "end" ? null : value(reader, open);
}

/** @param {Reader} reader @param {string[]} open @returns {State | null} */
function value(reader, open) {
  const opening = reader.next;
  if (reader.passes(/[{[]/y)) {
    open.push(opening);
    return opening === "{" ? "key or }" : "value or ]";
  }
  return reader.passes(STRING) || reader.passes(SCALAR) ? after(open) : null;
}

/** @param {Reader} reader @param {string[]} open @returns {State | null} */
function closes(reader, open) {
  if (!reader.passes(open.at(-1) === "{" ? /\}/y : /\]/y)) return null;
  open.pop();
  return after(open);
}

/** After a value. @param {string[]} open @returns {State} */
function after(open) {
  return open.length > 0 ? "comma" : "end";
}

/** @param {State} state @returns {Expected} */
function named(state) {
  return state === "key or }" ? "key" : state === "value or ]" ? "value" : state;
}

/** @param {string} text @param {number} offset @param {Expected} expected @returns {Fault} */
function faultAt(text, offset, expected) {
  const before = text.slice(0, offset).split("\n");
  const found = String.fromCodePoint(text.codePointAt(offset) ?? 0).replace("\0", "");
  return { offset, line: before.length, column: (before.at(-1) ?? "").length + 1, expected, found };
}

/** Line 2, column 5: a comma or a closing bracket is missing before "x". @param {Fault} fault */
export function sayFault({ line, column, expected, found }) {
  const what = expected !== "colon" && found === '"' && expected !== "comma" && expected !== "end" ? "open" : expected;
  const before = found === "" ? t("json.at_end") : t("json.before", { found });
  return t(`json.${what}`, { line, column, before });
}

/** What is wrong with a text as JSON, in words; "": nothing. @param {string} text */
export function wrongIn(text) {
  const fault = faultIn(text);
  return fault ? sayFault(fault) : "";
}
