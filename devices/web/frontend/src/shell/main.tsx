/** Runs in every document of Causeway's own: shows the page that the server names. */

import type { ComponentType } from "preact";

import { page } from "../page";
import { show } from "./show";

const GROUPS: { [name: string]: () => Promise<{ default: ComponentType }> } = {
  fleet: () => import("../fleet/page"),
  device: () => import("../device/page"),
  ops: () => import("../ops/page"),
};

const load = GROUPS[page.name] ?? GROUPS["fleet"]!;
load().then(
  ({ default: Content }) => show(<Content />),
  () => dispatchEvent(new Event("causeway-part-missing")), // templates/causeway/boot.js loads the page again
);
