"""What a round gives: CPU and memory of processes, the figures and their summary, limits, the search for a rate.

It reads /proc and computes. It never drives anything, and imports no other room.
"""
