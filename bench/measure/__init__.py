"""What a round gives: CPU and memory of processes, the figures and their summary, limits, the search for a rate.

It reads /proc and computes; it never starts a process, and imports no other room.
"""
