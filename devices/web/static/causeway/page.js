/** What the server put into the page: who looks, what they may do, where things are. */

/**
 * @typedef {object} Page
 * @property {{name: string, staff: boolean}} user
 * @property {{[site: string]: string}} roles  "*" for all sites
 * @property {{[site: string]: string[]}} capabilities  "*" for all sites
 * @property {string} name  which page it is
 * @property {string} base  what all paths begin with: "", or a prefix like "/causeway"
 * @property {string} ws
 * @property {string} api
 * @property {{root: string, port: number, auto_register: boolean}} mqtt
 * @property {string} [device]  on a device page: its key
 * @property {string} [role]  on a device page: the user's role at its site
 */

/** @type {Page} */
export const page = JSON.parse(document.getElementById("page")?.textContent ?? "{}");

/**
 * May the user do this at a site? The server asks the same table (devices/rules/capabilities.py) again.
 * @param {string} capability
 * @param {string} [site]  that of the page's device by default
 */
export function may(capability, site = page.device?.split("/")[0] ?? "*") {
  return ["*", site].some((name) => page.capabilities[name]?.includes(capability) ?? false);
}

/** @param {string} key  site/device */
export function deviceUrl(key) {
  return `${page.base}/devices/${key}`;
}

/**
 * What this browser remembers between visits. Never fails: storage may be full, switched off or hold nonsense.
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`causeway.${name}`) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} name @param {unknown} value */
export function remember(name, value) {
  try {
    localStorage.setItem(`causeway.${name}`, JSON.stringify(value));
  } catch {
    // then not
  }
}
