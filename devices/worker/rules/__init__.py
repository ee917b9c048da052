"""Pure rules of a worker: outbox, schedule, watchlist, assignment of shards. No clock, no database, no await."""
