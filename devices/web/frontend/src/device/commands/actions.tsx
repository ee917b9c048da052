/** What the device can be told to do: a button each, and a form where there are arguments. */

import { useMemo } from "preact/hooks";

import { schemaOf } from "../../lib/described.js";
import type { Action } from "../../lib/described.js";
import { isUnderWay } from "../../lib/grave.js";
import { status } from "../../data/live";
import { parameters } from "../../document/address";
import { Form } from "../../kit/form";
import { t } from "../../words/words.js";
import type { Sender } from "./sender";
import { useDevice } from "../store";

interface ActionsProps {
  actions: readonly Action[];
  sender: Sender;
}

export function Actions({ actions, sender }: ActionsProps) {
  const plain = actions.filter((one) => one.args.length === 0);
  const asking = actions.filter((one) => one.args.length > 0);
  return (
    <div class="actions">
      {plain.length > 0 && (
        <div class="quick">
          {plain.map((one) => (
            <Plain key={one.name} action={one} sender={sender} />
          ))}
        </div>
      )}
      {asking.map((one) => (
        <Asking key={one.name} action={one} sender={sender} />
      ))}
    </div>
  );
}

interface ActionProps {
  action: Action;
  sender: Sender;
}

function Plain({ action: { name, label }, sender }: ActionProps) {
  const underWay = isUnderWay(useDevice().commands.value, name);
  return (
    <button
      class="button"
      disabled={status.value !== "live" || sender.busy.value === name || underWay}
      title={underWay ? t("device.send.waits") : name}
      onClick={(event) => event.detail < 2 && sender.request(name, {})}
    >
      {label}
    </button>
  );
}

function Asking({ action, sender }: ActionProps) {
  const schema = useMemo(() => schemaOf(action), [action]);
  const isWanted = parameters.value.get("compose") === action.name; // the palette leads here with the command's name
  return (
    <details class="action" open={isWanted}>
      <summary title={action.name}>{action.label}…</summary>
      <Form schema={schema} action={t("device.send")} onSubmit={(args) => sender.request(action.name, args)} />
    </details>
  );
}
