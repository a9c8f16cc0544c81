"""The two things of the system that every service hands to its machines: a clock and randomness."""

import random
import time

from nymconnect.crypto import Rng

SYSTEM_RNG: Rng = random.SystemRandom()


def clock() -> float:
    """Seconds on a clock that never goes back; the `now` of every machine."""
    return time.monotonic()


def unix_offset() -> float:
    """Unix time minus `clock()`, for the few formats that carry a date."""
    return time.time() - time.monotonic()
