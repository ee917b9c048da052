/** The page /{{ app_name }}. */

import { Panel } from "../causeway/kit.js";
import { deviceUrl } from "../causeway/page.js";
import { registerPage } from "../causeway/register.js";
import { html } from "../causeway/ui/html.js";

function Devices(props) {
  const keys = props.data.devices;
  return html`<div class="page">
    <h1 class="hidden-text">{{ camel_case_app_name }}</h1>
    <${Panel} title="Devices" name="{{ app_name }}">
      <ul>${keys.map((key) => html`<li><a href=${deviceUrl(key)}>${key}</a></li>`)}</ul>
    <//>
  </div>`;
}

registerPage("{{ app_name }}", { component: Devices });
