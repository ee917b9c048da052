/** Taking a metric out that the device sends no more. What was measured stays in the history. */

import { signal } from "@preact/signals";

import { may } from "../page.js";
import { removeMetric } from "../rest.js";
import { html } from "../ui/html.js";
import { key, metricNames } from "./store.js";

const mayManage = may("devices.manage");
const chosen = signal("");
/** The metric that is asked about; "": none. */
const asked = signal("");
const problem = signal("");

export function Removal() {
  if (!mayManage) return null;
  const names = metricNames.value;
  const name = names.includes(chosen.value) ? chosen.value : (names[0] ?? "");
  const choose = (/** @type {Event} */ event) =>
    (chosen.value = /** @type {HTMLSelectElement} */ (event.target).value);
  return html`<details class="removal">
    <summary class="muted">Remove a metric</summary>
    <div class="removal-row">
      <select class="field" aria-label="Metric to remove" value=${name} onChange=${choose}>
        ${names.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
      </select>
      <button class="button" onClick=${() => (asked.value = name)}>Remove…</button>
    </div>
    <p class="error-text" role="alert">${problem.value}</p>
    ${asked.value && html`<${Question} name=${asked.value} />`}
  </details>`;
}

/** @param {{name: string}} props */
function Question({ name }) {
  const answer = (/** @type {boolean} */ yes) => () => {
    if (!asked.value) return;
    asked.value = "";
    if (yes) remove(name);
  };
  return html`<dialog class="confirmation" aria-labelledby="removal-title" onClose=${answer(false)}
    ref=${(/** @type {HTMLDialogElement | null} */ dialog) => dialog && !dialog.open && dialog.showModal()}>
    <h3 id="removal-title">Remove <span class="mono">${name}</span> from ${key}?</h3>
    <p class="muted">Its readings stay in the history. If the device sends it again, it is back.</p>
    <p class="editor-end">
      <button class="button" autofocus onClick=${answer(false)}>Cancel</button>
      <button class="button danger" onClick=${answer(true)}>Remove ${name}</button>
    </p>
  </dialog>`;
}

/** @param {string} name */
async function remove(name) {
  problem.value = "";
  try {
    await removeMetric(key, name);
  } catch (error) {
    problem.value = /** @type {Error} */ (error).message;
  }
}
