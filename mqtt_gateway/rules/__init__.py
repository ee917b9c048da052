"""Pure rules of a gateway: reading packets, routing, queues to shards, pace, markers, counters. No clock, no await."""
