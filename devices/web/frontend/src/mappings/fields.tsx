/** The values in a payload: what each is called, where it stands, its unit. */

import { useId, useState } from "preact/hooks";

import type { PayloadKind, RuleField } from "../data/mappings";
import { t } from "../words/words.js";
import { field } from "./guess";
import { numberOfText } from "./texts";

const TYPES = "u8 i8 u16be i16be u32be i32be u64be i64be f32be f64be u16le i16le u32le i32le u64le i64le f32le f64le".split(" ");

export type FieldsKind = Exclude<PayloadKind, "number" | "text" | "senml">;

interface FieldListProps {
  kind: FieldsKind;
  fields: RuleField[];
  fault: string;
  onFields: (fields: RuleField[]) => void;
}

export function FieldList({ kind, fields, fault, onFields }: FieldListProps) {
  const id = useId();
  const change = (at: number, changes: Partial<RuleField>) =>
    onFields(fields.map((one, index) => (index === at ? { ...one, ...changes } : one)));
  const add = () => onFields([...fields, field("", kind === "csv" ? String(fields.length) : "", kind === "struct" ? "u8" : "")]);
  const isAll = fields.length === 0 && (kind === "json" || kind === "pairs");
  return (
    <fieldset class="rule-fields wide" aria-describedby={fault ? id : undefined}>
      <legend class="label">{t("mappings.fields")}</legend>
      {isAll && <p class="kit-hint">{t("mappings.fields.all")}</p>}
      {fields.map((one, index) => (
        <OneField
          key={index}
          kind={kind}
          value={one}
          n={index + 1}
          onChange={(changes) => change(index, changes)}
          onRemove={() => onFields(fields.filter((_, other) => other !== index))}
        />
      ))}
      {fault && (
        <p class="error-text" id={id} role="alert">
          {fault}
        </p>
      )}
      <button class="button small" type="button" name="fields" onClick={add}>
        {t("mappings.fields.add")}
      </button>
    </fieldset>
  );
}

interface OneFieldProps {
  kind: FieldsKind;
  value: RuleField;
  n: number;
  onChange: (changes: Partial<RuleField>) => void;
  onRemove: () => void;
}

function OneField({ kind, value, n, onChange, onRemove }: OneFieldProps) {
  const text = (name: "metric" | "path" | "unit" | "label", placeholder: string, mono = false) => (
    <input
      class={mono ? "field mono" : "field"}
      aria-label={t(`mappings.field.${name}`, { n })}
      placeholder={placeholder}
      spellcheck={false}
      value={value[name]}
      onInput={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <div class="rule-field">
      {text("metric", t("mappings.metric"), true)}
      {text("path", t(`mappings.path.${kind}`), true)}
      {kind === "struct" && (
        <select
          class="select"
          aria-label={t("mappings.field.type", { n })}
          value={value.type}
          onInput={(event) => onChange({ type: event.currentTarget.value })}
        >
          {TYPES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      )}
      {text("unit", t("mappings.unit"))}
      {text("label", t("mappings.label"))}
      <Times value={value.scale} n={n} onScale={(scale) => onChange({ scale })} />
      <button class="button bare small" type="button" aria-label={t("mappings.field.remove", { n })} onClick={onRemove}>
        ×
      </button>
    </div>
  );
}

/** A factor, which may be half written: what is none is marked, and doesn't count. */
function Times({ value, n, onScale }: { value: number; n: number; onScale: (scale: number) => void }) {
  const [text, setText] = useState(String(value));
  return (
    <input
      class="field"
      aria-label={t("mappings.field.scale", { n })}
      aria-invalid={numberOfText(text) === null}
      inputMode="decimal"
      value={text}
      onInput={(event) => {
        setText(event.currentTarget.value);
        const scale = numberOfText(event.currentTarget.value);
        if (scale !== null) onScale(scale);
      }}
    />
  );
}
