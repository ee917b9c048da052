/** Promised to other people's modules: registering a page or a panel, and what these are handed. */

export { registerPage, registerPanel } from "../document/registry";
export type { PageDefinition, PageProps, PanelDefinition, PanelDevice, PanelProps } from "../document/registry";
export type { Causeway } from "../data/causeway";
