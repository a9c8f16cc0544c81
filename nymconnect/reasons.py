"""Why something does not work, or is as it is: values, made where the fact is known.

`str` of a reason is its one rendering in English, for command line, log and JSON: no capital, no full stop. The window
has its own, in the language in force. What has no class of its own is `Words`. Reasons that only a program above the
mixnet can have are classes of that program.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

EXAMPLE_DIRECTORY = "https://validator.nymtech.net/api/"


class Reason:
    """The base class; every one is frozen, and has an English rendering."""

    __slots__ = ()

    def __str__(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Words(Reason):
    """A reason that is known in English only."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class SystemSays(Reason):
    """An error of the operating system: its number as in `errno`, None if it has none, and its own words."""

    number: int | None
    words: str

    @classmethod
    def of(cls, error: OSError) -> "SystemSays":
        return cls(error.errno, error.strerror or str(error))

    def __str__(self) -> str:
        return self.words


# --- the link to the gateway -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GatewayUnreachable(Reason):
    """No connection to the gateway can be made. `words` come from the system, or from a faulty upstream proxy."""

    url: str
    words: str
    by_upstream: bool = False

    def __str__(self) -> str:
        return f"cannot reach the gateway at {self.url}: {self.words}"


@dataclass(frozen=True, slots=True)
class GatewaySilent(Reason):
    """No attempt to connect to the gateway has ended so far."""

    def __str__(self) -> str:
        return "the gateway has not answered yet"


@dataclass(frozen=True, slots=True)
class GatewayNotUnderstood(Reason):
    """The gateway's bytes do not decode."""

    detail: str

    def __str__(self) -> str:
        return f"the gateway is not understood: {self.detail}"


@dataclass(frozen=True, slots=True)
class NoReply(Reason):
    """The gateway has not answered a question of this client."""

    def __str__(self) -> str:
        return "the gateway does not answer"


@dataclass(frozen=True, slots=True)
class GatewayVersion(Reason):
    """The gateway speaks a `version` of the protocol that we do not."""

    version: int
    too_old: bool = False

    def __str__(self) -> str:
        if self.too_old:
            return f"the gateway speaks protocol version {self.version}, which is too old"
        return f"the gateway answered with protocol version {self.version}"


@dataclass(frozen=True, slots=True)
class GatewayDenies(Reason):
    """The gateway rejects our `request` and gives no reason."""

    request: str

    def __str__(self) -> str:
        return f"the gateway did not accept our {self.request}"


@dataclass(frozen=True, slots=True)
class GatewayUnproven(Reason):
    """The gateway is perhaps not the one in the directory."""

    detail: str

    def __str__(self) -> str:
        return f"the gateway could not prove its identity: {self.detail}"


@dataclass(frozen=True, slots=True)
class GatewaySays(Reason):
    """The gateway's own words, in one line."""

    words: str

    def __str__(self) -> str:
        return f"the gateway says: {self.words}"


@dataclass(frozen=True, slots=True)
class GatewayRefuses(Reason):
    """The gateway will not serve us, and another attempt will not help."""

    reason: Reason

    def __str__(self) -> str:
        why = self.reason.words if isinstance(self.reason, GatewaySays) else self.reason
        return f"the gateway refuses this client: {why}"


class LinkFault(Enum):
    """How an established connection to a gateway ends; the value says it in English."""

    CLOSED = "the gateway closed the connection"
    BROKEN = "the connection to the gateway broke"
    NO_TLS = "TLS with the gateway failed"
    NOT_TAKEN = "the gateway does not take what we send"
    PACER_ENDED = "the pacer has ended"
    PACER_SILENT = "the pacer does not answer"
    PACER_NOT_UNDERSTOOD = "the pacer is not understood"
    PACER_CRASHED = "the pacer has failed"
    CRASHED = "the connection to the gateway failed"


@dataclass(frozen=True, slots=True)
class LinkBroke(Reason):
    """An established connection has ended; `words` come from the system or a library, if there are any."""

    fault: LinkFault
    words: str = ""

    def __str__(self) -> str:
        return f"{self.fault.value}: {self.words}" if self.words else self.fault.value


@dataclass(frozen=True, slots=True)
class NothingComesBack(Reason):
    """The gateway takes our packets, but has delivered nothing for `seconds`."""

    seconds: float

    def __str__(self) -> str:
        return f"nothing has come back through the gateway for {self.seconds:.0f} seconds"


@dataclass(frozen=True, slots=True)
class GatewayGone(Reason):
    """No attempt has succeeded for `minutes`; `last` is the reason of the last failure."""

    minutes: float
    last: Reason | None = None

    def __str__(self) -> str:
        gone = f"the gateway has not answered for {self.minutes:.0f} minutes"
        return gone if self.last is None else f"{gone}: {self.last}"


@dataclass(frozen=True, slots=True)
class GatewayUnlisted(Reason):
    """The directory has dropped the gateway in use from its list: one that the user has `named`, or our own choice."""

    named: bool = False

    def __str__(self) -> str:
        gateway = "the gateway that the settings name" if self.named else "the gateway"
        return f"the directory no longer lists {gateway}"


@dataclass(frozen=True, slots=True)
class ClientCrashed(Reason):
    """The mixnet client failed by a fault of this program."""

    error: str

    def __str__(self) -> str:
        return f"internal error in the mixnet client: {self.error}"


@dataclass(frozen=True, slots=True)
class Slept(Reason):
    """This computer did nothing for `seconds`."""

    seconds: float

    def __str__(self) -> str:
        return f"this computer has slept for {self.seconds:.0f} seconds"


@dataclass(frozen=True, slots=True)
class Moved(Reason):
    """The way to the gateway begins at another address of this computer."""

    def __str__(self) -> str:
        return "this computer is on another network"


@dataclass(frozen=True, slots=True)
class KeysLost(Reason):
    """The keys of the last session's client, on disk, cannot be used."""

    def __str__(self) -> str:
        return "the keys of this client could not be read; it continues with new ones"


@dataclass(frozen=True, slots=True)
class RepliesLost(Reason):
    """Answers to requests of the last session cannot be decrypted."""

    def __str__(self) -> str:
        return "the keys of replies still to come could not be read and are lost"


# --- the directory -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoDirectoryUrl(Reason):
    """No directory can have this URL. `has_no_certificate`: it has a fingerprint, but is not https."""

    url: str
    has_no_certificate: bool = False

    def __str__(self) -> str:
        hint = "only https has certificates" if self.has_no_certificate else "for example " + EXAMPLE_DIRECTORY
        return f"not the URL of a directory: {self.url!r} ({hint})"


@dataclass(frozen=True, slots=True)
class NoFingerprint(Reason):
    """A text that should be a fingerprint is none."""

    def __str__(self) -> str:
        return "a fingerprint is the SHA-256 of a certificate: 64 digits and letters from a to f"


class Unreachable(Enum):
    """Why a directory cannot be reached."""

    NO_ANSWER = "no_answer"
    NO_NAME = "no_name"
    OTHER_CERTIFICATE = "other_certificate"
    NO_TLS = "no_tls"
    NO_UPSTREAM = "no_upstream"
    NO_NETWORK = "no_network"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class DirectoryUnreachable(Reason):
    """The directory at `url` cannot be reached; `words` say why, in English."""

    url: str
    fault: Unreachable
    words: str

    def __str__(self) -> str:
        return f"directory {self.url} cannot be reached: {self.words}"


@dataclass(frozen=True, slots=True)
class DirectoryUnusable(Reason):
    """The directory's answer does not describe a mixnet."""

    url: str
    detail: str

    def __str__(self) -> str:
        return f"directory {self.url} gave no usable answer: {self.detail}"


@dataclass(frozen=True, slots=True)
class Several(Reason):
    """Each of several directories has failed."""

    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.reasons))


def all_of(reasons: Sequence[Reason]) -> Reason:
    """One value for one reason or more."""
    return reasons[0] if len(reasons) == 1 else Several(tuple(reasons))


class Wanted(Enum):
    """Which gateway was looked for; the value is the word in English."""

    NAMED = "such"
    ANOTHER = "other"
    ANY = "usable"


@dataclass(frozen=True, slots=True)
class NoGateway(Reason):
    """The directory lists none that will do."""

    wanted: Wanted

    def __str__(self) -> str:
        return f"the directory lists no {self.wanted.value} gateway"
