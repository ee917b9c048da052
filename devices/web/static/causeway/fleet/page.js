/** The fleet page. */

import { signal } from "@preact/signals";

import { page } from "../page.js";
import { show } from "../ui/frame.js";
import { html } from "../ui/html.js";
import { Icon } from "../ui/icons.js";
import { loaded, problem, rows, size, start, want } from "./store.js";
import { Table } from "./table.js";
import { Toolbar } from "./toolbar.js";

function Fleet() {
  if (Object.keys(page.roles).length === 0) return html`<${NoRole} />`;
  if (problem.value) return html`<div class="blank"><p class="error-text" role="alert">${problem.value}</p></div>`;
  if (size.value === 0) return loaded.value ? html`<${Empty} />` : html`<${Loading} />`;
  return html`<h1 class="hidden-text">Fleet</h1><${Toolbar} />${rows.value.length > 0 ? html`<${Table} />` : html`<${NoMatch} />`}`;
}

function Loading() {
  const rows = [...Array(12).keys()].map((nth) => html`<i key=${nth} />`);
  return html`<div class="loading" aria-busy="true" aria-label="Loading devices">${rows}</div>`;
}

function NoMatch() {
  const clear = () => want({ query: "", site: "", status: "" });
  return html`<div class="blank">
    <p>No device matches these filters.</p>
    <button class="button" onClick=${clear}>Clear them</button>
  </div>`;
}

function NoRole() {
  return html`<div class="welcome"><h1>No site is yours yet</h1>
    <p>Your account has no role at any site, so there is nothing to show. An administrator can give you one.</p></div>`;
}

const BY_ITSELF = "A device appears here by itself with its first message. Send one:";

/** What makes a fleet: a first message. */
function Empty() {
  const topic = `${page.mqtt.root}/demo/my-device/telemetry`;
  const broker = `-h ${location.hostname} -p ${page.mqtt.port}`;
  const line = `mosquitto_pub ${broker} -q 1 -t ${topic} -m '{"temperature": 21.5}'`;
  const provision = "python manage.py provision_device demo/my-device";
  return html`<div class="welcome">
    <h1>No devices yet</h1>
    <p>${page.mqtt.auto_register ? BY_ITSELF : "Register a device first, then let it speak:"}</p>
    ${!page.mqtt.auto_register && html`<${Copyable} text=${provision} />`}
    <${Copyable} text=${line} />
    <p class="muted">A broker without anonymous clients wants <code>-u USER -P PASSWORD</code> too:${" "}
      <code>manage.py provision_device</code> gives a device its own.</p>
    <p class="listening" role="status"><i />Listening: this page changes by itself.</p>
  </div>`;
}

/** @param {{text: string}} props */
function Copyable({ text }) {
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    copied.value = text;
  };
  const done = copied.value === text;
  return html`<div class="copyable"><pre>${text}</pre>
    ${
      navigator.clipboard &&
      html`<button class="button small" onClick=${copy}>
      <${Icon} name=${done ? "check" : "copy"} />${done ? "Copied" : "Copy"}</button>`
    }
  </div>`;
}

const copied = signal("");

start();
show(html`<${Fleet} />`);
