/** Saved views: what the user has kept of the fleet under names; the server has them, for each user their own. */

import type { TargetedEvent } from "preact";
import { useRef, useState } from "preact/hooks";

import { messageOf } from "../data/failures";
import { changeView, getViews, removeView, saveView } from "../data/rest";
import type { SavedView } from "../data/rest";
import { Confirm } from "../kit/dialog";
import { Icon } from "../ui/icons";
import { t } from "../words/words.js";
import { useFleet } from "./store";

const PAGE = "fleet";

/** Does something about the views, and shows them as they are then. @returns whether it was done */
type Act = (work?: () => Promise<unknown>) => Promise<boolean>;

export function Views() {
  const [views, setViews] = useState<SavedView[] | null>(null);
  const [problem, setProblem] = useState("");
  const menu = useRef<HTMLDetailsElement>(null);
  const act: Act = async (work) => {
    try {
      await work?.();
      setViews((await getViews()).items.filter((one) => one.page === PAGE));
      setProblem("");
      return true;
    } catch (error) {
      setProblem(messageOf(error));
      return false;
    }
  };
  return (
    <details class="menu views" ref={menu} onToggle={() => menu.current?.open && act()}>
      <summary class="button">{t("views.title")}</summary>
      <div class="menu-panel">
        {views?.map((view) => (
          <View key={view.id} view={view} act={act} onOpen={() => menu.current?.removeAttribute("open")} />
        ))}
        {views?.length === 0 && <p class="menu-note">{t("views.none")}</p>}
        {!views && !problem && <p class="menu-note">{t("kit.loading")}</p>}
        {problem && (
          <p class="error-text" role="alert">
            {problem}
          </p>
        )}
        {views && <Save views={views} act={act} />}
      </div>
    </details>
  );
}

function View({ view, act, onOpen }: { view: SavedView; act: Act; onOpen: () => void }) {
  const { id, name, query } = view;
  const fleet = useFleet();
  const [state, setState] = useState<"" | "renamed" | "asked">("");
  const rename = async (wanted: string) => {
    if (wanted === name || (await act(() => changeView(id, { name: wanted })))) setState("");
  };
  if (state === "renamed") return <Named initial={name} yes={t("views.save")} onName={rename} />;
  return (
    <div class="view">
      <a href={`?${query}`} aria-current={fleet.query === query ? "true" : undefined} onClick={onOpen}>
        <span class="clip">{name}</span>
      </a>
      <button class="button bare small" aria-label={t("views.rename", { name })} onClick={() => setState("renamed")}>
        <Icon name="pencil" />
      </button>
      <button class="button bare small" aria-label={t("views.delete", { name })} onClick={() => setState("asked")}>
        <Icon name="close" />
      </button>
      {state === "asked" && (
        <Confirm
          title={t("views.delete.ask", { name })}
          yes={t("views.delete.yes")}
          onAnswer={(yes) => {
            setState("");
            if (yes) act(() => removeView(id));
          }}
        />
      )}
    </div>
  );
}

/** What is shown now, under a new name or instead of what a view of that name has. */
function Save({ views, act }: { views: SavedView[]; act: Act }) {
  const fleet = useFleet();
  const [count, setCount] = useState(0);
  const [name, setName] = useState("");
  const same = views.find((one) => one.name === name.trim());
  const save = async (wanted: string) => {
    const view = { name: wanted, page: PAGE, query: fleet.query };
    const done = await act(() => (same ? changeView(same.id, { query: view.query }) : saveView(view)));
    if (!done) return;
    setCount(count + 1);
    setName("");
  };
  return (
    <>
      <hr />
      <Named key={count} initial="" yes={t(same ? "views.replace" : "views.save")} onName={save} onInput={setName} />
    </>
  );
}

interface NamedProps {
  initial: string;
  /** what the button says */
  yes: string;
  onName: (name: string) => void;
  onInput?: (name: string) => void;
}

function Named({ initial, yes, onName, onInput }: NamedProps) {
  const [name, setName] = useState(initial);
  const typed = (event: TargetedEvent<HTMLInputElement>) => {
    setName(event.currentTarget.value);
    onInput?.(event.currentTarget.value);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (name.trim()) onName(name.trim());
  };
  return (
    <form class="view" onSubmit={submit}>
      <input
        class="field"
        autocomplete="off"
        maxLength={100}
        placeholder={t("views.name")}
        aria-label={t("views.name")}
        value={name}
        onInput={typed}
      />
      <button class="button small" type="submit" disabled={!name.trim()}>
        {yes}
      </button>
    </form>
  );
}
