"""What a person should know about a session besides its state: values, made where the fact is known.

`sentence` is their one rendering in English, for command line, log and JSON. Figures in an alarm change all the time;
`subject` does not, so `AlarmNews` tells each alarm once when it begins and once when it has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from nymconnect.reasons import Reason


class MissedBecause(Enum):
    """Why packets do not leave in time."""

    TOO_FEW_MADE = "too_few_made"
    LINE_STALLED = "line_stalled"
    SENDER_LATE = "sender_late"


@dataclass(frozen=True, slots=True)
class RateMissed:
    """This `share` of the packets that the preset promises is missing on the line."""

    share: float
    because: MissedBecause


@dataclass(frozen=True, slots=True)
class PacketsDropped:
    """Our own loops show that somebody drops packets; `suspects` are addresses of mixes."""

    suspects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequesterSilent:
    """A requester, by the name that its user gave it, does not answer."""

    name: str


@dataclass(frozen=True, slots=True)
class EntryIsExit:
    """The entry gateway is also the gateway of this requester, by the name that its user gave it."""

    requester: str


@dataclass(frozen=True, slots=True)
class ProfileNotice:
    """A fact about the files of this client."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class WithoutEffect:
    """The practice network cannot do what this option wants: all of it is on this computer."""

    option: str


Alarm = RateMissed | PacketsDropped | RequesterSilent | EntryIsExit | ProfileNotice | WithoutEffect


_MISSED = {
    MissedBecause.TOO_FEW_MADE: "this computer makes too few of them",
    MissedBecause.LINE_STALLED: "the line takes too few of them",
    MissedBecause.SENDER_LATE: "other programs keep the sender waiting",
}


def sentence(alarm: Alarm) -> str:
    """For a person, in English."""
    match alarm:
        case RateMissed(share, because):
            return f"{100 * share:.0f} % of the packets that should leave are missing, because {_MISSED[because]}"
        case PacketsDropped(suspects):
            named = f", probably at {', '.join(suspects)}" if suspects else ""
            return f"somebody drops packets{named}; data goes around it where it can"
        case RequesterSilent(name):
            return f"the requester {name} does not answer"
        case EntryIsExit(requester):
            return (
                f"the requester {requester} is behind the gateway by which you enter: the operator of that gateway "
                "sees both ends of the mixnet; choose another gateway or requester"
            )
        case WithoutEffect(option):
            return f"{option} has no effect: all of the practice network is on this computer"
        case ProfileNotice(reason):
            return str(reason)


def subject(alarm: Alarm) -> object:
    """What stays the same while an alarm lasts."""
    match alarm:
        case RateMissed() | PacketsDropped():
            return type(alarm)
        case _:
            return alarm


class AlarmNews:
    """Call `look` with the alarms now and then; it returns those that are new, and those that have ended."""

    def __init__(self) -> None:
        self._known: dict[object, Alarm] = {}

    def look(self, alarms: Sequence[Alarm]) -> tuple[list[Alarm], list[Alarm]]:
        """The alarms that have begun, and those that have ended, since the last look."""
        now = {subject(alarm): alarm for alarm in alarms}
        begun = [alarm for key, alarm in now.items() if key not in self._known]
        ended = [alarm for key, alarm in self._known.items() if key not in now]
        self._known = now
        return begun, ended
