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
import { parts, t } from "../words/words.js";
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
        <h2 id="state-title">{t("device.state")}</h2>
        {pending > 0 && <span class="chip warn">{t("device.state.pending", { count: pending })}</span>}
        {twin && twin.desired_version > 0 && (
          <span class="chip" title={t("device.state.version")}>
            v{twin.desired_version}
          </span>
        )}
        {mayDesire && (
          <button class="button small" onClick={() => editor.begin("{\n  \n}")}>
            {t("device.state.set")}…
          </button>
        )}
      </div>
      {editor.draft.value !== null && <EditorForm editor={editor} />}
      {rows.length > 0 ? (
        <Rows rows={rows} editor={mayDesire ? editor : null} />
      ) : (
        <p class="blank">{twin ? t("device.state.none") : "…"}</p>
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
            <th scope="col">{t("device.state.path")}</th>
            <th scope="col">{t("device.state.reported")}</th>
            <th scope="col">{t("device.state.desired")}</th>
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
          <span class="agreed" title={t("device.state.met")}>
            <Icon name="check" />
          </span>
        )}
        {editor && (
          <button class="button bare small change" aria-label={t("device.state.change", { path: path.join(".") })} onClick={change}>
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
        {parts("device.state.patch", { null: <code>null</code> })}
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
          {t("kit.cancel")}
        </button>
        <button class="button primary" disabled={wrong !== "" || busy || status.value !== "live"}>
          {busy ? t("device.state.setting") : t("device.state.set")}
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
    return isObject(JSON.parse(text)) ? inexact(text) : t("device.state.object");
  } catch (error) {
    return t("device.state.not_json", { why: (error as Error).message });
  }
}

function explained(error: unknown): string {
  if (!(error instanceof RequestError)) return String(error);
  if (error.code === "conflict")
    return t("device.state.conflict");
  if (error.code === "timeout" || error.code === "disconnected")
    return t("device.state.unsure", { why: error.message });
  return error.message;
}
