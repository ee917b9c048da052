/** What the device sent and what was not taken as it came: its quarantine, and notes on single values. */

import { formatTime } from "../lib/format.js";
import { page } from "../page.js";
import { html } from "../ui/html.js";
import { key, notes, quarantined, state } from "./store.js";

/** @import {Note, QuarantinedMessage} from "../client/types.js" */

const SHOWN_CHARS = 160;

/** Nothing that the device ever sent became a value or a state: its page would look as if it had said nothing. */
export function isNotUnderstood() {
  const twin = state.value;
  if (!twin || quarantined.value.items.length === 0) return false;
  return Object.keys(twin.metrics).length === 0 && Object.keys(twin.reported).length === 0;
}

export function RefusedPanel() {
  const { items, more } = quarantined.value;
  if (items.length === 0 && notes.value.length === 0) return null;
  return html`<section class="panel refused" id="refused" aria-labelledby="refused-title">
    <div class="panel-head"><h2 id="refused-title">Not taken as it came</h2>
      ${items.length > 0 && html`<span class="chip warn">${items.length}${more && "+"} in quarantine</span>`}</div>
    ${isNotUnderstood() && html`<p class="refused-all"><strong>No message of this device could be understood so far.</strong></p>`}
    ${
      items.length > 0 &&
      html`<div class="scroll" tabindex="0" role="region" aria-label="Messages in quarantine"><table class="ops-table">
        <thead><tr><th>Received</th><th>Topic</th><th>Reason</th><th>Payload</th></tr></thead>
        <tbody>${items.map((one) => html`<${Message} key=${one.id} message=${one} />`)}</tbody>
      </table></div>
      <p class="refused-more"><a href=${`${page.base}/ops?device=${encodeURIComponent(key)}`}>Its whole quarantine, to replay</a></p>`
    }
    ${
      notes.value.length > 0 &&
      html`<div class="scroll" tabindex="0" role="region" aria-label="Notes on values"><table class="ops-table">
        <thead><tr><th>Last</th><th>Value</th><th>Note</th><th>As it was sent</th><th class="num">Times</th></tr></thead>
        <tbody>${notes.value.map((one) => html`<${Noted} key=${`${one.reason} ${one.metric}`} note=${one} />`)}</tbody>
      </table></div>`
    }
  </section>`;
}

/** @param {{message: QuarantinedMessage}} props */
function Message({ message }) {
  const { topic, reason, detail, received_at, payload } = message;
  return html`<tr>
    <td class="when">${formatTime(Date.parse(received_at))}</td>
    <td class="mono">${topic}</td>
    <td><code>${reason}</code>${detail && html`<br /><span class="muted">${detail}</span>`}</td>
    <td><code class="payload">${payload.slice(0, SHOWN_CHARS)}${payload.length > SHOWN_CHARS && "…"}</code></td>
  </tr>`;
}

/** @param {{note: Note}} props */
function Noted({ note }) {
  return html`<tr>
    <td class="when">${formatTime(Date.parse(note.last_at))}</td>
    <td class="mono">${note.metric || "–"}</td>
    <td><code>${note.reason}</code></td>
    <td><code class="payload">${note.sample.slice(0, SHOWN_CHARS)}</code></td>
    <td class="num">${note.count}</td>
  </tr>`;
}
