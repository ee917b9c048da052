/** The page of all plants. */

import { registerPage } from "../causeway/register.js";
import { html } from "../causeway/ui/html.js";
import { Plant } from "./plant.js";

function Plants({ data }) {
  return html`<h1>Plants</h1>
    <ul class="plants">${data.plants.map((key) => html`<${Plant} key=${key} device=${key} readings=${data.readings[key] ?? 0} />`)}</ul>`;
}

registerPage("plants", { component: Plants });
