/** The fleet page. */

import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";

import { useCauseway, useKept } from "../data/causeway";
import { page } from "../document/page";
import { registerPage } from "../document/registry";
import { Icon } from "../ui/icons";
import { parts, t } from "../words/words.js";
import { Fleet, FleetContext, useFleet } from "./store";
import { Table } from "./table";
import { Toolbar } from "./toolbar";

const LINGER_MS = 600_000; // who comes back within that time needs no snapshot

registerPage("fleet", { component: FleetPage });

function FleetPage() {
  const { twins } = useCauseway();
  const fleet = useKept("fleet", () => new Fleet(twins), LINGER_MS);
  useLayoutEffect(() => fleet.followAddress(), [fleet]);
  return (
    <FleetContext.Provider value={fleet}>
      <Content />
    </FleetContext.Provider>
  );
}

function Content() {
  const { problem, size, loaded, rows } = useFleet();
  if (Object.keys(page.roles).length === 0) return <NoRole />;
  if (problem.value)
    return (
      <div class="blank">
        <p class="error-text" role="alert">
          {problem.value}
        </p>
      </div>
    );
  if (size.value === 0) return loaded.value ? <Empty /> : <Loading />;
  return (
    <>
      <h1 class="hidden-text">{t("fleet.title")}</h1>
      <Toolbar />
      {rows.value.length > 0 ? <Table /> : <NoMatch />}
    </>
  );
}

function Loading() {
  return (
    <div class="loading" aria-busy="true" aria-label={t("fleet.loading")}>
      {[...Array(12).keys()].map((nth) => (
        <i key={nth} />
      ))}
    </div>
  );
}

function NoMatch() {
  const fleet = useFleet();
  return (
    <div class="blank">
      <p>{t("fleet.no_match")}</p>
      <button class="button" onClick={() => fleet.want({ query: "", site: "", status: "" })}>
        {t("fleet.clear")}
      </button>
    </div>
  );
}

function NoRole() {
  return (
    <div class="welcome">
      <h1>{t("fleet.no_role")}</h1>
      <p>{t("fleet.no_role.text")}</p>
    </div>
  );
}

/** What makes a fleet: a first message. */
function Empty() {
  const topic = `${page.mqtt.root}/demo/my-device/telemetry`;
  const broker = `-h ${location.hostname} -p ${page.mqtt.port}`;
  const line = `mosquitto_pub ${broker} -q 1 -t ${topic} -m '{"temperature": 21.5}'`;
  const provision = "python manage.py provision_device demo/my-device";
  return (
    <div class="welcome">
      <h1>{t("fleet.none")}</h1>
      <p>{t(page.mqtt.auto_register ? "fleet.none.send" : "fleet.none.register")}</p>
      {!page.mqtt.auto_register && <Copyable text={provision} />}
      <Copyable text={line} />
      <p class="muted">
        {parts("fleet.none.login", {
          option: <code>-u USER -P PASSWORD</code>,
          command: <code>manage.py provision_device</code>,
        })}
      </p>
      <p class="listening" role="status">
        <i />
        {t("fleet.none.listening")}
      </p>
    </div>
  );
}

function Copyable({ text }: { text: string }) {
  const done = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    done.value = true;
  };
  return (
    <div class="copyable">
      <pre>{text}</pre>
      {navigator.clipboard && (
        <button class="button small" onClick={copy}>
          <Icon name={done.value ? "check" : "copy"} />
          {t(done.value ? "fleet.copied" : "fleet.copy")}
        </button>
      )}
    </div>
  );
}
