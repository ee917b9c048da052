/** One plant: its key, and a button that waters it. */

import { client } from "../causeway/live.js";
import { html } from "../causeway/ui/html.js";

export function Plant({ device }) {
  const water = () => client.command(device, "water", { seconds: 5 });
  return html`<li><span class="mono">${device}</span>
    <button class="button small" onClick=${water}>Water</button></li>`;
}
