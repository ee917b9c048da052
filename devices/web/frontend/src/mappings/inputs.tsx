/** The kinds of fields in the form of a rule. */

import { Field } from "../kit/field";

interface InputProps {
  name: string;
  label: string;
  hint?: string;
  value: string;
  fault: string | undefined;
  required?: boolean;
  mono?: boolean;
  /** over the whole form */
  wide?: boolean;
  /** several lines */
  lines?: boolean;
  onText: (text: string) => void;
}

export function Input(props: InputProps) {
  const { name, label, hint, value, fault = "", required = false, mono = false, wide = false, lines = false } = props;
  const typed = (event: { currentTarget: { value: string } }) => props.onText(event.currentTarget.value);
  const look = mono ? "field mono" : "field";
  return (
    <div class={wide || lines ? "wide" : ""}>
      <Field label={label} hint={hint} error={fault} required={required}>
        {(attributes) =>
          lines ? (
            <textarea {...attributes} class="field" rows={2} name={name} spellcheck={false} value={value} onInput={typed} />
          ) : (
            <input {...attributes} class={look} name={name} spellcheck={false} value={value} onInput={typed} />
          )
        }
      </Field>
    </div>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  fault: string | undefined;
  onText: (value: string) => void;
}

export function Choice({ name, label, value, options, fault = "", onText }: ChoiceProps) {
  return (
    <Field label={label} error={fault} required>
      {(attributes) => (
        <select
          {...attributes}
          class="select"
          name={name}
          value={value}
          onInput={(event) => onText(event.currentTarget.value)}
        >
          {options.map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface FlagProps {
  name: string;
  label: string;
  on: boolean;
  onFlag: (on: boolean) => void;
}

export function Flag({ name, label, on, onFlag }: FlagProps) {
  return (
    <label class="rule-flag">
      <input type="checkbox" name={name} checked={on} onInput={(event) => onFlag(event.currentTarget.checked)} /> {label}
    </label>
  );
}
