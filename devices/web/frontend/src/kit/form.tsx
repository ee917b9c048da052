/** A form for an object by its JSON Schema. What is wrong stands beside its field, and nothing is sent until all is right. */

import type { TargetedEvent } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";

import type { Json } from "#client/types.js";
import { Field } from "./field";
import type { FieldAttributes } from "./field";
import { fieldsOf, readAll, textOf } from "./schema.js";
import type { FormField, Schema } from "./schema.js";

interface FormProps {
  schema: Schema;
  value?: { readonly [name: string]: Json };
  /** what its button says */
  action: string;
  onSubmit: (value: { [name: string]: Json }) => void;
}

export function Form({ schema, value = {}, action, onSubmit }: FormProps) {
  const fields = useMemo(() => fieldsOf(schema), [schema]);
  const [texts, setTexts] = useState(() =>
    Object.fromEntries(fields.map((field) => [field.name, textOf(field, value[field.name])])),
  );
  const [errors, setErrors] = useState<{ [name: string]: string }>({});
  const form = useRef<HTMLFormElement>(null);
  const submit = (event: TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    const found = readAll(fields, texts);
    setErrors(found.errors);
    const wrong = fields.find(({ name }) => found.errors[name]);
    if (wrong) (form.current?.elements.namedItem(wrong.name) as HTMLElement | null)?.focus();
    else onSubmit(found.value);
  };
  return (
    <form ref={form} class="kit-form" noValidate onSubmit={submit}>
      {fields.map((field) => (
        <Field
          key={field.name}
          label={field.label}
          hint={field.hint}
          error={errors[field.name] ?? ""}
          required={field.required}
        >
          {(attributes) => (
            <Control
              field={field}
              attributes={attributes}
              text={texts[field.name] ?? ""}
              onText={(text) => setTexts((all) => ({ ...all, [field.name]: text }))}
            />
          )}
        </Field>
      ))}
      <button class="button primary" type="submit">
        {action}
      </button>
    </form>
  );
}

interface ControlProps {
  field: FormField;
  attributes: FieldAttributes;
  text: string;
  onText: (text: string) => void;
}

function Control({ field: { name, kind, required, schema }, attributes, text, onText }: ControlProps) {
  const typed = (event: TargetedEvent<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>) =>
    onText(event.currentTarget.value);
  if (kind === "boolean")
    return (
      <input
        {...attributes}
        required={false}
        type="checkbox"
        name={name}
        checked={text === "true"}
        onInput={(event) => onText(String(event.currentTarget.checked))}
      />
    );
  if (kind === "choice")
    return (
      <select {...attributes} class="select" name={name} value={text} onInput={typed}>
        {!required && <option value="" />}
        {schema.enum?.map((one) => (
          <option key={JSON.stringify(one)} value={JSON.stringify(one)}>
            {String(one)}
          </option>
        ))}
      </select>
    );
  if (kind === "json")
    return <textarea {...attributes} class="field" rows={6} name={name} value={text} spellcheck={false} onInput={typed} />;
  return (
    <input
      {...attributes}
      class="field"
      name={name}
      value={text}
      inputMode={kind === "number" ? "decimal" : "text"}
      onInput={typed}
    />
  );
}
