/** The page of all plants. */

import { page } from "../causeway/page.js";
import { show } from "../causeway/ui/frame.js";
import { html } from "../causeway/ui/html.js";
import { Plant } from "./plant.js";

show(html`<h1>Plants</h1>
  <ul class="plants">${page.plants.map((key) => html`<${Plant} key=${key} device=${key} readings=${page.readings[key] ?? 0} />`)}</ul>`);
