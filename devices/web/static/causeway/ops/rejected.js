/** Rejected messages: nobody's, or over a limit. Found by topic, for a device that never shows up. */

import { formatTime } from "../lib/format.js";
import { html } from "../ui/html.js";
import { grouped } from "./ledger.js";
import { lookAtRejected, rejected, topic } from "./store.js";

/** @import {RejectedTopic} from "../client/types.js" */

export function RejectedPanel() {
  const found = rejected.value;
  const typed = (/** @type {Event} */ event) => {
    topic.value = /** @type {HTMLInputElement} */ (event.target).value;
    lookAtRejected();
  };
  return html`<section class="panel rejected" aria-labelledby="rejected-title">
    <div class="panel-head"><h2 id="rejected-title">Rejected</h2>
      <input class="field mono" type="search" placeholder="Find by topic" aria-label="Find by topic"
        value=${topic.value} onInput=${typed} /></div>
    ${found === null || found.length === 0 ? html`<${Nothing} known=${found !== null} />` : html`<${Table} found=${found} />`}
  </section>`;
}

/** @param {{known: boolean}} props */
function Nothing({ known }) {
  const text = topic.value ? `Nothing on topics with ${topic.value}.` : "Nothing was rejected.";
  return html`<p class="blank" aria-busy=${!known}>${known ? text : "…"}</p>`;
}

/** @param {{found: RejectedTopic[]}} props */
function Table({ found }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Rejected messages"><table class="ops-table">
    <thead><tr><th>Last</th><th>Topic</th><th>Reason</th><th>Payload</th><th class="num">Times</th></tr></thead>
    <tbody>${found.map(
      (one) => html`<tr key=${`${one.gateway} ${one.reason} ${one.topic}`}>
        <td class="when">${formatTime(Date.parse(one.last_at))}</td>
        <td class="mono wrap">${one.topic}</td>
        <td><code>${one.reason}</code></td>
        <td><code class="payload">${one.payload}</code></td>
        <td class="num">${grouped(one.count)}</td></tr>`,
    )}</tbody>
  </table></div>`;
}
