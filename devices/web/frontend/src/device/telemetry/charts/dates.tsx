/** A stretch of time by date and time: from, to, in the zone of the page. Loaded when somebody chooses one. */

import { useSignal } from "@preact/signals";

import { serverNow } from "../../../data/clock";
import { Dialog } from "../../../kit/dialog";
import { Field } from "../../../kit/field";
import { clockOf, momentOf } from "../../../words/zoned.js";
import { zone, zoneNote } from "../../../words/locale.js";
import { t } from "../../../words/words.js";
import { useStretch } from "./stretch";

export function FromTo({ onClose }: { onClose: () => void }) {
  const stretch = useStretch();
  const [begin, end] = stretch.now();
  const [from, to] = [useSignal(clockOf(begin, zone())), useSignal(clockOf(end, zone()))];
  const error = useSignal("");
  const submitted = (event: Event) => {
    event.preventDefault();
    const [first, last] = [momentOf(from.value, zone()), momentOf(to.value, zone())];
    if (first === null || last === null || first >= last) error.value = t("device.stretch.wrong");
    else if (first >= serverNow()) error.value = t("device.stretch.future");
    else {
      stretch.zoom([first, last]);
      onClose();
    }
  };
  return (
    <Dialog title={t("device.stretch.choose")} name="picker" onClose={onClose}>
      <form onSubmit={submitted} noValidate>
        <Moment label={t("device.stretch.from")} value={from} hint="" />
        <Moment label={t("device.stretch.to")} value={to} hint={t("device.stretch.zone", { zone: zoneNote(end) })} error={error.value} />
        <p class="kit-buttons">
          <button class="button" type="button" onClick={onClose}>
            {t("kit.cancel")}
          </button>
          <button class="button primary" type="submit">
            {t("device.stretch.show")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

interface MomentProps {
  label: string;
  value: { value: string };
  hint: string;
  error?: string;
}

function Moment({ label, value, hint, error = "" }: MomentProps) {
  return (
    <Field label={label} hint={hint || undefined} error={error} required>
      {(attributes) => (
        <input
          {...attributes}
          class="field"
          type="datetime-local"
          step={1}
          value={value.value}
          onInput={(event) => (value.value = event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
