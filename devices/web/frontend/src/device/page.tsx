/** The device page. */

import { useLayoutEffect, useState } from "preact/hooks";

import type { DeviceState, Presence } from "#client/types.js";
import { whileShown } from "../document/address";
import { useKept } from "../data/causeway";
import { formatSpan, formatTime, formatWhy } from "../lib/format.js";
import { now } from "../data/live";
import { page } from "../document/page";
import { registerPage } from "../document/registry";
import type { PageProps } from "../document/registry";
import { Boundary } from "../ui/boundary";
import { Glyph, nameOfStatus } from "../ui/presence";
import { Charts, ChartsContext, Ranges, Stretch } from "./charts";
import { CommandsPanel } from "./commands";
import { EventsPanel } from "./events";
import { Metrics } from "./metrics";
import { Panels } from "./panels";
import { RefusedPanel } from "./refused";
import { StatePanel } from "./state";
import { Device, DeviceContext, useDevice } from "./store";

const LINGER_MS = 30_000;

registerPage("device", { component: DevicePage, title: ({ params }) => keyOf(params) });

const keyOf = ({ site, name }: PageProps["params"]) => `${site}/${name}`;

function DevicePage({ params, causeway }: PageProps) {
  const key = keyOf(params);
  const device = useKept(`device ${key}`, () => new Device(key, causeway), LINGER_MS);
  useLayoutEffect(() => followAddress(device), [device]);
  if (device.gone.value) return <Gone name={key} />;
  const isKnown = device.state.value !== null;
  return (
    <DeviceContext.Provider value={device}>
      <Head />
      <div class={`device ${isKnown ? "" : "waiting"}`} aria-busy={!isKnown}>
        <Boundary name="Telemetry">
          <TelemetryPanel />
        </Boundary>
        <Boundary name="State">
          <StatePanel />
        </Boundary>
        <Boundary name="Commands">
          <CommandsPanel />
        </Boundary>
        <Boundary name="Events">
          <EventsPanel />
        </Boundary>
        <Boundary name="Not taken as it came">
          <RefusedPanel />
        </Boundary>
        <Panels device={device} />
      </div>
    </DeviceContext.Provider>
  );
}

/** Draw what the address says, as long as the page is shown. */
function followAddress(device: Device) {
  return whileShown((address) => {
    const names = address.getAll("draw");
    device.draw(names.length > 0 ? names : null);
    device.find(address.get("command") ?? "");
  });
}

function TelemetryPanel() {
  const { state } = useDevice();
  const [stretch] = useState(() => new Stretch());
  useLayoutEffect(() => stretch.followAddress(), [stretch]);
  return (
    <ChartsContext.Provider value={stretch}>
      <section class="panel telemetry" aria-labelledby="telemetry-title">
        <div class="panel-head">
          <h2 id="telemetry-title">Telemetry</h2>
          <Ranges />
        </div>
        {state.value && (
          <div class="telemetry-body">
            <Charts />
            <Metrics />
          </div>
        )}
      </section>
    </ChartsContext.Provider>
  );
}

function Head() {
  const device = useDevice();
  const twin = device.state.value;
  const [site = "", name = ""] = device.key.split("/");
  return (
    <div class="device-head">
      <nav aria-label="Where this is">
        <a href={`${page.base}/`}>Fleet</a>
        <span class="faint">/</span>
        <a href={`${page.base}/?site=${encodeURIComponent(site)}`}>{site}</a>
      </nav>
      <div class="device-title">
        <h1>{name}</h1>
        {twin && <Badge presence={twin.presence} />}
        {device.isNotUnderstood() && (
          <a class="chip bad" href="#refused">
            not understood
          </a>
        )}
        {twin?.tags.map((tag) => (
          <span key={tag} class="chip">
            {tag}
          </span>
        ))}
        <span class="grow" />
        {twin && <LastValue twin={twin} />}
      </div>
    </div>
  );
}

function Badge({ presence }: { presence: Presence }) {
  const { status, since } = presence;
  const why = since ? `since ${formatTime(since)}: ${formatWhy(presence)}` : formatWhy(presence);
  return (
    <>
      <span class={`badge ${status} live`}>
        <Glyph status={status} />
        <b>{nameOfStatus(status)}</b> <span>{since ? formatSpan(now.value - since) : ""}</span>
      </span>
      <span class="faint badge-why">{why}</span>
    </>
  );
}

function LastValue({ twin }: { twin: DeviceState }) {
  const newest = Math.max(0, ...Object.values(twin.metrics).map(({ ts }) => ts));
  const text = newest ? `Last value ${formatSpan(now.value - newest)} ago` : "No values yet";
  return (
    <span class="faint" title={`rev ${twin.rev}`}>
      {text}
    </span>
  );
}

function Gone({ name }: { name: string }) {
  return (
    <div class="blank">
      <p>{name} does not exist any more, or you may not see it any more.</p>
      <a class="button" href={`${page.base}/`}>
        Back to the fleet
      </a>
    </div>
  );
}
