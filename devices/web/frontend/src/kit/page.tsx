/** All of the kit in all its states, for who builds pages with it (only with DEBUG). What axe finds here, it would find everywhere. */

import { useMemo, useState } from "preact/hooks";

import { registerPage } from "../document/registry";
import { Badge } from "./badge";
import { Chart } from "./chart";
import { Confirm, Dialog } from "./dialog";
import { Field } from "./field";
import { Form } from "./form";
import { Menu } from "./menu";
import { Panel } from "./panel";
import { More, ShortTable } from "./lists";
import type { ShortColumn } from "./lists";
import type { Schema } from "./schema.js";
import { Empty, Loading, NotLoaded } from "./states";
import { Table } from "./table";
import type { Column, Order } from "./table";
import { Tabs } from "./tabs";
import { ToastList, Toasts } from "./toast";

registerPage("kit", { component: KitPage });

function KitPage() {
  const [toasts] = useState(() => new Toasts());
  return (
    <div class="kit-page">
      <h1 class="wide">The kit</h1>
      <Badges />
      <Buttons toasts={toasts} />
      <States toasts={toasts} />
      <Fields />
      <Panel title="Form from JSON Schema">
        <Form schema={SCHEMA} value={{ level: 40 }} action="Send" onSubmit={(value) => toasts.tell(JSON.stringify(value), "ok")} />
      </Panel>
      <TabsPanel />
      <Panel title="Chart">
        <Chart label="A wave, with a gap" {...WAVE} />
      </Panel>
      <ShortLists />
      <TablePanel />
      <ToastList toasts={toasts} />
    </div>
  );
}

function Badges() {
  return (
    <Panel title="Badge" head={<Badge tone="ok">in the head</Badge>}>
      <p class="kit-row">
        <Badge>plain</Badge>
        <Badge tone="ok">ok</Badge>
        <Badge tone="warn">warn</Badge>
        <Badge tone="bad">bad</Badge>
        <Badge tone="accent">accent</Badge>
        <span class="old">not current</span>
      </p>
    </Panel>
  );
}

function Buttons({ toasts }: { toasts: Toasts }) {
  const [open, setOpen] = useState<"" | "dialog" | "confirm">("");
  const close = () => setOpen("");
  return (
    <Panel title="Buttons, menu, dialogs, toasts">
      <div class="kit-row">
        <button class="button">Button</button>
        <button class="button primary" onClick={() => setOpen("dialog")}>
          Open a dialog
        </button>
        <button class="button danger" onClick={() => setOpen("confirm")}>
          Ask first
        </button>
        <button class="button" disabled>
          Disabled
        </button>
        <button class="button primary" disabled>
          Disabled too
        </button>
        <Menu
          label="Menu"
          items={[
            { label: "Tell something", onChoose: () => toasts.tell("Something was told.") },
            { label: "Tell an error", onChoose: () => toasts.tell("Something went wrong. It stays until it is closed.", "bad") },
            { label: "A link", href: "#main" },
            { label: "Not now", disabled: true },
          ]}
        />
      </div>
      {open === "dialog" && (
        <Dialog title="A dialog" onClose={close}>
          <p>Escape closes it.</p>
          <p class="kit-buttons">
            <button class="button" autofocus onClick={close}>
              Close
            </button>
          </p>
        </Dialog>
      )}
      {open === "confirm" && (
        <Confirm title="Restart the pump?" yes="Restart" onAnswer={close}>
          <p>It stands still for a minute then.</p>
        </Confirm>
      )}
    </Panel>
  );
}

function States({ toasts }: { toasts: Toasts }) {
  return (
    <Panel title="Empty, loading, not loaded">
      <Empty>Nothing was rejected.</Empty>
      <Loading />
      <NotLoaded why="the database does not answer" onRetry={() => toasts.tell("Tried again.")} />
    </Panel>
  );
}

function Fields() {
  return (
    <Panel title="Field">
      <div class="kit-form">
        <Field label="Name" hint="As people call it">
          {(attributes) => <input {...attributes} class="field" placeholder="Hall 2" />}
        </Field>
        <Field label="Level" required error="at most 100">
          {(attributes) => <input {...attributes} class="field" value="140" />}
        </Field>
      </div>
    </Panel>
  );
}

function TabsPanel() {
  const [shown, setShown] = useState("one");
  return (
    <Panel title="Tabs">
      <Tabs
        label="Tabs"
        shown={shown}
        onShow={setShown}
        tabs={[
          { name: "one", label: "One", content: () => <p>The first.</p> },
          { name: "two", label: "Two", content: () => <p>The second.</p> },
        ]}
      />
    </Panel>
  );
}

interface Row {
  key: string;
  level: number;
}

const SHORT: ShortColumn<Row>[] = [
  { name: "key", title: "Device", cell: ({ key }) => key },
  { name: "level", title: "Level", cell: ({ level }) => level, numeric: true },
];

function ShortLists() {
  const rows = Array.from({ length: 5 }, (_, index) => ({ key: `demo/tank-${index + 1}`, level: index * 20 }));
  return (
    <Panel title="Short table, first items of a list">
      <ShortTable label="Tanks of the kit" columns={SHORT} rows={rows.slice(0, 2)} keyOf={({ key }) => key} heading="key" />
      <More items={rows} first={3}>
        {(shown) => (
          <ul>
            {shown.map(({ key }) => (
              <li key={key}>{key}</li>
            ))}
          </ul>
        )}
      </More>
    </Panel>
  );
}

const COLUMNS: Column<Row>[] = [
  { name: "key", title: "Device", cell: ({ key }) => key, sortable: true },
  { name: "level", title: "Level", cell: ({ level }) => level, numeric: true, sortable: true },
  { name: "state", title: "State", cell: ({ level }) => <Badge tone={level > 90 ? "warn" : "ok"}>{level > 90 ? "high" : "good"}</Badge> },
];

function TablePanel() {
  const [order, setOrder] = useState<Order>({ column: "key", descending: false });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set(["demo/pump-2"]));
  const [opened, setOpened] = useState("");
  const rows = useMemo(() => {
    const all = Array.from({ length: 300 }, (_, index) => ({ key: `demo/pump-${index + 1}`, level: (index * 37) % 101 }));
    if (order.column === "level") all.sort((one, other) => one.level - other.level);
    return order.descending ? all.reverse() : all;
  }, [order]);
  return (
    <Panel title="Table" name="wide" head={<Badge live>{opened || `${selected.size} selected`}</Badge>}>
      <Table
        label="Devices of the kit"
        columns={COLUMNS}
        rows={rows}
        keyOf={({ key }) => key}
        order={order}
        onOrder={setOrder}
        selected={selected}
        onSelect={setSelected}
        onOpen={({ key }) => setOpened(key)}
      />
    </Panel>
  );
}

const WAVE = {
  times: Array.from({ length: 120 }, (_, index) => Date.UTC(2026, 0, 1, 23) + index * 60_000),
  values: Array.from({ length: 120 }, (_, index) => (index > 50 && index < 60 ? null : 20 + 5 * Math.sin(index / 12))),
};

const SCHEMA: Schema = {
  required: ["mode", "level"],
  properties: {
    mode: { title: "Mode", enum: ["heat", "cool", "off"], description: "What it is to do" },
    level: { title: "Level", type: "integer", minimum: 0, maximum: 100, description: "Percent" },
    target: { title: "Target", type: "number" },
    note: { title: "Note", type: "string" },
    night: { title: "By night, too", type: "boolean" },
    more: { title: "More", type: "object", description: "JSON" },
  },
};
