/** Keeps what the charts show as a file. */

import { useSignal } from "@preact/signals";

import { messageOf } from "../../../../data/failures";
import { Menu } from "../../../../kit/menu";
import { t } from "../../../../words/words.js";
import { useDevice } from "../../../store";
import { useStretch } from "../stretch";

export function Saving() {
  const device = useDevice();
  const stretch = useStretch();
  const error = useSignal("");
  const attempt = (save: (files: typeof import("./files")) => Promise<void>) => async () => {
    error.value = "";
    try {
      await save(await import("./files"));
    } catch (problem) {
      error.value = messageOf(problem);
    }
  };
  const png = attempt(async ({ savePng }) => {
    const root = document.querySelector<HTMLElement>(".charts");
    if (root) await savePng(root, [device], stretch);
  });
  const csv = attempt(({ saveCsv }) => saveCsv([device], device.charted.value, stretch));
  if (device.charted.value.length === 0) return null;
  return (
    <div class="saving">
      <Menu
        label={t("device.save")}
        items={[
          { label: t("device.save.csv"), onChoose: csv },
          { label: t("device.save.png"), onChoose: png },
        ]}
      />
      {error.value && (
        <span class="error-text" role="alert">
          {t("device.save.failed", { why: error.value })}
        </span>
      )}
    </div>
  );
}
