/**
 * What `causeway-client` offers. In the package it stands beside the client's modules, which are in
 * devices/web/static/causeway/client here.
 *
 * @typedef {import("./client.js").CommandOptions} CommandOptions
 * @typedef {import("./client.js").Status} Status
 * @typedef {import("./connection.js").Closed} Closed
 * @typedef {import("./connection.js").ClosedReason} ClosedReason
 * @typedef {import("./connection.js").Environment} Environment
 * @typedef {import("./requests.js").ErrorCode} ErrorCode
 * @typedef {import("./subscription.js").Subscription} Subscription
 * @typedef {import("./subscription.js").Target} Target
 * @typedef {import("./types.js").Change} Change
 * @typedef {import("./types.js").Command} Command
 * @typedef {import("./types.js").CommandStep} CommandStep
 * @typedef {import("./types.js").DeviceState} DeviceState
 * @typedef {import("./types.js").Json} Json
 * @typedef {import("./types.js").JsonObject} JsonObject
 * @typedef {import("./types.js").Link} Link
 * @typedef {import("./types.js").Metric} Metric
 * @typedef {import("./types.js").Presence} Presence
 * @typedef {import("./types.js").Reading} Reading
 * @typedef {import("./types.js").Scalar} Scalar
 * @typedef {import("./types.js").ServerFrame} ServerFrame
 * @typedef {import("./types.js").StreamFrame} StreamFrame
 */

export { Client } from "./client.js";
export { RequestError } from "./requests.js";
