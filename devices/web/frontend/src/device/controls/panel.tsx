/** What of the device can be set, each by a switch, slider, list or field; and what became of what was set. */

import { signal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import { useId, useState } from "preact/hooks";

import type { Json } from "#client/types.js";
import { enumWord, sayValue } from "../../lib/described.js";
import type { Property } from "../../lib/described.js";
import { formatJson } from "../../lib/format.js";
import { controlOf, readText, standingOf } from "./settable.js";
import { messageOf } from "../../data/failures";
import { client, status } from "../../data/live";
import { linkTo } from "../../document/address";
import { may, siteOf } from "../../document/page";
import { t } from "../../words/words.js";
import { useDoingIn } from "../people";
import { Reach } from "../reach";
import { useDevice } from "../store";
import type { Device } from "../store";

export function ControlsPanel() {
  const device = useDevice();
  const about = useDoingIn("commanding");
  const settable = [...device.what.value.properties.values()].filter((one) => one.settable);
  if (settable.length === 0 || !may("devices.command", siteOf(device.key))) return null;
  return (
    <section class="panel controls" aria-labelledby="controls-title" {...about}>
      <div class="panel-head">
        <h2 id="controls-title">{t("device.controls")}</h2>
      </div>
      <div class="controls-reach">
        <Reach of="command" />
      </div>
      <div class="control-list">
        {settable.map((property) => (
          <Control key={property.metric} property={property} />
        ))}
      </div>
    </section>
  );
}

/** Sets one value, one after the other. */
class Setter {
  /** What is on its way to the server; undefined: nothing. */
  readonly sending = signal<Json | undefined>(undefined);
  /** Why the server didn't take it. */
  readonly problem = signal("");

  constructor(
    readonly device: Device,
    readonly metric: string,
  ) {}

  /** @returns whether it was taken */
  async set(value: Json): Promise<boolean> {
    if (this.sending.value !== undefined) return false;
    [this.sending.value, this.problem.value] = [value, ""];
    try {
      this.device.note([await client.command(this.device.key, "set", { [this.metric]: value })]);
    } catch (error) {
      this.problem.value = messageOf(error);
    }
    this.sending.value = undefined;
    return this.problem.value === "";
  }
}

function Control({ property }: { property: Property }) {
  const device = useDevice();
  const { metric, label, unit, note, available } = property;
  const [setter] = useState(() => new Setter(device, metric));
  const id = useId();
  const latest = device.state.value?.metrics[metric];
  const { state, wanted, command } = standingOf(device.commands.value, metric, latest);
  const pending = setter.sending.value ?? (state === "pending" ? wanted : undefined);
  const said = (value: Json | undefined) =>
    typeof value === "object" && value !== null ? formatJson(value) : `${sayValue(property, value)}${typeof value === "number" && unit ? ` ${unit}` : ""}`;
  const Input = INPUTS[controlOf(property)];
  return (
    <div class={`control ${pending === undefined ? "" : "pending"}`} role="group" aria-labelledby={id}>
      <div class="control-head">
        <span id={id} class="control-label" title={metric}>
          {label}
        </span>
        <span class="control-value live">{said(latest?.value)}</span>
      </div>
      <Input
        property={property}
        labelledBy={id}
        value={pending ?? latest?.value}
        disabled={status.value !== "live" || !available || setter.sending.value !== undefined}
        onSet={(value) => setter.set(value)}
        onWrong={() => (setter.problem.value = t("device.set.wrong"))}
      />
      <p class="control-note" role="status">
        {pending !== undefined && t("device.set.pending", { value: said(pending) })}
        {pending === undefined && state === "failed" && command && !setter.problem.value && (
          <span class={command.status === "unconfirmed" ? "warn-text" : "error-text"}>
            {t(`device.set.${endOf(command.status)}`, { value: said(wanted) })}
            {command.reason && `: ${command.reason}`}{" "}
            <a href={linkTo({ command: command.id })}>{t("device.set.which")}</a>
          </span>
        )}
      </p>
      {setter.problem.value && (
        <p class="error-text" role="alert">
          {setter.problem.value}
        </p>
      )}
      {note && <p class="muted control-note">{note}</p>}
    </div>
  );
}

function endOf(status: string): "unconfirmed" | "rejected" | "expired" | "failed" {
  return status === "unconfirmed" || status === "rejected" || status === "expired" ? status : "failed";
}

interface InputProps {
  property: Property;
  /** the id of its label */
  labelledBy: string;
  /** what is pending, else what is reported */
  value: Json | undefined;
  disabled: boolean;
  /** @returns whether it was taken */
  onSet: (value: Json) => Promise<boolean>;
  /** what stands in the field is nothing that can be set */
  onWrong: () => void;
}

const INPUTS = { switch: Switch, select: Select, slider: Slider, number: Typed, text: Typed };

function Switch({ labelledBy, value, disabled, onSet }: InputProps) {
  return (
    <button
      class="switch"
      role="switch"
      aria-checked={value === true}
      aria-labelledby={labelledBy}
      disabled={disabled}
      onClick={(event) => event.detail < 2 && onSet(value !== true)}
    >
      <i aria-hidden="true" />
    </button>
  );
}

function Select({ property, labelledBy, value, disabled, onSet }: InputProps) {
  const chosen = (event: TargetedEvent<HTMLSelectElement>) => onSet(event.currentTarget.value);
  const isKnown = typeof value === "string" && property.values.includes(value);
  return (
    <select class="select" aria-labelledby={labelledBy} value={isKnown ? value : ""} disabled={disabled} onChange={chosen}>
      {!isKnown && (
        <option value="" disabled>
          –
        </option>
      )}
      {property.values.map((one) => (
        <option key={one} value={one}>
          {enumWord(one)}
        </option>
      ))}
    </select>
  );
}

/** Sets when it is let go. */
function Slider({ property, labelledBy, value, disabled, onSet }: InputProps) {
  const [held, setHeld] = useState<number | null>(null);
  const { low, high, step, unit } = property;
  const shown = held ?? (typeof value === "number" ? value : (low ?? 0));
  const letGo = (event: TargetedEvent<HTMLInputElement>) => {
    setHeld(null);
    onSet(Number(event.currentTarget.value));
  };
  const text = `${sayValue(property, shown)}${unit ? ` ${unit}` : ""}`;
  return (
    <span class="slider">
      <input
        type="range"
        aria-labelledby={labelledBy}
        aria-valuetext={text}
        min={low ?? undefined}
        max={high ?? undefined}
        step={step ?? "any"}
        value={shown}
        disabled={disabled}
        onInput={(event) => setHeld(Number(event.currentTarget.value))}
        onChange={letGo}
      />
      <output>{text}</output>
    </span>
  );
}

function Typed({ property, labelledBy, value, disabled, onSet, onWrong }: InputProps) {
  const [draft, setDraft] = useState<string | null>(null);
  const now = value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
  const submit = async (event: Event) => {
    event.preventDefault();
    const meant = readText(property, draft ?? now);
    if (meant === undefined) onWrong();
    else if (await onSet(meant)) setDraft(null);
  };
  return (
    <form class="typed" onSubmit={submit}>
      <input
        class="field"
        aria-labelledby={labelledBy}
        inputMode={property.kind === "number" ? "decimal" : "text"}
        autocomplete="off"
        value={draft ?? now}
        onInput={(event) => setDraft(event.currentTarget.value)}
      />
      {property.unit && <span class="unit">{property.unit}</span>}
      <button class="button small" disabled={disabled || draft === null}>
        {t("device.set")}
      </button>
    </form>
  );
}
