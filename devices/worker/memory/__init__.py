"""A shard in memory, and the bulk statements that write it. Touched in the database thread only."""
