/** Sending a command: by one click, or typed with its arguments. A grave one asks back. */

import type { TargetedEvent } from "preact";
import { useEffect, useState } from "preact/hooks";

import { isObject } from "#client/stream.js";
import type { Command, Json, JsonObject } from "#client/types.js";
import { formatJson } from "../../lib/format.js";
import { isUnderWay } from "../../lib/grave.js";
import { faultIn } from "../../lib/json/faults.js";
import { status } from "../../data/live";
import { parameters } from "../../document/address";
import { Confirm } from "../../kit/dialog";
import { Icon } from "../../ui/icons";
import { parts, t } from "../../words/words.js";
import { Actions } from "./actions";
import { Sender } from "./sender";
import { useDoingIn } from "../people";
import { Reach } from "../reach";
import { useDevice } from "../store";
import type { Device } from "../store";

const NAME = /^[A-Za-z0-9_\-.:]{1,64}$/;
const [LEAST_LINES, MOST_LINES] = [2, 16];
const SETTER = /^set[_.:-]/i; // needs arguments: when none are known, ask for them

export function Composer() {
  const device = useDevice();
  const [sender] = useState(() => new Sender(device));
  const { actions } = device.what.value;
  const quick = actions.length > 0 ? [] : offered(device);
  const asked = sender.asked.value;
  const about = useDoingIn("commanding");
  return (
    <div class="composer" {...about}>
      {quick.length > 0 && (
        <div class="quick">
          {quick.map((one) => (
            <Quick key={one.name} {...one} sender={sender} />
          ))}
        </div>
      )}
      {actions.length > 0 ? <Actions actions={actions} sender={sender} /> : <Form sender={sender} />}
      <p class="error-text" role="alert">
        {sender.problem.value}
      </p>
      <Reach of="command" ttl_s={actions.length > 0 ? 60 : Number(sender.form.value.ttl_s)} />
      {asked && (
        <Confirm
          title={parts("device.send.ask", { command: <span class="mono">{asked.name}</span>, device: <>{device.key}</> })}
          yes={t("device.send.yes", { command: asked.name })}
          onAnswer={(yes) => sender.answer(yes)}
        >
          <p class="muted">{t("device.send.grave")}</p>
          {Object.keys(asked.args).length > 0 && (
            <p>
              <code>{formatJson(asked.args)}</code>
            </p>
          )}
        </Confirm>
      )}
    </div>
  );
}

interface Offer {
  name: string;
  /** null: none are known */
  args: JsonObject | null;
}

/**
 * What the device says it understands: `reported.commands` as a list of names or of {"name", "args"}, or as an object
 * of names and example arguments. Where it names no arguments, those that last succeeded are offered.
 */
function offered(device: Device): Offer[] {
  const told = device.state.value?.reported["commands"];
  const pairs = isObject(told) ? Object.entries(told) : Array.isArray(told) ? told.map(named) : [];
  const usable = pairs.filter(([name]) => NAME.test(name)).slice(0, 24);
  return usable.map(([name, args]) => ({
    name,
    args: isObject(args) ? args : succeeded(device.commands.value, name),
  }));
}

function named(item: Json): [string, Json] {
  return isObject(item) ? [String(item["name"]), item["args"] ?? null] : [String(item), null];
}

function succeeded(commands: Command[], name: string): JsonObject | null {
  const last = commands.find((command) => command.name === name && command.status === "done");
  return isObject(last?.args) ? last.args : null;
}

function argumentsField() {
  return document.querySelector<HTMLTextAreaElement>("#command-args");
}

/** The cursor goes to where the JSON is wrong. */
function showFault(text: string) {
  const [field, at] = [argumentsField(), faultIn(text)?.offset];
  field?.focus();
  if (at !== undefined) field?.setSelectionRange(at, at + 1);
}

function Quick({ name, args, sender }: Offer & { sender: Sender }) {
  const underWay = isUnderWay(useDevice().commands.value, name);
  const empty = args === null || Object.keys(args).length === 0;
  const edit = () => {
    sender.form.value = { ...sender.form.value, name, args: JSON.stringify(args ?? {}, null, 2) };
    argumentsField()?.select();
  };
  const click = (event: MouseEvent) => {
    if (event.detail > 1) return; // the second click of a double click
    if (args === null && SETTER.test(name)) edit();
    else sender.request(name, args ?? {});
  };
  return (
    <span class="split">
      <button
        class="button"
        disabled={status.value !== "live" || sender.busy.value === name || underWay}
        onClick={click}
        title={underWay ? t("device.send.waits") : undefined}
      >
        {name}
        {!empty && <code class="faint">{formatJson(args)}</code>}
      </button>
      <button
        class="button"
        aria-label={t("device.args.edit.of", { command: name })}
        title={t("device.args.edit")}
        onClick={edit}
      >
        <Icon name="pencil" />
      </button>
    </span>
  );
}

function Form({ sender }: { sender: Sender }) {
  const { name, args, ttl_s } = sender.form.value;
  const underWay = isUnderWay(useDevice().commands.value, name);
  const wanted = parameters.value.get("compose") ?? ""; // the palette leads here with the command's name
  useEffect(() => {
    if (!NAME.test(wanted)) return;
    sender.form.value = { ...sender.form.value, name: wanted };
    argumentsField()?.select();
  }, [wanted, sender]);
  const set = (field: "name" | "args" | "ttl_s") => (event: TargetedEvent<HTMLInputElement | HTMLTextAreaElement>) => {
    sender.form.value = { ...sender.form.value, [field]: event.currentTarget.value };
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const parsed = sender.parsedArgs();
    if (parsed) sender.request(name, parsed, Number(ttl_s));
    else showFault(args);
  };
  const keys = (event: TargetedEvent<HTMLTextAreaElement, KeyboardEvent>) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
  };
  return (
    <form class="command-form" onSubmit={submit}>
      <input
        class="field mono command-name"
        aria-label={t("device.command.name")}
        placeholder={t("device.command")}
        required
        pattern="[A-Za-z0-9_.:\-]{1,64}"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={name}
        onInput={set("name")}
      />
      <textarea
        class="field mono"
        id="command-args"
        aria-label={t("device.args")}
        rows={Math.min(MOST_LINES, Math.max(LEAST_LINES, args.split("\n").length))}
        placeholder="{}"
        spellcheck={false}
        value={args}
        onInput={set("args")}
        onKeyDown={keys}
      />
      <label class="ttl" title={t("device.ttl.tip")}>
        <input
          class="field num"
          type="number"
          min="1"
          max="86400"
          required
          aria-label={t("device.ttl")}
          value={ttl_s}
          onInput={set("ttl_s")}
        />
        <span>s</span>
      </label>
      <button
        class="button primary"
        disabled={status.value !== "live" || sender.busy.value !== "" || underWay}
      >
        <Icon name="send" />
        {t("device.send")}
      </button>
    </form>
  );
}
