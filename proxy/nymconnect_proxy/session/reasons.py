"""Reasons that a session can have beside those of the mixnet (`nymconnect.reasons`)."""

from dataclasses import dataclass

from nymconnect.reasons import Reason


@dataclass(frozen=True, slots=True)
class Crash(Reason):
    """A part of the session failed by a fault of this program; `error` is Python's description."""

    part: str
    error: str

    def __str__(self) -> str:
        return f"internal error in {self.part}: {self.error}"


@dataclass(frozen=True, slots=True)
class TryingAnother(Reason):
    """A gateway failed at the start, and the session tries the next one."""

    reason: Reason

    def __str__(self) -> str:
        return f"{self.reason}; trying another gateway"


@dataclass(frozen=True, slots=True)
class EnteringElsewhere(Reason):
    """The session leaves a gateway that worked for another one."""

    reason: Reason

    def __str__(self) -> str:
        return f"{self.reason}; entering by another one"


@dataclass(frozen=True, slots=True)
class CoverFirst(Reason):
    """Cover traffic flows for `seconds` before the proxy serves."""

    seconds: float

    def __str__(self) -> str:
        return f"sending cover for {self.seconds:g} seconds before requests are served"


@dataclass(frozen=True, slots=True)
class PlainDirectory(Reason):
    """Nothing proves that the list of nodes comes from the directory at `url`."""

    url: str

    def __str__(self) -> str:
        return (
            f"the directory {self.url} speaks plain http, so anybody on the way to it could name the nodes: use "
            "https, with a fingerprint if need be, or allow it with --plain-http-directory yes (in the settings file: "
            "plain_http_directory)"
        )


@dataclass(frozen=True, slots=True)
class NoRequester(Reason):
    """The network lists no requester, or none in `country`."""

    network: str
    country: str = ""

    def __str__(self) -> str:
        if self.country:
            return f"the network {self.network} lists no requester in {self.country}"
        return f"the network {self.network} lists no requester: give the address of one"


@dataclass(frozen=True, slots=True)
class RequestersGone(Reason):
    """The network has lost all requesters that the user has named, `names` as the user calls them."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"the network no longer has the requester {', '.join(self.names)}: choose another one"


@dataclass(frozen=True, slots=True)
class RequestersReplaced(Reason):
    """The requesters that the directory had listed are gone, and others are there."""

    def __str__(self) -> str:
        return "the requesters in use are no longer listed; drawing others"


@dataclass(frozen=True, slots=True)
class NoGatewayIn(Reason):
    """No gateway is in the `country` that the user wants."""

    country: str

    def __str__(self) -> str:
        return f"the directory lists no gateway in {self.country}"


@dataclass(frozen=True, slots=True)
class TooFewNodes(Reason):
    """No route can be drawn."""

    def __str__(self) -> str:
        return "the directory lists too few nodes to route through; try again later"


@dataclass(frozen=True, slots=True)
class NoGatewayAnswers(Reason):
    """All gateways that were tried have failed."""

    def __str__(self) -> str:
        return "no gateway answers"


@dataclass(frozen=True, slots=True)
class ProfileInUse(Reason):
    """Another session uses the files of this network's client."""

    def __str__(self) -> str:
        return "another session uses the profile of this network; this one has keys of its own and keeps nothing"
