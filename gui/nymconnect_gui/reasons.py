"""Reasons that only a program with a window can have."""

from dataclasses import dataclass

from nymconnect.reasons import Reason


@dataclass(frozen=True, slots=True)
class AutostartRefused(Reason):
    """The system does not let this program change what starts at login; `fault` is what it says."""

    fault: Reason

    def __str__(self) -> str:
        return f"the system does not let this program change what starts at login: {self.fault}"
