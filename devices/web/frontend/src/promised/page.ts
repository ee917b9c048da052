/** Promised to other people's pages: what the server put into the document, what the user may do, where a device's page is. */

export { deviceUrl, may, page } from "../document/page";
export type { Page } from "../document/page";
