/** The device page. */

import { useLayoutEffect, useState } from "preact/hooks";

import { whileShown } from "../document/address";
import { useKept } from "../data/causeway";
import type { Twins } from "../data/twins";
import { page } from "../document/page";
import { registerPage } from "../document/registry";
import type { PageProps } from "../document/registry";
import { useTitle } from "../document/title";
import { Boundary } from "../ui/boundary";
import { t } from "../words/words.js";
import { Charts } from "./telemetry/charts/charts";
import { Ranges } from "./telemetry/charts/ranges";
import { Saving } from "./telemetry/charts/saved/saving";
import { ChartsContext, Stretch } from "./telemetry/charts/stretch";
import { CommandsPanel } from "./commands/panel";
import { ControlsPanel } from "./controls/panel";
import { EventsPanel } from "./events";
import { Head } from "./head";
import { Metrics } from "./telemetry/metrics";
import { Panels } from "./panels";
import { Past } from "./past";
import { RefusedPanel } from "./refused";
import { SpeaksPanel } from "./speaks/panel";
import { StatePanel } from "./state/panel";
import { Device, DeviceContext, useDevice } from "./store";

const LINGER_MS = 30_000;

registerPage("device", { component: DevicePage, title: ({ params, causeway }) => titleOf(keyOf(params), causeway.twins) });

/** As people call it, if somebody has named it. */
function titleOf(key: string, twins: Twins): string {
  const name = twins.get(key)?.description?.["name"];
  return (typeof name === "string" && name.trim()) || key;
}

const keyOf = ({ site, name }: PageProps["params"]) => `${site}/${name}`;

function DevicePage({ params, causeway }: PageProps) {
  const key = keyOf(params);
  const device = useKept(`device ${key}`, () => new Device(key, causeway), LINGER_MS);
  useLayoutEffect(() => followAddress(device), [device]);
  useTitle(device.what.value.texts.name.trim() || key);
  if (device.gone.value) return <Gone name={key} />;
  const isKnown = device.state.value !== null;
  const isPast = device.at.value !== null;
  return (
    <DeviceContext.Provider value={device}>
      <Head />
      <div class={`device ${isKnown ? "" : "waiting"}`} aria-busy={!isKnown}>
        {isPast ? (
          <Boundary name={t("device.past.open")}>
            <Past />
          </Boundary>
        ) : (
          <Boundary name={t("device.controls")}>
            <ControlsPanel />
          </Boundary>
        )}
        <Boundary name={t("device.telemetry")}>
          <TelemetryPanel />
        </Boundary>
        {!isPast && <Present device={device} />}
      </div>
    </DeviceContext.Provider>
  );
}

/** What is known now, and what can be done. */
function Present({ device }: { device: Device }) {
  return (
    <>
      <Boundary name={t("device.state")}>
        <StatePanel />
      </Boundary>
      <Boundary name={t("device.commands")}>
        <CommandsPanel />
      </Boundary>
      <Boundary name={t("device.events")}>
        <EventsPanel />
      </Boundary>
      <Boundary name={t("device.refused")}>
        <RefusedPanel />
      </Boundary>
      <Boundary name={t("device.speaks")}>
        <SpeaksPanel />
      </Boundary>
      <Panels device={device} />
    </>
  );
}

/** Draw what the address says, as long as the page is shown. */
function followAddress(device: Device) {
  return whileShown((address) => {
    const names = address.getAll("draw");
    device.draw(names.length > 0 ? names : null);
    device.find(address.get("command") ?? "");
    const at = Number(address.get("at") ?? NaN);
    device.at.value = at > 0 ? at : null;
  });
}

function TelemetryPanel() {
  const { state, at } = useDevice();
  const [stretch] = useState(() => new Stretch());
  useLayoutEffect(() => stretch.followAddress(), [stretch]);
  return (
    <ChartsContext.Provider value={stretch}>
      <section class="panel telemetry" aria-labelledby="telemetry-title">
        <div class="panel-head">
          <h2 id="telemetry-title">{t("device.telemetry")}</h2>
          <span class="charts-tools">
            <Ranges />
            <Saving />
          </span>
        </div>
        {state.value && (
          <div class={at.value === null ? "telemetry-body" : "telemetry-body alone"}>
            <Charts />
            {at.value === null && <Metrics />}
          </div>
        )}
      </section>
    </ChartsContext.Provider>
  );
}

function Gone({ name }: { name: string }) {
  return (
    <div class="blank">
      <p>{t("device.gone", { device: name })}</p>
      <a class="button" href={`${page.base}/`}>
        {t("device.to_fleet")}
      </a>
    </div>
  );
}
