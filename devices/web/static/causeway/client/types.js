/**
 * The frames of the WebSocket protocol and the states made from them, as types only. Nothing here exists at run time.
 *
 * Times named `ts` and `since` are Unix milliseconds; names ending in `_at` are RFC 3339 texts.
 *
 * @typedef {null | boolean | number | string | Json[] | {[key: string]: Json}} Json
 * @typedef {{[key: string]: Json}} JsonObject
 *
 * @typedef {null | boolean | number | string} Scalar
 * @typedef {{value: Scalar, ts: number}} Metric
 *
 * @typedef {"online" | "offline" | "stale" | "unknown"} PresenceStatus
 * @typedef {{status: PresenceStatus, since: number, why: string}} Presence  `since` 0: never seen
 *
 * @typedef {object} DeviceState  A device as of `rev`. Never changed in place: every change makes a new object.
 * @property {number} rev
 * @property {{[metric: string]: Metric}} metrics  its latest values
 * @property {JsonObject} reported
 * @property {JsonObject} desired
 * @property {number} desired_version  raised by each change of `desired`
 * @property {Presence} presence
 * @property {string[]} tags
 *
 * @typedef {object} Reading
 * @property {number} rev
 * @property {number} ts
 * @property {{[metric: string]: Scalar}} metrics
 * @property {boolean} [clamped]  the device's own time was too far ahead; `ts` is when it was received
 *
 * @typedef {object} SnapshotFrame
 * @property {"snapshot"} type
 * @property {string} sub
 * @property {"subscribe" | "new" | "too_far" | "reset"} reason
 * @property {boolean} [more]  another page follows
 * @property {({device: string, rev: number} & Partial<DeviceState>)[]} devices
 *
 * @typedef {object} DeltaItem  Takes a device from `prev` to `rev`; all but `readings` are merge patches (RFC 7396).
 * @property {string} device
 * @property {number} prev
 * @property {number} rev
 * @property {Reading[]} [readings]
 * @property {JsonObject} [metrics]  values that no reading explains (retained messages)
 * @property {JsonObject} [reported]
 * @property {JsonObject} [desired]
 * @property {number} [desired_version]
 * @property {JsonObject} [presence]
 * @property {string[]} [tags]
 *
 * @typedef {{type: "delta", sub: string, items: DeltaItem[]}} DeltaFrame
 * @typedef {{type: "gone", sub: string, device: string}} GoneFrame
 *
 * @typedef {object} EventFrame  Something that happened; takes one `rev`.
 * @property {"event"} type
 * @property {string} [sub]
 * @property {string} device
 * @property {number} rev
 * @property {number} [prev]
 * @property {string} name
 * @property {Json} data
 * @property {number} ts
 *
 * @typedef {SnapshotFrame | DeltaFrame | EventFrame | GoneFrame} StreamFrame
 *
 * @typedef {"accepted" | "sent" | "delivered" | "done" | "rejected" | "failed" | "expired" | "cancelled"} CommandStatus
 * @typedef {{status: CommandStatus, at: string, late?: boolean, result?: Json, reason?: string}} CommandStep
 *
 * @typedef {object} Command
 * @property {string} id
 * @property {string} device
 * @property {string} name
 * @property {Json} args
 * @property {CommandStatus} status
 * @property {CommandStep[]} timeline  oldest first
 * @property {Json} result  what the device sent with its last acknowledgement
 * @property {string | null} reason
 * @property {number} ttl_s
 * @property {string} created_at
 * @property {string} expires_at
 *
 * @typedef {{broker: "up" | "down", workers: "up" | "down", since: number}} Link
 *
 * @typedef {object} ShardCounts
 * @property {number} shard
 * @property {number} received
 * @property {number} applied
 * @property {number} duplicate
 * @property {number} quarantined
 * @property {number} rejected
 * @property {number} in_flight
 *
 * @typedef {object} Ledger  What became of all deliveries by the broker, ever.
 * @property {number} received
 * @property {number} applied
 * @property {number} duplicate
 * @property {number} quarantined
 * @property {number} rejected
 * @property {number} dropped
 * @property {number} in_flight
 * @property {boolean} balanced  in every shard, all that was received is accounted for
 * @property {{[outcome: string]: {[reason: string]: number}}} reasons
 * @property {ShardCounts[]} shards
 * @property {{client_id: string, rejected: number, dropped: number, in_flight: number}[]} gateways
 *
 * @typedef {object} GatewayRow
 * @property {string} client_id
 * @property {string} instance
 * @property {boolean} alive
 * @property {boolean} broker_up
 * @property {number} since
 * @property {number | null} lag_ms
 * @property {number} in_flight
 * @property {number} in_flight_limit
 * @property {number} saturated_since  0: it isn't
 * @property {string[]} filters
 *
 * @typedef {{shard: number, owner: string, alive: boolean, since: number, commits: number}} ShardRow
 * @typedef {object} Incident
 * @property {string} kind
 * @property {string} gateway
 * @property {number} since
 * @property {number} until
 * @property {number} count
 * @property {string} detail
 *
 * @typedef {object} Overview  `now`: Unix ms on the server's clock
 * @property {number} now
 * @property {boolean} broker_up
 * @property {number} broker_since
 * @property {number | null} broker_stored
 * @property {GatewayRow[]} gateways
 * @property {ShardRow[]} shards
 * @property {{[status: string]: number}} presence
 * @property {{[status: string]: number}} commands
 * @property {number} quarantine
 * @property {Ledger} ledger
 * @property {Incident[]} incidents
 *
 * @typedef {object} QuarantinedMessage
 * @property {number} id
 * @property {string} device
 * @property {string} topic
 * @property {string} reason
 * @property {string} detail
 * @property {string} received_at
 * @property {boolean} truncated
 * @property {number} payload_bytes
 * @property {string} payload
 * @property {"utf-8" | "base64"} encoding
 *
 * @typedef {{kind: "snapshot", device: string, state: DeviceState, reason: SnapshotFrame["reason"]}} SnapshotChange
 * @typedef {object} DeltaChange
 * @property {"delta"} kind
 * @property {string} device
 * @property {DeviceState} state
 * @property {Reading[]} readings  all new ones, also those too old to become the latest value
 * @typedef {{kind: "event", device: string, state: DeviceState, event: EventFrame}} EventChange
 * @typedef {{kind: "gone", device: string}} GoneChange
 * @typedef {SnapshotChange | DeltaChange | EventChange | GoneChange} Change
 */

export {};
