"""Questions to a requester and its answers. Mirrors nym-socks5-requests 1.21 (`request.rs`, `response.rs`).

Both are bincode enums (`bincode`):

=====================  =====  ====================================================
request                index  fields
=====================  =====  ====================================================
OpenProxy              0      –
Description            1      –
ExitPolicy             2      –
=====================  =====  ====================================================

=====================  =====  ====================================================
answer                 index  fields
=====================  =====  ====================================================
OpenProxy              0      bool
Description            1      text
ExitPolicy             2      enabled bool · upstream text · Option<AddressPolicy>
Error                  3      text
=====================  =====  ====================================================

AddressPolicy = sequence of rules; rule = action index · IP pattern text · first port · last port.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from nymconnect.errors import WireError
from nymconnect_proxy.protocol.bincode import BincodeReader, encode_flag, encode_integer, encode_text
from nymconnect_proxy.protocol.exit_policy import (
    MAX_PORT,
    MAX_RULES,
    Action,
    AddressPolicy,
    IpPattern,
    PolicyRule,
    PortRange,
)

_ACTIONS = tuple(Action)


class Query(IntEnum):
    """What a client can ask."""

    OPEN_PROXY = 0
    DESCRIPTION = 1
    EXIT_POLICY = 2

    def encode(self) -> bytes:
        return encode_integer(self)

    @classmethod
    def decode(cls, data: bytes) -> "Query":
        """From exactly one bincode value."""
        reader = BincodeReader(data)
        query = cls(reader.integer(max(cls)))
        reader.finish()
        return query


@dataclass(frozen=True, slots=True)
class OpenProxyAnswer:
    """Whether the requester connects to every address."""

    INDEX: ClassVar = 0
    is_open: bool

    def encode(self) -> bytes:
        return encode_integer(self.INDEX) + encode_flag(self.is_open)


@dataclass(frozen=True, slots=True)
class DescriptionAnswer:
    INDEX: ClassVar = 1
    text: str

    def encode(self) -> bytes:
        return encode_integer(self.INDEX) + encode_text(self.text)


@dataclass(frozen=True, slots=True)
class ExitPolicyAnswer:
    """The policy in force; `upstream` is the URL it came from, or empty."""

    INDEX: ClassVar = 2
    enabled: bool
    upstream: str
    policy: AddressPolicy | None

    def encode(self) -> bytes:
        head = encode_integer(self.INDEX) + encode_flag(self.enabled) + encode_text(self.upstream)
        if self.policy is None:
            return head + encode_flag(False)
        rules = b"".join(_encode_rule(rule) for rule in self.policy.rules)
        return head + encode_flag(True) + encode_integer(len(self.policy.rules)) + rules


@dataclass(frozen=True, slots=True)
class QueryErrorAnswer:
    INDEX: ClassVar = 3
    text: str

    def encode(self) -> bytes:
        return encode_integer(self.INDEX) + encode_text(self.text)


QueryAnswer = OpenProxyAnswer | DescriptionAnswer | ExitPolicyAnswer | QueryErrorAnswer


def decode_answer(data: bytes) -> QueryAnswer:
    """From exactly one bincode value; WireError otherwise."""
    reader = BincodeReader(data)
    answer: QueryAnswer
    index = reader.integer(QueryErrorAnswer.INDEX)
    if index == OpenProxyAnswer.INDEX:
        answer = OpenProxyAnswer(reader.flag())
    elif index == DescriptionAnswer.INDEX:
        answer = DescriptionAnswer(reader.text())
    elif index == ExitPolicyAnswer.INDEX:
        answer = ExitPolicyAnswer(reader.flag(), reader.text(), _decode_policy(reader) if reader.flag() else None)
    else:
        answer = QueryErrorAnswer(reader.text())
    reader.finish()
    return answer


def _encode_rule(rule: PolicyRule) -> bytes:
    ports = encode_integer(rule.ports.start) + encode_integer(rule.ports.end)
    return encode_integer(_ACTIONS.index(rule.action)) + encode_text(str(rule.ip)) + ports


def _decode_policy(reader: BincodeReader) -> AddressPolicy:
    count = reader.length()
    if count > MAX_RULES:
        raise WireError(f"an exit policy has at most {MAX_RULES} rules")
    return AddressPolicy(tuple(_decode_rule(reader) for _ in range(count)))


def _decode_rule(reader: BincodeReader) -> PolicyRule:
    action = _ACTIONS[reader.integer(len(_ACTIONS) - 1)]
    ip = IpPattern.parse(reader.text())
    return PolicyRule(action, ip, PortRange(reader.integer(MAX_PORT), reader.integer(MAX_PORT)))
