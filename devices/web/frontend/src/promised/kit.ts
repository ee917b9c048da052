/** Promised to other people's modules: the components that Causeway's own pages are made of; /kit shows them (DEBUG). */

export { Badge } from "../kit/badge";
export { Chart } from "../kit/chart";
export { Confirm, Dialog } from "../kit/dialog";
export { Field } from "../kit/field";
export { Form } from "../kit/form";
export { Menu } from "../kit/menu";
export { Panel } from "../kit/panel";
export { Empty, Loading, NotLoaded } from "../kit/states";
export { Table } from "../kit/table";
export { Tabs } from "../kit/tabs";
export { ToastList, Toasts } from "../kit/toast";
