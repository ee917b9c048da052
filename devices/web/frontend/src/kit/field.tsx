/** A field with its label, a hint, and what is wrong with it, tied together for who listens as for who looks. */

import type { JSX } from "preact";
import { useId } from "preact/hooks";

export interface FieldProps {
  label: string;
  hint?: string | undefined;
  /** "": nothing is wrong */
  error?: string;
  required?: boolean;
  /** the field itself; what it gets belongs onto its element */
  children: (attributes: FieldAttributes) => JSX.Element;
}

export interface FieldAttributes {
  id: string;
  required: boolean;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean;
}

export function Field({ label, hint, error = "", required = false, children }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="kit-field">
      <label class="label" for={id}>
        {label}
        {required && <span aria-hidden="true"> *</span>}
      </label>
      {children({ id, required, "aria-describedby": described || undefined, "aria-invalid": error !== "" })}
      {hint && (
        <p class="kit-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error-text" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
