/** Promised to other people's pages: what the server put into the document, and what the user may do. */

export { may, page } from "../document/page";
export type { Page } from "../document/page";
