/** Pages and panels register themselves here, Causeway's own as well as apps'. */

import type { Signal } from "@preact/signals";
import type { ComponentType } from "preact";

import type { DeviceState } from "#client/types.js";
import type { Causeway } from "../data/causeway";

export interface PageProps {
  /** what the path has for the page's parameters: `{site: "demo"}` */
  params: { [name: string]: string };
  /** what the page's `data` gave at the server */
  data: { [name: string]: any };
  causeway: Causeway;
}

export interface PageDefinition {
  component: ComponentType<PageProps>;
  /** of the document; by default the one that it was registered with at the server */
  title?: (props: PageProps) => string;
}

/** The device that a panel stands beside. */
export interface PanelDevice {
  /** site/name */
  readonly key: string;
  /** null: not known yet */
  readonly state: Signal<DeviceState | null>;
}

export interface PanelProps {
  device: PanelDevice;
  causeway: Causeway;
}

export interface PanelDefinition {
  component: ComponentType<PanelProps>;
}

const pages = new Map<string, PageDefinition>();
const panels = new Map<string, PanelDefinition>();

/** @param name  as the page is registered at the server */
export function registerPage(name: string, definition: PageDefinition): void {
  pages.set(name, definition);
}

/** @param name  as the panel is registered at the server */
export function registerPanel(name: string, definition: PanelDefinition): void {
  panels.set(name, definition);
}

export function registeredPage(name: string): PageDefinition | undefined {
  return pages.get(name);
}

export function registeredPanel(name: string): PanelDefinition | undefined {
  return panels.get(name);
}
