/**
 * The frames of the WebSocket protocol and the states made from them, as types only. Nothing here exists at run time.
 *
 * Times named `ts` and `since` are Unix milliseconds; names ending in `_at` are RFC 3339 texts.
 *
 * @typedef {null | boolean | number | string | Json[] | {[key: string]: Json}} Json
 * @typedef {{[key: string]: Json}} JsonObject
 *
 * @typedef {object} DeviceState  A device as of `rev`. Never changed in place: every change makes a new object.
 * @property {number} rev
 * @property {{[metric: string]: Metric}} metrics  its latest values
 * @property {JsonObject} reported
 * @property {JsonObject} desired
 * @property {number} desired_version  raised by each change of `desired`
 * @property {Presence} presence
 * @property {string[]} tags
 * @property {JsonObject} [description]  what the device is, where anything is known
 *
 * @typedef {"up" | "down" | "unknown"} UpDown
 *
 * @typedef {{broker: UpDown, workers: UpDown, gateway: UpDown, layer: UpDown, database: UpDown, fresh: boolean, since: number}} Link
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
 * @property {{name: string, rejected: number, dropped: number, in_flight: number}[]} gateways
 *
 * @typedef {object} GatewayRow
 * @property {string} name
 * @property {string} instance
 * @property {boolean} alive
 * @property {boolean} broker_up
 * @property {number} since
 * @property {number | null} lag_ms
 * @property {number} in_flight
 * @property {number} in_flight_limit
 * @property {number} saturated_since  0: it isn't
 * @property {number} oldest_ms  how long the oldest delivery waits to be committed
 * @property {string[]} filters
 *
 * @typedef {object} ShardRow
 * @property {number} shard
 * @property {string} owner
 * @property {boolean} alive
 * @property {number} since
 * @property {number} commits
 * @property {number} committed  0: never
 * @property {string} trouble
 * @property {number} rolled_until  how far the device is rolled up that is farthest behind; 0: all are
 * @property {number} rolling  devices whose turn to be rolled up has come
 *
 * @typedef {{state: UpDown, detail: string}} PartRow
 *
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
 * @property {{[part in "database" | "layer" | "gateway" | "broker" | "workers"]: PartRow}} parts
 * @property {boolean} fresh
 * @property {boolean} broker_up
 * @property {number} broker_since
 * @property {number | null} broker_stored
 * @property {{limit: number, count: number, last_ms: number}} refusals
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
 * @typedef {object} RejectedTopic
 * @property {string} topic
 * @property {string} reason
 * @property {number} count
 * @property {string} gateway  "": a worker
 * @property {string} first_at
 * @property {string} last_at
 * @property {string} payload
 * @property {"utf-8" | "base64"} encoding
 *
 * @typedef {{rev: number, name: string, data: Json, ts: number}} EventRow
 * @typedef {{reason: string, metric: string, count: number, sample: string, last_at: string}} Note
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

// frames: made by scripts/server_frames.py
/**
 * @typedef {string | number | number | boolean | null} Scalar
 * @typedef {"online" | "offline" | "stale" | "unknown"} PresenceStatus
 * @typedef {"accepted" | "sent" | "delivered" | "done" | "rejected" | "failed" | "expired" | "cancelled" | "unconfirmed"} CommandStatus
 * @typedef {"bad_request" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "too_large" | "rate_limited" | "unavailable"} ErrorCode
 * @typedef {"subscribe" | "new" | "too_far" | "reset"} SnapshotReason
 * @typedef {string} Id  of a request; ours are texts, so what we are answered is, too
 *
 * @typedef {object} Metric  A metric's latest value.
 * @property {Scalar} value
 * @property {number} ts
 *
 * @typedef {object} Presence  Whether the device is there.
 * @property {PresenceStatus} status
 * @property {number} since  0: never seen
 * @property {string} why  how we know
 *
 * @typedef {object} DeviceSnapshot  A device as of `rev`.
 * @property {string} device
 * @property {number} rev
 * @property {{[name: string]: Metric}} metrics
 * @property {JsonObject} reported
 * @property {JsonObject} desired
 * @property {number} desired_version  raised by each change of `desired`
 * @property {Presence} presence
 * @property {string[]} tags
 * @property {JsonObject} [description]  what the device is (docs/devices.md); only where something is known
 *
 * @typedef {object} Reading  What the device measured at one time.
 * @property {number} rev
 * @property {number} ts
 * @property {{[name: string]: Scalar}} metrics
 * @property {boolean} [clamped]  the device's own time was too far ahead; `ts` is when it was received
 *
 * @typedef {object} DeltaItem  Takes a device from `prev` to `rev`; all but `readings` are merge patches (RFC 7396) of the snapshot's.
 * @property {string} device
 * @property {number} prev  where you are
 * @property {number} rev
 * @property {Reading[]} readings
 * @property {{[name: string]: Metric | null}} [metrics]  what no reading explains: values of retained messages; null: the metric was removed
 * @property {JsonObject} [reported]
 * @property {JsonObject} [desired]
 * @property {number} [desired_version]  raised by each change of `desired`
 * @property {Presence} [presence]
 * @property {string[]} [tags]
 * @property {JsonObject | null} [description]  null: nothing is known of it any more
 *
 * @typedef {object} CommandStep  One step of a command.
 * @property {CommandStatus} status
 * @property {string} at
 * @property {"device" | "echo" | "broker" | "causeway" | "homeassistant"} by  how it is known; `echo`: the device reported what the command was to bring
 * @property {boolean} [late]  it came after the command had expired or was cancelled
 * @property {Json} [result]
 * @property {string} [reason]
 *
 * @typedef {object} Command  A command with all that became of it.
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
 * @typedef {object} AlertComment  What somebody has said about an alert.
 * @property {string} by
 * @property {string} at
 * @property {string} text
 *
 * @typedef {object} Alert  An alert as it is now.
 * @property {string} id
 * @property {number} rule  the rule's id
 * @property {string} name  the rule's
 * @property {string} device
 * @property {"firing" | "acknowledged" | "resolved"} state
 * @property {number | null} snoozed_until
 * @property {"info" | "warning" | "critical"} severity
 * @property {string | null} metric
 * @property {string} note  the rule's, for who gets the alert
 * @property {number} count  raises, of one that flaps
 * @property {Scalar} value  at the latest raise
 * @property {number} raised
 * @property {number | null} cleared
 * @property {string | null} acknowledged_by
 * @property {string | null} assignee
 * @property {string | null} inhibited_by  another alert, which says more
 * @property {AlertComment[]} comments
 *
 * @typedef {object} AttendingPerson  Somebody who attends a place, whatever number of sockets they do it by.
 * @property {string} user
 * @property {"viewing" | "editing" | "commanding"} doing  the strongest of what they do there
 * @property {number} since  they are there
 *
 * @typedef {object} OkFrame  The reply to a request that was carried out; beyond `id`, what the request asked for.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"ok"} type
 * @property {Id} id
 * @property {Id} [sub]  of `subscribe` and `unsubscribe`
 * @property {string[]} [refused]  of `subscribe`: the devices that do not exist, may not be seen, or are not of the site
 * @property {Command} [command]  of `command`: as it is stored
 * @property {string} [device]  of `desired`
 * @property {number} [version]  of `desired`: its version now
 * @property {JsonObject} [desired]  of `desired`: the whole of it now
 *
 * @typedef {object} ErrorFrame  The reply to a request that was not carried out, or to a frame that is none.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"error"} type
 * @property {Id | null} id  the request's, as far as it had one
 * @property {ErrorCode} code
 * @property {string} message  a sentence for whoever wrote the client
 *
 * @typedef {object} SnapshotFrame  The truth about each device as of its `rev`. It replaces what you had.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"snapshot"} type
 * @property {Id} sub
 * @property {SnapshotReason} reason
 * @property {boolean} more  another page follows
 * @property {DeviceSnapshot[]} devices
 *
 * @typedef {object} DeltaFrame  What changed.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"delta"} type
 * @property {Id} sub
 * @property {DeltaItem[]} items
 *
 * @typedef {object} EventFrame  Something happened at the device; it takes one rev.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"event"} type
 * @property {Id} sub
 * @property {string} device
 * @property {number} prev  where you are
 * @property {number} rev
 * @property {string} name
 * @property {Json} data
 * @property {number} ts
 *
 * @typedef {object} GoneFrame  The device is deleted, or no longer visible to you.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"gone"} type
 * @property {Id} sub
 * @property {string} device
 *
 * @typedef {object} PeopleFrame  Who attends a place that you attend: you too, and who may see the place. Empty: you attend it no longer.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"people"} type
 * @property {string} place
 * @property {AttendingPerson[]} people  at most 100
 * @property {number} [count]  how many there are, where that is more than 100
 *
 * @typedef {object} CommandFrame  A step of a command on a watched device.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"command"} type
 * @property {Command} command  the whole of it
 *
 * @typedef {object} AlertFrame  A step of an alert on a watched device.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"alert"} type
 * @property {Alert} alert  the whole of it
 *
 * @typedef {object} LinkFrame  What the server itself can see of the chain; at once and at each change. What can't be seen is `unknown`.
 * @property {number} n  the frame's number in its connection: 1, 2, 3, …
 * @property {"link"} type
 * @property {"up" | "down" | "unknown"} broker
 * @property {"up" | "down" | "unknown"} workers
 * @property {"up" | "down" | "unknown"} gateway
 * @property {"up" | "down" | "unknown"} layer
 * @property {"up" | "down" | "unknown"} database
 * @property {boolean} fresh  values from devices reach here, measured from end to end
 * @property {number} since  another one with the same words: it was otherwise in between
 *
 * @typedef {SnapshotFrame | DeltaFrame | EventFrame | GoneFrame} StreamFrame
 * @typedef {OkFrame | ErrorFrame | SnapshotFrame | DeltaFrame | EventFrame | GoneFrame | PeopleFrame | CommandFrame | AlertFrame | LinkFrame} ServerFrame
 */
// end of frames

export {};
