"""An app whose handlers, as many as BENCH_FOLLOWERS says, write each reading into a table: what following costs."""
