/** One plant: its key, how many readings it had, and a button that waters it. */

import { client } from "../causeway/live.js";
import { html } from "../causeway/ui/html.js";

export function Plant({ device, readings }) {
  return html`<li><span class="mono">${device}</span> ${readings} readings <${Water} device=${device} /></li>`;
}

export function Water({ device }) {
  const water = () => client.command(device, "water", { seconds: 5 });
  return html`<button class="button small" onClick=${water}>Water</button>`;
}
