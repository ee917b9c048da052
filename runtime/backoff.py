"""How long to wait before the next attempt. Pure: the random number is handed in."""


def backoff_s(attempt: int, first_s: float, cap_s: float, random: float) -> float:
    """The wait after failed attempt number ``attempt`` (from 0): doubling, capped, the upper half at random.

    Args:
        attempt: from 0.
        first_s: the wait after the first, at most.
        cap_s: never longer than this.
        random: 0 … 1; spreads clients that failed together.
    """
    full = min(cap_s, first_s * 2.0 ** min(attempt, 32))
    return full * (0.5 + random / 2)
