/** What apps add to the page of a device: each in a boundary of its own, so that a broken one harms nobody else. */

import { useEffect, useState } from "preact/hooks";

import { useCauseway } from "../data/causeway";
import { may, page, siteOf } from "../document/page";
import type { PanelEntry } from "../document/page";
import { registeredPanel } from "../document/registry";
import { report } from "../data/reports";
import { alsoStyles } from "../document/styles";
import { Boundary, Broken } from "../ui/boundary";
import type { Device } from "./store";

export function Panels({ device }: { device: Device }) {
  const shown = page.panels.filter(({ capability }) => !capability || may(capability, siteOf(device.key)));
  return (
    <>
      {shown.map((entry) => (
        <Boundary key={entry.name} name={entry.title}>
          <Panel entry={entry} device={device} />
        </Boundary>
      ))}
    </>
  );
}

function Panel({ entry, device }: { entry: PanelEntry; device: Device }) {
  const causeway = useCauseway();
  const [attempt, setAttempt] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const [isThere, setThere] = useState(registeredPanel(entry.name) !== undefined);
  useEffect(() => {
    load(entry, attempt).then(
      () => setThere(true),
      (error) => {
        report(error, entry.title);
        setError(error);
      },
    );
  }, [entry, attempt]);
  const again = () => {
    setError(null);
    setAttempt(attempt + 1);
  };
  if (error) return <Broken name={entry.title} error={error} onAgain={again} />;
  const Content = isThere ? registeredPanel(entry.name)?.component : undefined;
  const id = `panel-${entry.name}`;
  return (
    <section class="panel added" aria-labelledby={id} aria-busy={!Content}>
      <div class="panel-head">
        <h2 id={id}>{entry.title}</h2>
      </div>
      {Content ? <Content device={device} causeway={causeway} /> : <p class="blank">…</p>}
    </section>
  );
}

/** Browsers remember that a module failed: another attempt has another URL. */
async function load({ name, module, styles }: PanelEntry, attempt: number) {
  await Promise.all([import(attempt === 0 ? module : `${module}?again=${attempt}`), alsoStyles(styles)]);
  if (!registeredPanel(name)) throw new Error(`the module ${module} has not registered the panel ${name}`);
}
