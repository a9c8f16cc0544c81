"""Whether an observer of our line can see what we receive, and why: values.

`sentence` is their one rendering in English, for command line, log and JSON.
"""

from dataclasses import dataclass
from enum import Enum


class DownlinkCause(Enum):
    """Why what we receive is hidden, or is not; the value is its name in JSON."""

    KEPT = "kept"
    FOLLOWS_DATA = "follows_data"
    GATEWAY_UNPACED = "gateway_unpaced"
    SEVERAL_TAGS = "several_tags"
    NOT_ASKED = "not_asked"
    NOT_PROMISED = "not_promised"
    NOT_COUNTED = "not_counted"
    TOO_FEW = "too_few"


class NoPromise(Enum):
    """Why a requester has not promised a rate for now."""

    UNANSWERED = "unanswered"
    SILENT = "silent"
    FOREIGN = "foreign"
    NOT_YET = "not_yet"
    REFUSED = "refused"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class DownlinkReport:
    """The cause, and what belongs to it.

    `by_gateway`: the preset wants the gateway to deliver at a constant rate, which hides what the line shows even where
    the answers come as they like. `arriving` (of TOO_FEW) and `promised` are answers a second; `no_promise` is the
    cause of NOT_PROMISED.
    """

    cause: DownlinkCause
    by_gateway: bool = False
    arriving: float = 0.0
    promised: float = 0.0
    no_promise: NoPromise | None = None

    @property
    def hidden(self) -> bool:
        """Whether the line shows nothing of what is received."""
        if self.by_gateway:
            return self.cause is not DownlinkCause.GATEWAY_UNPACED
        return self.cause is DownlinkCause.KEPT


_UNKNOWN = "it is not known yet whether"
_COUNTING = "; the answers are counted first, usually for 10 to 40 seconds"


def sentence(report: DownlinkReport) -> str:
    """For a person, in English."""
    if report.cause is DownlinkCause.KEPT and report.by_gateway:
        return "requester and gateway keep a constant rate, whatever you receive"
    if report.cause is DownlinkCause.KEPT:
        return f"{report.promised:.3g} packets a second reach you, whatever you receive"
    if report.cause is DownlinkCause.NOT_COUNTED:
        if report.hidden:
            return f"the gateway hides what you receive; {_UNKNOWN} the gateway itself sees it{_COUNTING}"
        return f"{_UNKNOWN} your line shows what you receive{_COUNTING}"
    if report.hidden:
        return f"the gateway hides what you receive, but sees it itself, because {_why(report)}"
    return f"your line shows what you receive, because {_why(report)}"


def _why(report: DownlinkReport) -> str:
    match report.cause:
        case DownlinkCause.FOLLOWS_DATA:
            return "this preset lets the downlink follow the data"
        case DownlinkCause.GATEWAY_UNPACED:
            return "the gateway does not deliver at a constant rate"
        case DownlinkCause.SEVERAL_TAGS:
            return "user names that programs give, or your settings, divide the streams among several sender tags"
        case DownlinkCause.TOO_FEW:
            return f"only {report.arriving:.3g} of {report.promised:.3g} answers a second arrive"
        case DownlinkCause.NOT_PROMISED if report.no_promise is not None:
            return _lack(report.no_promise)
        case _:
            return "the requester has not been asked yet"


def _lack(no_promise: NoPromise) -> str:
    match no_promise:
        case NoPromise.UNANSWERED:
            return "the requester has not answered yet"
        case NoPromise.SILENT:
            return "the requester does not answer"
        case NoPromise.FOREIGN:
            return "the requester runs other software and answers as data comes"
        case NoPromise.NOT_YET:
            return "the requester has not promised it yet"
        case NoPromise.REFUSED:
            return "the requester does not grant it"
        case NoPromise.LAPSED:
            return "the requester has not renewed its promise"
