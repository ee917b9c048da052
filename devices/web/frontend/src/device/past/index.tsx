/** The device as of a time. What shows it is loaded when somebody looks back. */

import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";

import { serverNow } from "../../data/clock";
import { messageOf } from "../../data/failures";
import { t } from "../../words/words.js";
import { useDevice } from "../store";
import { goTo } from "./as_of";

/** Leads back in time, from the heading. */
export function AsOfButton() {
  return (
    <button class="button" onClick={() => goTo(serverNow())} title={t("device.past.tip")}>
      {t("device.past.open")}
    </button>
  );
}

export function Past() {
  const Panel = useSignal<ComponentType | null>(null);
  const error = useSignal("");
  const wanted = useDevice().at.value !== null;
  useEffect(() => {
    if (wanted && !Panel.value)
      import("./panel").then(
        ({ PastPanel }) => (Panel.value = PastPanel),
        (problem) => (error.value = messageOf(problem)),
      );
  }, [wanted]);
  if (!wanted) return null;
  if (error.value) return <p class="blank error-text">{error.value}</p>;
  return Panel.value ? <Panel.value /> : <p class="blank">{t("kit.loading")}</p>;
}
