/** Reported beside desired, differences first to the eye; operators change desired by merge patch. */

import { signal } from "@preact/signals";

import { RequestError } from "../client/requests.js";
import { inexact } from "../lib/exact.js";
import { formatJson } from "../lib/format.js";
import { client, status } from "../live.js";
import { may } from "../page.js";
import { isObject } from "../client/stream.js";
import { compare, patchFor } from "../lib/twin.js";
import { html } from "../ui/html.js";
import { Icon } from "../ui/icons.js";
import { key, state } from "./store.js";

/** @import {JsonObject} from "../client/types.js" */
/** @import {TwinRow} from "../lib/twin.js" */

/**
 * The patch being written; null: the editor is shut.
 * @type {import("@preact/signals").Signal<string | null>}
 */
const draft = signal(null);
/** The version that the draft was begun on: a change by somebody else meanwhile is a conflict. */
const base = signal(0);
const busy = signal(false);
const mayDesire = may("devices.desired");
const problem = signal("");

export function StatePanel() {
  const twin = state.value;
  const rows = compare(twin?.reported ?? {}, twin?.desired ?? {});
  const pending = rows.filter((row) => row.status === "pending").length;
  return html`<section class="panel state" aria-labelledby="state-title">
    <div class="panel-head">
      <h2 id="state-title">State</h2>
      ${pending > 0 && html`<span class="chip warn">${pending} pending</span>`}
      ${
        twin &&
        twin.desired_version > 0 &&
        html`<span class="chip" title="Version of the desired state">v${twin.desired_version}</span>`
      }
      ${mayDesire && html`<button class="button small" onClick=${() => edit("{\n  \n}")}>Set desired…</button>`}
    </div>
    ${draft.value !== null && html`<${Editor} />`}
    ${rows.length > 0 ? html`<${Rows} rows=${rows} />` : html`<p class="blank">${twin ? "Nothing reported, nothing desired." : "…"}</p>`}
  </section>`;
}

/** @param {{rows: TwinRow[]}} props */
function Rows({ rows }) {
  return html`<div class="scroll"><table class="twin">
    <thead><tr><th scope="col">Path</th><th scope="col">Reported</th><th scope="col">Desired</th></tr></thead>
    <tbody class="live">${rows.map((row) => html`<${Row} key=${row.path.join("\n")} row=${row} />`)}</tbody>
  </table></div>`;
}

/** @param {{row: TwinRow}} props */
function Row({ row }) {
  const { path, reported, desired } = row;
  const shown = [reported, desired].map(formatJson);
  const change = () => edit(JSON.stringify(patchFor(path, desired ?? reported ?? null), null, 2));
  return html`<tr class=${row.status}>
    <th scope="row" title=${path.join(".")}>
      ${path.slice(0, -1).map((name) => html`<span class="faint">${name}.</span><wbr />`)}${path.at(-1)}</th>
    <td><span key=${shown[0]} class=${reported === undefined ? "faint" : "flash"}>${shown[0] || "–"}</span></td>
    <td class="desired">
      <span key=${shown[1]} class="flash">${shown[1]}</span>
      ${row.status === "met" && html`<span class="agreed" title="Reported as desired"><${Icon} name="check" /></span>`}
      ${
        mayDesire &&
        html`<button class="button bare small change" aria-label=${`Set desired ${path.join(".")}`} onClick=${change}>
        <${Icon} name="pencil" /></button>`
      }
    </td>
  </tr>`;
}

/** @param {string} text */
function edit(text) {
  draft.value = text;
  base.value = state.value?.desired_version ?? 0;
  problem.value = "";
}

function Editor() {
  const text = draft.value ?? "";
  const wrong = complaint(text);
  const typed = (/** @type {Event} */ event) =>
    (draft.value = /** @type {HTMLTextAreaElement} */ (event.target).value);
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") draft.value = null;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !wrong) submit();
  };
  const sent = (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  };
  const off = wrong !== "" || busy.value || status.value !== "live";
  return html`<form class="editor" onSubmit=${sent} onKeyDown=${keys}>
    <label class="label" for="patch">Merge patch on desired: <code>null</code> removes, what is left out stays</label>
    <textarea class="field" id="patch" rows=${Math.min(12, Math.max(3, text.split("\n").length))} spellcheck="false"
      ref=${focusOnce} value=${text} aria-invalid=${wrong !== ""} onInput=${typed} />
    <p class="error-text" role="alert">${problem.value || (text.trim() === "" ? "" : wrong)}</p>
    <div class="editor-end">
      <button class="button" type="button" onClick=${() => (draft.value = null)}>Cancel</button>
      <button class="button primary" disabled=${off}>${busy.value ? "Setting…" : "Set desired"}</button>
    </div>
  </form>`;
}

/** @param {HTMLTextAreaElement | null} field */
function focusOnce(field) {
  if (!field || field.dataset["focused"]) return;
  field.dataset["focused"] = "yes";
  field.focus();
  const at = field.value.startsWith("{\n  \n") ? 4 : field.value.length;
  field.setSelectionRange(at, at);
}

/** What is wrong with a patch, "" if nothing. @param {string} text */
function complaint(text) {
  try {
    return isObject(JSON.parse(text)) ? inexact(text) : "A merge patch is a JSON object.";
  } catch (error) {
    return `Not JSON yet: ${/** @type {Error} */ (error).message}`;
  }
}

async function submit() {
  const patch = /** @type {JsonObject} */ (JSON.parse(draft.value ?? "{}"));
  busy.value = true;
  try {
    await client.desired(key, patch, { if_version: base.value });
    draft.value = null;
  } catch (error) {
    problem.value = explained(error);
    base.value = state.value?.desired_version ?? 0;
  }
  busy.value = false;
}

/** @param {unknown} error */
function explained(error) {
  if (!(error instanceof RequestError)) return String(error);
  if (error.code === "conflict")
    return "Somebody else changed desired meanwhile. Look at it again; a second try applies your patch to that.";
  if (error.code === "timeout" || error.code === "disconnected")
    return `${error.message} The state shows whether it was set.`;
  return error.message;
}
