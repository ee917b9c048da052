/** The page /{{ app_name }}. */

import { registerPage } from "../causeway/register.js";
import { html } from "../causeway/ui/html.js";

function Devices(props) {
  const keys = props.data.devices;
  return html`<h1>{{ camel_case_app_name }}</h1>
    <ul>${keys.map((key) => html`<li>${key}</li>`)}</ul>`;
}

registerPage("{{ app_name }}", { component: Devices });
