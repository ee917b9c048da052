/** Sending commands, and what became of them, step by step. */

import { signal } from "@preact/signals";

import { RequestError } from "../client/requests.js";
import { inexact } from "../lib/exact.js";
import { formatJson, formatLatency, formatSpan, formatTimeMs, formatTime } from "../lib/format.js";
import { client, now, status } from "../live.js";
import { may } from "../page.js";
import { cancelCommand } from "../rest.js";
import { isObject } from "../client/stream.js";
import { isGrave, isUnderWay } from "../lib/grave.js";
import { html } from "../ui/html.js";
import { Icon } from "../ui/icons.js";
import { Whole } from "./cut.js";
import { commands, commandsPast, key, note, state } from "./store.js";

/** @import {Command, CommandStatus, CommandStep, Json, JsonObject} from "../client/types.js" */

const NAME = /^[A-Za-z0-9_\-.:]{1,64}$/;
const SETTER = /^set[_.:-]/i; // needs arguments: when none are known, ask for them
const HOLD_MS = 500; // after a command: whoever clicks twice means one
const mayCommand = may("devices.command");

const form = signal({ name: "", args: "{}", ttl_s: "60" });
const problem = signal("");
const busy = signal("");
/**
 * The grave command that waits to be confirmed.
 * @type {import("@preact/signals").Signal<{name: string, args: JsonObject, ttl_s: number} | null>}
 */
const asked = signal(null);

export function CommandsPanel() {
  return html`<section class="panel commands" aria-labelledby="commands-title">
    <div class="panel-head"><h2 id="commands-title">Commands</h2>
      ${!mayCommand && html`<span class="chip" title="Your role here is viewer">read only</span>`}</div>
    ${mayCommand && html`<${Composer} />`}
    <${List} />
  </section>`;
}

/**
 * What the device says it understands: `reported.commands` as a list of names or of {"name", "args"}, or as an object
 * of names and example arguments. Where it names no arguments, those that last succeeded are offered.
 * @returns {{name: string, args: JsonObject | null}[]}  args null: none are known
 */
function offered() {
  const told = state.value?.reported["commands"];
  const pairs = isObject(told) ? Object.entries(told) : Array.isArray(told) ? told.map(named) : [];
  const usable = pairs.filter(([name]) => NAME.test(name)).slice(0, 24);
  return usable.map(([name, args]) => ({ name, args: isObject(args) ? args : succeeded(name) }));
}

/** @param {Json} item @returns {[string, Json]} */
function named(item) {
  return isObject(item) ? [String(item["name"]), item["args"] ?? null] : [String(item), null];
}

/** @param {string} name @returns {JsonObject | null} */
function succeeded(name) {
  const last = commands.value.find((command) => command.name === name && command.status === "done");
  return isObject(last?.args) ? last.args : null;
}

function Composer() {
  const quick = offered();
  const off = status.value !== "live";
  return html`<div class="composer">
    ${
      quick.length > 0 &&
      html`<div class="quick">
      ${quick.map((one) => html`<${Quick} key=${one.name} ...${one} off=${off} />`)}
    </div>`
    }
    <${Form} off=${off} />
    <p class="error-text" role="alert">${problem.value}</p>
    ${asked.value && html`<${Confirmation} ...${asked.value} />`}
  </div>`;
}

/**
 * The one question for all ways of sending a grave command. Modal, so that no further click or key sends anything.
 * @param {{name: string, args: JsonObject, ttl_s: number}} props
 */
function Confirmation({ name, args, ttl_s }) {
  const answer = (/** @type {boolean} */ yes) => () => {
    if (!asked.value) return;
    asked.value = null;
    if (yes) send(name, args, ttl_s);
  };
  return html`<dialog class="confirmation" aria-labelledby="confirmation-title" onClose=${answer(false)}
    ref=${(/** @type {HTMLDialogElement | null} */ dialog) => dialog && !dialog.open && dialog.showModal()}>
    <h3 id="confirmation-title">Send <span class="mono">${name}</span> to ${key}?</h3>
    <p class="muted">It may stop what the device is doing.</p>
    ${Object.keys(args).length > 0 && html`<p><code>${formatJson(args)}</code></p>`}
    <p class="editor-end">
      <button class="button" autofocus onClick=${answer(false)}>Cancel</button>
      <button class="button danger" onClick=${answer(true)}>Send ${name}</button>
    </p>
  </dialog>`;
}

/** @param {{name: string, args: JsonObject | null, off: boolean}} props */
function Quick({ name, args, off }) {
  const underWay = isUnderWay(commands.value, name);
  const empty = args === null || Object.keys(args).length === 0;
  const edit = () => {
    form.value = { ...form.value, name, args: formatJson(args ?? {}) };
    /** @type {HTMLInputElement | null} */ (document.getElementById("command-args"))?.select();
  };
  const click = (/** @type {MouseEvent} */ event) => {
    if (event.detail > 1) return; // the second click of a double click
    if (args === null && SETTER.test(name)) edit();
    else request(name, args ?? {});
  };
  return html`<span class="split">
    <button class="button" disabled=${off || busy.value === name || underWay} onClick=${click}
      title=${underWay ? "Sent, and not answered yet" : undefined}>
      ${name}${!empty && html`<code class="faint">${formatJson(args)}</code>`}
    </button>
    <button class="button" aria-label=${`Edit the arguments of ${name}`} title="Edit the arguments first"
      onClick=${edit}><${Icon} name="pencil" /></button>
  </span>`;
}

/** @param {{off: boolean}} props */
function Form({ off }) {
  const { name, args, ttl_s } = form.value;
  const set = (/** @type {keyof typeof form.value} */ field) => (/** @type {Event} */ event) => {
    form.value = { ...form.value, [field]: /** @type {HTMLInputElement} */ (event.target).value };
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const parsed = parsedArgs(args);
    if (parsed) request(name, parsed, Number(ttl_s));
  };
  return html`<form class="command-form" onSubmit=${submit}>
    <input class="field mono" aria-label="Command name" placeholder="command" required
      pattern="[A-Za-z0-9_.:\\-]{1,64}" autocomplete="off"
      autocapitalize="none" spellcheck="false" value=${name} onInput=${set("name")} />
    <input class="field mono" id="command-args" aria-label="Arguments as a JSON object" placeholder="{}"
      autocomplete="off" spellcheck="false" value=${args} onInput=${set("args")} />
    <label class="ttl" title="The command expires unless the device answers within so many seconds">
      <input class="field num" type="number" min="1" max="86400" required
      aria-label="Time to live in seconds" value=${ttl_s} onInput=${set("ttl_s")} /><span>s</span></label>
    <button class="button primary" disabled=${off || busy.value !== "" || isUnderWay(commands.value, name)}><${Icon} name="send" />Send</button>
  </form>`;
}

/** @param {string} text @returns {JsonObject | null} */
function parsedArgs(text) {
  try {
    const args = JSON.parse(text.trim() || "{}");
    problem.value = isObject(args) ? inexact(text) : "The arguments must be a JSON object.";
    if (problem.value === "") return args;
  } catch (error) {
    problem.value = `The arguments are not JSON: ${/** @type {Error} */ (error).message}`;
  }
  return null;
}

/**
 * The one way of sending: a grave command asks back, and while something is on its way nothing follows it.
 * @param {string} name
 * @param {JsonObject} args
 * @param {number} ttl_s
 */
function request(name, args, ttl_s = 60) {
  if (busy.value !== "" || asked.value || isUnderWay(commands.value, name)) return;
  if (isGrave(name)) asked.value = { name, args, ttl_s };
  else send(name, args, ttl_s);
}

/** @param {string} name @param {JsonObject} args @param {number} ttl_s */
async function send(name, args, ttl_s) {
  [problem.value, busy.value] = ["", name];
  try {
    note([await client.command(key, name, args, { ttl_s })]);
  } catch (error) {
    problem.value = `${name}: ${error instanceof RequestError ? error.message : String(error)}`;
  }
  await new Promise((done) => setTimeout(done, HOLD_MS));
  busy.value = "";
}

function List() {
  const { known, error } = commandsPast.value;
  if (error) return html`<p class="blank error-text">Earlier commands are missing: ${error}</p>`;
  if (commands.value.length === 0)
    return html`<p class="blank" aria-busy=${!known}>${known ? "No commands yet." : "…"}</p>`;
  return html`<ol class="scroll command-list live">
    ${commands.value.map((command) => html`<${One} key=${command.id} command=${command} />`)}
  </ol>`;
}

/** @type {{[status in CommandStatus]: string}} */
const TONES = {
  accepted: "accent",
  sent: "accent",
  delivered: "accent",
  done: "ok",
  rejected: "bad",
  failed: "bad",
  expired: "warn",
  cancelled: "warn",
  unconfirmed: "warn",
};

/** @param {{command: Command}} props */
function One({ command }) {
  const { id, name, args, timeline, result, reason } = command;
  const empty = isObject(args) && Object.keys(args).length === 0;
  const sent_ms = Date.parse(command.created_at);
  return html`<li class="command">
    <div class="command-head">
      <strong class="mono">${name}</strong>
      ${!empty && html`<${Whole} name="arguments" value=${args} look="clip muted" />`}
      <span class="grow" />
      ${isOpen(command) && html`<${Remaining} command=${command} />`}
      <span class=${`chip ${TONES[command.status]}`}>${command.status}</span>
      <time class="faint" datetime=${command.created_at} title=${`${formatTimeMs(sent_ms)}\n${id}`}>
        ${formatTime(sent_ms)}</time>
    </div>
    <${Steps} timeline=${timeline} />
    ${reason && html`<p class="command-note">${reason}</p>`}
    ${result !== null && result !== undefined && html`<p class="command-note"><${Whole} name="result" value=${result} /></p>`}
  </li>`;
}

/** @param {Command} command */
function isOpen({ status }) {
  return status === "accepted" || status === "sent";
}

/** @param {{command: Command}} props */
function Remaining({ command }) {
  const left = Date.parse(command.expires_at) - now.value;
  return html`<span class="faint">${left > 0 ? `${formatSpan(left)} left` : "expiring"}</span>
    ${mayCommand && html`<button class="button bare small" onClick=${() => cancel(command.id)}>Cancel</button>`}`;
}

/** @param {string} id */
async function cancel(id) {
  try {
    note([await cancelCommand(id)]);
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  }
}

/** @type {CommandStatus[]} */
const USUAL = ["accepted", "sent", "delivered", "done"];

/**
 * The way so far, each step with the time since the first; and, while it goes well, what is still to come.
 */
/** @param {{timeline: CommandStep[]}} props */
function Steps({ timeline }) {
  const begun = Date.parse(timeline[0]?.at ?? "");
  const last = timeline.at(-1)?.status ?? "accepted";
  const ahead = USUAL.slice(0, -1).includes(last) ? USUAL.slice(USUAL.indexOf(last) + 1) : [];
  return html`<ol class="steps">
    ${timeline.map(
      (
        step,
        index,
      ) => html`<li class=${`step ${TONES[step.status]}`} title=${formatTimeMs(Date.parse(step.at))}>
      ${step.status}${step.late && " (late)"}
      <span class="faint">${index > 0 && `+${formatLatency(Date.parse(step.at) - begun)}`}</span></li>`,
    )}
    ${ahead.map((name) => html`<li class="step ahead">${name}</li>`)}
  </ol>`;
}
