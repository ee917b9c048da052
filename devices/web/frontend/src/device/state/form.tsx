/** Where a patch of the desired state is written, with what somebody else changed meanwhile. */

import type { TargetedEvent } from "preact";

import { status } from "../../data/live";
import { Badge } from "../../kit/badge";
import { formatJson } from "../../lib/format.js";
import { parts, t } from "../../words/words.js";
import { useDoing } from "../people";
import { Reach } from "../reach";
import { complaint } from "./editor";
import type { Editor } from "./editor";

const MOST_LINES = 24;

export function EditorForm({ editor }: { editor: Editor }) {
  const text = editor.draft.value?.text ?? "";
  const [wrong, busy] = [complaint(text), editor.busy.value];
  useDoing("editing");
  const isSeen = editor.meanwhile.value.length === 0;
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) editor.submit();
  };
  const sent = (event: Event) => {
    event.preventDefault();
    editor.submit();
  };
  return (
    <form class="editor" onSubmit={sent} onKeyDown={keys}>
      <label class="label" for="patch">
        {parts("device.state.patch", { null: <code>null</code> })}
      </label>
      <textarea
        class="field"
        id="patch"
        rows={Math.min(MOST_LINES, Math.max(3, text.split("\n").length))}
        spellcheck={false}
        ref={focusOnce}
        value={text}
        aria-invalid={wrong !== ""}
        onInput={(event: TargetedEvent<HTMLTextAreaElement>) => editor.write(event.currentTarget.value)}
      />
      <p class="error-text" role="alert">
        {editor.problem.value || (text.trim() === "" ? "" : wrong)}
      </p>
      <div role="status">{!isSeen && <Changed editor={editor} />}</div>
      <Reach of="desired" />
      <div class="editor-end">
        <button class="button" type="button" onClick={() => editor.shut()}>
          {t("kit.cancel")}
        </button>
        <button class="button primary" disabled={wrong !== "" || busy || !isSeen || status.value !== "live"}>
          {busy ? t("device.state.setting") : t("device.state.set")}
        </button>
      </div>
    </form>
  );
}

/** What is not to be overwritten unseen. */
function Changed({ editor }: { editor: Editor }) {
  return (
    <div class="meanwhile">
      <p>
        <strong>{t("device.state.meanwhile")}</strong>
      </p>
      <ul>
        {editor.meanwhile.value.map(({ path, before, after, isOurs }) => (
          <li key={path.join("\n")}>
            <b>{path.join(".")}</b> <code>{formatJson(before) || "–"}</code> → <code>{formatJson(after) || "–"}</code>{" "}
            {isOurs && <Badge tone="warn">{t("device.state.meanwhile.ours")}</Badge>}
          </li>
        ))}
      </ul>
      <button class="button small" type="button" onClick={() => editor.accept()}>
        {t("device.state.meanwhile.accept")}
      </button>
    </div>
  );
}

function focusOnce(field: HTMLTextAreaElement | null) {
  if (!field || field.dataset["focused"]) return;
  field.dataset["focused"] = "yes";
  field.focus({ preventScroll: true });
  const at = field.value.startsWith("{\n  \n") ? 4 : field.value.length;
  field.setSelectionRange(at, at);
}
