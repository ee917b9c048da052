/** Who else is at the device's page, and what they are about to do. Nothing is shown to who is alone. */

import { useEffect, useRef, useState } from "preact/hooks";

import type { Doing, Stay } from "#client/attendance.js";
import type { Client } from "#client/client.js";
import type { AttendingPerson } from "#client/types.js";
import { formatTime } from "../lib/format.js";
import { useCauseway } from "../data/causeway";
import { link } from "../data/live";
import { page } from "../document/page";
import { t } from "../words/words.js";
import { useDevice } from "./store";

const MOST_NAMED = 6;

export function People() {
  const { client } = useCauseway();
  const { key } = useDevice();
  const [people, setPeople] = useState<AttendingPerson[] | null>(null);
  useEffect(() => {
    const stay = attend(client, key, "viewing");
    setPeople(stay?.people ?? null);
    const off = stay?.on("people", setPeople);
    return () => {
      off?.();
      stay?.leave();
    };
  }, [client, key]);
  const others = (people ?? []).filter(({ user }) => user !== page.user.name);
  if (others.length === 0) return null;
  const more = others.length - MOST_NAMED;
  return (
    <div class="people">
      <span class="faint" id="people-title">
        {t("device.people")}
      </span>
      <ul aria-labelledby="people-title">
        {others.slice(0, MOST_NAMED).map(({ user, doing, since }) => (
          <li key={user} class={`chip ${doing === "viewing" ? "" : "warn"}`} title={t("device.people.since", { time: formatTime(since) })}>
            {doing === "viewing" ? user : t(`device.people.${doing}`, { user })}
          </li>
        ))}
        {more > 0 && <li class="chip">{t("device.people.more", { count: more })}</li>}
      </ul>
      {link.value?.layer === "down" && <span class="faint">{t("device.people.before")}</span>}
    </div>
  );
}

/** null: a board is no person, the server would refuse. */
function attend(client: Client, key: string, doing: Doing): Stay | null {
  return page.user.board === null ? client.attend(key, doing) : null;
}

/** Tell others that the user does something at the device's page, as long as the component is shown. */
export function useDoing(doing: Doing) {
  const { client } = useCauseway();
  const { key } = useDevice();
  useEffect(() => {
    const stay = attend(client, key, doing);
    return () => stay?.leave();
  }, [client, key, doing]);
}

/** The same, as long as a field of an element has the focus: what it returns are attributes of the element. */
export function useDoingIn(doing: Doing) {
  const { client } = useCauseway();
  const { key } = useDevice();
  const stay = useRef<Stay | null>(null);
  const stop = () => {
    stay.current?.leave();
    stay.current = null;
  };
  useEffect(() => stop, [client, key]);
  return {
    onFocusIn: ({ target }: FocusEvent) => {
      if (target instanceof Element && target.matches("input, select, textarea, dialog *")) stay.current ??= attend(client, key, doing);
    },
    onFocusOut: ({ currentTarget, relatedTarget }: FocusEvent) => {
      const isInside = currentTarget instanceof Element && relatedTarget instanceof Node && currentTarget.contains(relatedTarget);
      if (!isInside) stop();
    },
  };
}
