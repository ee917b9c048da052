/**
 * The stream rule as pure state: frames in, device states and changes out. No socket, no clock, no DOM.
 *
 * A stream is what one subscription has been told. For each device the server promises no gap, no repeat and no
 * reordering; `prev` and `rev` prove it, and whatever doesn't fit is reported as a gap and not applied.
 * Old snapshot + deltas = fresh snapshot, always.
 */

/**
 * @import {Change, DeltaItem, DeviceState, EventFrame, Json, JsonObject, Metric, Reading, SnapshotFrame, StreamFrame}
 *   from "./types.js"
 */

/**
 * @typedef {object} Stream
 * @property {Map<string, DeviceState>} devices
 * @property {boolean} complete  the last page of the first snapshot has come
 *
 * @typedef {{changes: Change[], gaps: string[]}} Outcome  `gaps`: devices whose frames did not fit; ask for them again
 */

/** @returns {Stream} */
export function newStream() {
  return { devices: new Map(), complete: false };
}

/** The last `rev` of every device: what a new subscription resumes from. @param {Stream} stream */
export function knownRevs(stream) {
  return Object.fromEntries([...stream.devices].map(([device, state]) => [device, state.rev]));
}

/**
 * Apply one frame to the stream.
 * @param {Stream} stream  changed in place (its device states are replaced, not changed)
 * @param {StreamFrame} frame
 * @returns {Outcome}
 */
export function applyFrame(stream, frame) {
  switch (frame.type) {
    case "snapshot":
      return applySnapshot(stream, frame);
    case "delta":
      return joined(frame.items.map((item) => applyItem(stream, item)));
    case "event":
      return applyEvent(stream, frame);
    case "gone":
      return forget(stream, frame.device);
  }
}

/**
 * The device is deleted, or no longer visible.
 * @param {Stream} stream
 * @param {string} device
 * @returns {Outcome}
 */
export function forget(stream, device) {
  return stream.devices.delete(device) ? { changes: [{ kind: "gone", device }], gaps: [] } : nothing();
}

/** @param {Stream} stream @param {SnapshotFrame} frame @returns {Outcome} */
function applySnapshot(stream, frame) {
  const { reason } = frame;
  const changes = frame.devices.map((item) => {
    const state = stateOf(item);
    stream.devices.set(item.device, state);
    return /** @type {Change} */ ({ kind: "snapshot", device: item.device, state, reason });
  });
  if (reason === "subscribe" && !frame.more) stream.complete = true; // others come between its pages
  return { changes, gaps: [] };
}

/** @param {SnapshotFrame["devices"][number]} item @returns {DeviceState} */
function stateOf(item) {
  return {
    rev: item.rev,
    metrics: item.metrics ?? {},
    reported: item.reported ?? {},
    desired: item.desired ?? {},
    desired_version: item.desired_version ?? 0,
    presence: item.presence ?? { status: "unknown", since: 0, why: "never_seen" },
    tags: item.tags ?? [],
    ...(item.description && { description: item.description }),
  };
}

/** @param {Stream} stream @param {DeltaItem} item @returns {Outcome} */
function applyItem(stream, item) {
  const before = stream.devices.get(item.device);
  if (before && item.rev <= before.rev) return nothing();
  if (!before || before.rev !== item.prev) return { changes: [], gaps: [item.device] };
  const state = advanced(before, item);
  stream.devices.set(item.device, state);
  return {
    changes: [{ kind: "delta", device: item.device, state, readings: item.readings ?? [] }],
    gaps: [],
  };
}

/**
 * The state after a delta item. Readings go first: a `metrics` patch is the server's last word on what they don't
 * explain.
 * @param {DeviceState} before
 * @param {DeltaItem} item
 * @returns {DeviceState}
 */
export function advanced(before, item) {
  const metrics = item.readings ? withReadings(before.metrics, item.readings) : before.metrics;
  const description = item.description === null ? undefined : patched(before.description, item.description);
  return {
    rev: item.rev,
    metrics: patched(metrics, item.metrics),
    reported: patched(before.reported, item.reported),
    desired: patched(before.desired, item.desired),
    desired_version: item.desired_version ?? before.desired_version,
    presence: patched(before.presence, item.presence),
    tags: item.tags ?? before.tags,
    ...(description && { description }),
  };
}

/**
 * The time rule: an older `ts` never overwrites a newer value; of equal ones the later `rev` wins.
 * @param {{[metric: string]: Metric}} metrics
 * @param {Reading[]} readings  in `rev` order
 * @returns {{[metric: string]: Metric}}
 */
export function withReadings(metrics, readings) {
  const result = { ...metrics };
  for (const { ts, metrics: values } of readings) {
    for (const [name, value] of Object.entries(values)) {
      const old = own(result, name);
      if (!old || ts >= old.ts) define(result, name, { value, ts });
    }
  }
  return result;
}

/** @param {Stream} stream @param {EventFrame} frame @returns {Outcome} */
function applyEvent(stream, frame) {
  const before = stream.devices.get(frame.device);
  if (!before || frame.rev <= before.rev) return nothing();
  if ((frame.prev ?? frame.rev - 1) !== before.rev) return { changes: [], gaps: [frame.device] };
  const state = { ...before, rev: frame.rev };
  stream.devices.set(frame.device, state);
  return { changes: [{ kind: "event", device: frame.device, state, event: frame }], gaps: [] };
}

/**
 * @template T
 * @param {T} target
 * @param {JsonObject | undefined} patch
 * @returns {T}
 */
function patched(target, patch) {
  return patch === undefined ? target : /** @type {T} */ (mergePatch(/** @type {Json} */ (target), patch));
}

/**
 * RFC 7396. Makes a new value; shares what the patch leaves alone.
 * @param {Json | undefined} target
 * @param {Json} patch
 * @returns {Json}
 */
export function mergePatch(target, patch) {
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else define(result, name, mergePatch(own(result, name), value));
  }
  return result;
}

/** @param {Json | undefined} value @returns {value is JsonObject} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Names chosen by devices, such as `constructor`, must not find what objects inherit.
 * @template T
 * @param {{[name: string]: T}} object
 * @param {string} name
 * @returns {T | undefined}
 */
function own(object, name) {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/**
 * Like an assignment, but safe for the name `__proto__`, which JSON may hold.
 * @template T
 * @param {{[name: string]: T}} object
 * @param {string} name
 * @param {T} value
 */
function define(object, name, value) {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/** @returns {Outcome} */
function nothing() {
  return { changes: [], gaps: [] };
}

/** @param {Outcome[]} outcomes @returns {Outcome} */
function joined(outcomes) {
  return { changes: outcomes.flatMap((one) => one.changes), gaps: outcomes.flatMap((one) => one.gaps) };
}
