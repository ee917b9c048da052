/** What an address asks of the fleet, and how an address, or a saved view, says what is shown. Pure. */

/** @import {Wanted} from "./device_list.js" */

/**
 * @typedef {{sort: string, descending: boolean}} Order
 * @typedef {{wanted: Wanted, columns: string[]}} Shown  columns: no names: as it fits the fleet
 * @typedef {{order: Order, columns: string[]}} Last  what was chosen last, which holds where an address says nothing
 */

const AS_IT_FITS = "*"; // no metric is called that

/** @type {Order} */
export const USUAL_ORDER = { sort: "device", descending: false };

/** @param {URLSearchParams} address @param {Last} last @returns {Shown} */
export function shownBy(address, last) {
  const [sort, names] = [address.get("sort"), address.getAll("column")];
  const order = sort ? { sort, descending: address.get("order") === "down" } : last.order;
  return {
    wanted: {
      query: address.get("q") ?? "",
      site: address.get("site") ?? "",
      status: /** @type {Wanted["status"]} */ (address.get("status") ?? ""),
      sort: order.sort,
      descending: order.descending,
    },
    columns: names.length > 0 ? names.filter((name) => name !== AS_IT_FITS) : last.columns,
  };
}

/**
 * The parameters of an address that is read as this. What goes without saying is left out.
 * @param {Shown} shown
 * @param {Last | null} last  null: nothing goes without saying, for the address is to mean the same at any time
 * @returns {{[name: string]: string | string[] | null}}
 */
export function addressOf({ wanted, columns }, last) {
  const { query, site, status, sort, descending } = wanted;
  const saysOrder = !last || !isUsual(wanted) || !isUsual(last.order);
  const saysColumns = columns.length > 0 || !last || last.columns.length > 0;
  return {
    q: query,
    site,
    status,
    sort: saysOrder ? sort : null,
    order: descending ? "down" : null,
    column: columns.length > 0 ? columns : saysColumns ? [AS_IT_FITS] : [],
  };
}

/** As it stands behind an address's `?`, to be read at any time. @param {Shown} shown */
export function queryOf(shown) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(addressOf(shown, null)))
    for (const one of value === null ? [] : [value].flat()) if (one) query.append(name, one);
  return query.toString();
}

/** @param {Order} order */
function isUsual({ sort, descending }) {
  return sort === USUAL_ORDER.sort && descending === USUAL_ORDER.descending;
}
