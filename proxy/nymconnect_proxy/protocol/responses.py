"""What a requester answers. Mirrors nym-socks5-requests 1.21 (`response.rs`) and nym-service-providers-common 1.21
(`interface/response.rs`, `interface/control.rs`).

Behind the version bytes (`versions`), all integers big-endian::

    NetworkData      01 ‖ closed 1 (02 as in `Send`) ‖ connection id 8 ‖ sequence 8 ‖ data
    ConnectionError  02 ‖ connection id 8 ‖ text (UTF-8, may be empty)
    Query            03 ‖ bincode (`queries`); only with a versioned body, where 03 cannot be mistaken for a version
    control          00 Health | 01 BinaryInfo ‖ JSON | 02 SupportedRequestVersions ‖ JSON | FF Error ‖ JSON
                     F0 Paced ‖ packets in 1000 s 4 ‖ seconds 2 (ours alone)
                     F1 Credit (ours alone; `credit`)
"""

from dataclasses import dataclass

import msgspec

from nymconnect.errors import UsageError, WireError
from nymconnect_proxy.protocol.credit import CREDIT_TAG, Credit
from nymconnect_proxy.protocol.queries import QueryAnswer, decode_answer
from nymconnect_proxy.protocol.requests import CONNECTION_ID_LENGTH, PACE_TAG, RatePromise, StreamData
from nymconnect_proxy.protocol.versions import CURRENT, FIRST_VERSION, Envelope, Versions

FLAG_NETWORK_DATA = 1
FLAG_CONNECTION_ERROR = 2
FLAG_QUERY = 3
CONTROL_HEALTH = 0x00
CONTROL_BINARY_INFO = 0x01
CONTROL_VERSIONS = 0x02
CONTROL_ERROR = 0xFF
_UNKNOWN = "unknown"


class NetworkData(StreamData):
    """Stream data from the target."""

    __slots__ = ()

    def encode(self) -> bytes:
        connection_id, closed, rest = self._fields()
        return bytes([FLAG_NETWORK_DATA]) + closed + connection_id + rest

    @classmethod
    def decode(cls, body: bytes) -> "NetworkData":
        """From the flag on."""
        return cls._decode(body, id_at=2, closed_at=1)


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """Nym's ConnectionError: the connection was refused or could not be made; `text` says why."""

    connection_id: int
    text: str

    def encode(self) -> bytes:
        connection_id = self.connection_id.to_bytes(CONNECTION_ID_LENGTH, "big")
        return bytes([FLAG_CONNECTION_ERROR]) + connection_id + self.text.encode()

    @classmethod
    def decode(cls, body: bytes) -> "ConnectionFailure":
        """From the flag on."""
        if len(body) < 9:
            raise WireError("ConnectionError is too short")
        try:
            return cls(int.from_bytes(body[1:9], "big"), body[9:].decode())
        except UnicodeDecodeError as error:
            raise WireError("text of a ConnectionError is not UTF-8") from error


@dataclass(frozen=True, slots=True)
class Healthy:
    """Answer to a Health request: it arrived."""

    def encode(self) -> bytes:
        return bytes([CONTROL_HEALTH])


BINARY_NAME = "nymconnect-requester"  # the name that a requester of this software reports


class BuildInformation(msgspec.Struct, frozen=True):
    """How a binary was built, as nym-bin-common describes it; what does not apply stays ``unknown``."""

    binary_name: str = _UNKNOWN
    build_timestamp: str = _UNKNOWN
    build_version: str = _UNKNOWN
    commit_sha: str = _UNKNOWN
    commit_timestamp: str = _UNKNOWN
    commit_branch: str = _UNKNOWN
    rustc_version: str = _UNKNOWN
    rustc_channel: str = _UNKNOWN
    cargo_profile: str = _UNKNOWN
    cargo_triple: str = _UNKNOWN


class BinaryInfo(msgspec.Struct, frozen=True):
    """Answer to a BinaryInfo request."""

    binary_name: str
    build_information: BuildInformation

    def encode(self) -> bytes:
        return bytes([CONTROL_BINARY_INFO]) + msgspec.json.encode(self)


class SupportedVersions(msgspec.Struct, frozen=True):
    """Answer to a SupportedRequestVersions request: two texts that are themselves JSON."""

    interface_version: str
    provider_version: str

    @classmethod
    def of(cls, versions: Versions) -> "SupportedVersions":
        return cls(_version_json(versions.outer), _version_json(versions.inner))

    def encode(self) -> bytes:
        return bytes([CONTROL_VERSIONS]) + msgspec.json.encode(self)


class ControlError(msgspec.Struct, frozen=True):
    """Answer to a control request that the service could not answer."""

    message: str

    def encode(self) -> bytes:
        return bytes([CONTROL_ERROR]) + msgspec.json.encode(self)


class Paced(RatePromise):
    """Answer to a Pace: the rate that is promised and for how long (`RatePromise`); 0 and 0 if none is.

    It is less than what was asked for where others have their share, or while few SURBs come for it.
    """

    __slots__ = ()


ControlAnswer = Healthy | BinaryInfo | SupportedVersions | ControlError | Paced
StreamResponse = NetworkData | ConnectionFailure | Credit
Response = StreamResponse | QueryAnswer | ControlAnswer


def _version_json(version: int | None) -> str:
    value = {"type": "Legacy"} if version is None else {"type": "Versioned", "version": version}
    return msgspec.json.encode(value).decode()


def encode_response(response: Response, versions: Versions = CURRENT) -> bytes:
    """The body of one mixnet message; UsageError for answers that Legacy cannot express."""
    if isinstance(response, ControlAnswer | Credit):
        return versions.of_control + response.encode()
    if isinstance(response, StreamResponse):
        return versions.of_response + response.encode()
    if versions.inner is None:
        raise UsageError("query answers need a versioned body")
    return versions.of_response + bytes([FLAG_QUERY]) + response.encode()


def decode_response(data: bytes) -> tuple[Versions, Response]:
    """A response and its versions; inner versions above ours are read as ours. WireError otherwise."""
    envelope = Envelope.decode(data)
    if envelope.is_control:
        return Versions(envelope.outer), _decode_control(envelope.body)
    body, inner = envelope.body, None
    if body and body[0] >= FIRST_VERSION:
        inner, body = body[0], body[1:]
    if not body:
        raise WireError("response is too short")
    return Versions(envelope.outer, inner), _decode_body(body)


def _decode_body(body: bytes) -> Response:
    if body[0] == FLAG_NETWORK_DATA:
        return NetworkData.decode(body)
    if body[0] == FLAG_CONNECTION_ERROR:
        return ConnectionFailure.decode(body)
    if body[0] == FLAG_QUERY:
        return decode_answer(body[1:])
    raise WireError(f"unknown response flag {body[0]}")


def _decode_control(body: bytes) -> ControlAnswer | Credit:
    if not body:
        raise WireError("control response is too short")
    tag, content = body[0], body[1:]
    if tag == CONTROL_HEALTH:
        if content:
            raise WireError("bytes after a Health response")
        return Healthy()
    if tag == PACE_TAG:
        return Paced.decode(body)
    if tag == CREDIT_TAG:
        return Credit.decode(body)
    try:
        text = content.decode()  # msgspec does not look at what it skips
        if tag == CONTROL_BINARY_INFO:
            return msgspec.json.decode(text, type=BinaryInfo)
        if tag == CONTROL_VERSIONS:
            return msgspec.json.decode(text, type=SupportedVersions)
        if tag == CONTROL_ERROR:
            return msgspec.json.decode(text, type=ControlError)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise WireError(f"bad control response: {error}") from error
    raise WireError(f"unknown control response {tag}")
