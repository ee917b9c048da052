/** Promised to other people's pages: the document's one client, and whether what is shown is what the devices say now. */

export { client, fresh } from "../data/live";
