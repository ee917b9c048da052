"""A round: everything that waits for the shards of a process, in one transaction.

Messages come in from the intake, go forward through rounds and transaction to the features' hooks, and results go out
after the commit. Never imports a feature: it gets all of them in a list.
"""
