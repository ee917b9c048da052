/** Taking a metric out that the device sends no more. What was measured stays in the history. */

import { useSignal } from "@preact/signals";
import type { TargetedEvent } from "preact";

import { may, siteOf } from "../../document/page";
import { Confirm } from "../../kit/dialog";
import { removeMetric } from "../../data/rest";
import { parts, t } from "../../words/words.js";
import { messageOf } from "../../data/failures";
import { useDevice } from "../store";

export function Removal() {
  const { key, metricNames } = useDevice();
  const chosen = useSignal("");
  /** The metric that is asked about; "": none. */
  const asked = useSignal("");
  const problem = useSignal("");
  if (!may("devices.manage", siteOf(key))) return null;
  const names = metricNames.value;
  const name = names.includes(chosen.value) ? chosen.value : (names[0] ?? "");
  const choose = (event: TargetedEvent<HTMLSelectElement>) => (chosen.value = event.currentTarget.value);
  const answered = async (yes: boolean) => {
    const name = asked.value;
    asked.value = problem.value = "";
    if (yes) await removeMetric(key, name).catch((error) => (problem.value = messageOf(error)));
  };
  return (
    <details class="removal">
      <summary class="muted">{t("device.removal")}</summary>
      <div class="removal-row">
        <select class="field" aria-label={t("device.removal.which")} value={name} onChange={choose}>
          {names.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
        <button class="button" onClick={() => (asked.value = name)}>
          {t("device.remove")}
        </button>
      </div>
      <p class="error-text" role="alert">
        {problem.value}
      </p>
      {asked.value && (
        <Confirm
          title={parts("device.remove.ask", { metric: <span class="mono">{asked.value}</span>, device: <>{key}</> })}
          yes={t("device.remove.yes", { metric: asked.value })}
          onAnswer={answered}
        >
          <p class="muted">{t("device.remove.note")}</p>
        </Confirm>
      )}
    </details>
  );
}
