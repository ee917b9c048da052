/** Reported beside desired, differences first to the eye; operators change desired by merge patch. */

import { signal } from "@preact/signals";
import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";

import { RequestError } from "#client/requests.js";
import { isObject } from "#client/stream.js";
import type { JsonObject } from "#client/types.js";
import { inexact } from "../lib/exact.js";
import { formatJson } from "../lib/format.js";
import { compare, patchFor } from "../lib/twin.js";
import type { TwinRow } from "../lib/twin.js";
import { client, status } from "../data/live";
import { may, siteOf } from "../document/page";
import { Icon } from "../ui/icons";
import { useDevice } from "./store";
import type { Device } from "./store";

/** A patch of the desired state that is being written. */
class Editor {
  /** null: it is shut. */
  readonly draft = signal<string | null>(null);
  readonly busy = signal(false);
  readonly problem = signal("");
  /** The version that the draft was begun on: a change by somebody else meanwhile is a conflict. */
  #base = 0;

  constructor(readonly device: Device) {}

  begin(text: string): void {
    this.draft.value = text;
    this.#base = this.device.state.value?.desired_version ?? 0;
    this.problem.value = "";
  }

  shut(): void {
    this.draft.value = null;
  }

  async submit(): Promise<void> {
    const patch: JsonObject = JSON.parse(this.draft.value ?? "{}");
    this.busy.value = true;
    try {
      await client.desired(this.device.key, patch, { if_version: this.#base });
      this.draft.value = null;
    } catch (error) {
      this.problem.value = explained(error);
      this.#base = this.device.state.value?.desired_version ?? 0;
    }
    this.busy.value = false;
  }
}

export function StatePanel() {
  const device = useDevice();
  const [editor] = useState(() => new Editor(device));
  const mayDesire = may("devices.desired", siteOf(device.key));
  const twin = device.state.value;
  const rows = compare(twin?.reported ?? {}, twin?.desired ?? {});
  const pending = rows.filter((row) => row.status === "pending").length;
  return (
    <section class="panel state" aria-labelledby="state-title">
      <div class="panel-head">
        <h2 id="state-title">State</h2>
        {pending > 0 && <span class="chip warn">{pending} pending</span>}
        {twin && twin.desired_version > 0 && (
          <span class="chip" title="Version of the desired state">
            v{twin.desired_version}
          </span>
        )}
        {mayDesire && (
          <button class="button small" onClick={() => editor.begin("{\n  \n}")}>
            Set desired…
          </button>
        )}
      </div>
      {editor.draft.value !== null && <EditorForm editor={editor} />}
      {rows.length > 0 ? (
        <Rows rows={rows} editor={mayDesire ? editor : null} />
      ) : (
        <p class="blank">{twin ? "Nothing reported, nothing desired." : "…"}</p>
      )}
    </section>
  );
}

/** @param editor  null: the user may not change anything */
function Rows({ rows, editor }: { rows: TwinRow[]; editor: Editor | null }) {
  return (
    <div class="scroll">
      <table class="twin">
        <thead>
          <tr>
            <th scope="col">Path</th>
            <th scope="col">Reported</th>
            <th scope="col">Desired</th>
          </tr>
        </thead>
        <tbody class="live">
          {rows.map((row) => (
            <Row key={row.path.join("\n")} row={row} editor={editor} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, editor }: { row: TwinRow; editor: Editor | null }) {
  const { path, reported, desired } = row;
  const shown = [reported, desired].map(formatJson);
  const change = () => editor?.begin(JSON.stringify(patchFor(path, desired ?? reported ?? null), null, 2));
  return (
    <tr class={row.status}>
      <th scope="row" title={path.join(".")}>
        {path.slice(0, -1).map((name, index) => (
          <span key={index}>
            <span class="faint">{name}.</span>
            <wbr />
          </span>
        ))}
        {path.at(-1)}
      </th>
      <td>
        <span key={shown[0]} class={reported === undefined ? "faint" : "flash"}>
          {shown[0] || "–"}
        </span>
      </td>
      <td class="desired">
        <span key={shown[1]} class="flash">
          {shown[1]}
        </span>
        {row.status === "met" && (
          <span class="agreed" title="Reported as desired">
            <Icon name="check" />
          </span>
        )}
        {editor && (
          <button class="button bare small change" aria-label={`Set desired ${path.join(".")}`} onClick={change}>
            <Icon name="pencil" />
          </button>
        )}
      </td>
    </tr>
  );
}

function EditorForm({ editor }: { editor: Editor }) {
  const text = editor.draft.value ?? "";
  const wrong = complaint(text);
  const typed = (event: TargetedEvent<HTMLTextAreaElement>) => (editor.draft.value = event.currentTarget.value);
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape") editor.shut();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !wrong) editor.submit();
  };
  const sent = (event: Event) => {
    event.preventDefault();
    editor.submit();
  };
  const busy = editor.busy.value;
  return (
    <form class="editor" onSubmit={sent} onKeyDown={keys}>
      <label class="label" for="patch">
        Merge patch on desired: <code>null</code> removes, what is left out stays
      </label>
      <textarea
        class="field"
        id="patch"
        rows={Math.min(12, Math.max(3, text.split("\n").length))}
        spellcheck={false}
        ref={focusOnce}
        value={text}
        aria-invalid={wrong !== ""}
        onInput={typed}
      />
      <p class="error-text" role="alert">
        {editor.problem.value || (text.trim() === "" ? "" : wrong)}
      </p>
      <div class="editor-end">
        <button class="button" type="button" onClick={() => editor.shut()}>
          Cancel
        </button>
        <button class="button primary" disabled={wrong !== "" || busy || status.value !== "live"}>
          {busy ? "Setting…" : "Set desired"}
        </button>
      </div>
    </form>
  );
}

function focusOnce(field: HTMLTextAreaElement | null) {
  if (!field || field.dataset["focused"]) return;
  field.dataset["focused"] = "yes";
  field.focus();
  const at = field.value.startsWith("{\n  \n") ? 4 : field.value.length;
  field.setSelectionRange(at, at);
}

/** What is wrong with a patch, "" if nothing. */
function complaint(text: string): string {
  try {
    return isObject(JSON.parse(text)) ? inexact(text) : "A merge patch is a JSON object.";
  } catch (error) {
    return `Not JSON yet: ${(error as Error).message}`;
  }
}

function explained(error: unknown): string {
  if (!(error instanceof RequestError)) return String(error);
  if (error.code === "conflict")
    return "Somebody else changed desired meanwhile. Look at it again; a second try applies your patch to that.";
  if (error.code === "timeout" || error.code === "disconnected")
    return `${error.message} The state shows whether it was set.`;
  return error.message;
}
