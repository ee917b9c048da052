/** What the shell adds around the pages for who uses them: preferences, keys, and in which zone times are. */

import { render } from "preact";

import { now } from "../data/live";
import { page } from "../document/page";
import { zoneNote } from "../words/locale.js";
import { t } from "../words/words.js";
import { PreferencesForm } from "./account";
import { Overlay, listenToKeys } from "./keys";

const HOUR_MS = 3_600_000; // what a zone differs by changes at full hours

/** Put it where the document has places for it. */
export function startChrome(): void {
  const [preferences, overlay, zone] = ["preferences", "overlay", "zone"].map((id) => document.getElementById(id));
  if (preferences && page.user.board === null) render(<PreferencesForm />, preferences);
  if (overlay) render(<Overlay />, overlay);
  if (zone) render(<ZoneNote />, zone);
  listenToKeys();
}

/** Always there: in which time zone the page's times are. */
function ZoneNote() {
  const hour = Math.floor(now.value / HOUR_MS) * HOUR_MS;
  return <>{t("zone.note", { zone: zoneNote(hour) })}</>;
}
