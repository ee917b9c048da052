/** Reported beside desired, differences first to the eye; operators change desired by merge patch. */

import { useState } from "preact/hooks";

import { may, siteOf } from "../../document/page";
import { More } from "../../kit/lists";
import { formatJson } from "../../lib/format.js";
import { compare, patchFor } from "../../lib/twin.js";
import type { TwinRow } from "../../lib/twin.js";
import { Icon } from "../../ui/icons";
import { t } from "../../words/words.js";
import { useDevice } from "../store";
import { Editor } from "./editor";
import { EditorForm } from "./form";

const FIRST = 16;

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
          <button class="button small" onClick={() => editor.begin({})}>
            {t("device.state.set")}…
          </button>
        )}
      </div>
      {mayDesire && editor.isOpen && <EditorForm editor={editor} />}
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
    <More items={rows} first={FIRST} isWanted={(row) => row.status === "pending"}>
      {(shown) => (
        <table class="twin">
          <thead>
            <tr>
              <th scope="col">{t("device.state.path")}</th>
              <th scope="col">{t("device.state.reported")}</th>
              <th scope="col">{t("device.state.desired")}</th>
            </tr>
          </thead>
          <tbody class="live">
            {shown.map((row) => (
              <Row key={row.path.join("\n")} row={row} editor={editor} />
            ))}
          </tbody>
        </table>
      )}
    </More>
  );
}

function Row({ row, editor }: { row: TwinRow; editor: Editor | null }) {
  const { path, reported, desired } = row;
  const shown = [reported, desired].map(formatJson);
  const change = () => editor?.begin(patchFor(path, desired ?? reported ?? null));
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
