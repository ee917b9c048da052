"""A round: everything that waits for the shards of a process, in one transaction.

Messages come in from the intake, results go out after the commit.
"""
