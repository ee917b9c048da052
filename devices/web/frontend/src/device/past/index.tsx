/** The device as of a time. What shows it is loaded when somebody looks back. */

import { serverNow } from "../../data/clock";
import { tell } from "../../document/address";
import { lazy } from "../../ui/lazy";
import { t } from "../../words/words.js";

export const Past = lazy(async () => (await import("./panel")).PastPanel);

/** Leads back in time, from the heading. */
export function AsOfButton() {
  return (
    <button class="button" onClick={() => tell({ at: String(Math.round(serverNow())) })} title={t("device.past.tip")}>
      {t("device.past.open")}
    </button>
  );
}
