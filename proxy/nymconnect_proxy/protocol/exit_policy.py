"""Exit policies: which addresses and ports an exit connects to. Mirrors nym-exit-policy 1.21 (`policy/`).

Text form, one rule per line, ``#`` starts a comment::

    ExitPolicy ACTION IP:PORTS

ACTION is accept, reject, accept6 or reject6; IP is ``*``, ``*4``, ``*6``, an IPv4 or (bracketed or bare) IPv6 address
with an optional ``/prefix``; PORTS is ``*``, ``n`` or ``a-b``.

The first rule that matches decides. As in the reference the 6-variants do not restrict the family, and an address
that no rule matches is refused.
"""

import ipaddress
from dataclasses import dataclass
from enum import Enum

from nymconnect.endpoints import IpAddress
from nymconnect.errors import UserError, WireError

MAX_RULES = 10_000
MAX_PORT = 65535
_KEYWORD = "ExitPolicy"
_STAR_FAMILY = {"*": None, "*4": 4, "*6": 6}
_STAR_TEXT = {family: text for text, family in _STAR_FAMILY.items()}


class Action(Enum):
    """What a matching rule decides. The order is the one of the binary form."""

    ACCEPT = "accept"
    REJECT = "reject"
    ACCEPT6 = "accept6"
    REJECT6 = "reject6"

    @property
    def accepts(self) -> bool:
        return self in (Action.ACCEPT, Action.ACCEPT6)


@dataclass(frozen=True, slots=True)
class IpPattern:
    """A network, kept as it was written, or a star: every address of `family` (4, 6, or None for both)."""

    network: ipaddress.IPv4Interface | ipaddress.IPv6Interface | None = None
    family: int | None = None

    @classmethod
    def parse(cls, text: str) -> "IpPattern":
        """WireError if `text` is no pattern, or has a prefix length on a star."""
        if text in _STAR_FAMILY:
            return cls(family=_STAR_FAMILY[text])
        host, slash, prefix = text.partition("/")
        if (slash and not (prefix.isascii() and prefix.isdigit())) or "%" in host:
            raise WireError(f"not an IP pattern: {text[:64]!r}")
        if ":" in host and host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        try:
            network = ipaddress.ip_interface(host + slash + prefix)
        except ValueError as error:
            raise WireError(f"not an IP pattern: {text[:64]!r}") from error
        return cls(network) if network.network.prefixlen else cls(family=network.version)

    def matches(self, address: IpAddress) -> bool:
        if self.network is None:
            return self.family in (None, address.version)
        return address in self.network.network

    def __str__(self) -> str:
        return _STAR_TEXT[self.family] if self.network is None else str(self.network)


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports `start` to `end`, both included; 0–0 is the one range that holds 0."""

    start: int = 1
    end: int = MAX_PORT

    def __post_init__(self) -> None:
        single_zero = self.start == self.end == 0
        if not (single_zero or 1 <= self.start <= self.end <= MAX_PORT):
            raise WireError(f"bad port range {self.start}-{self.end}")

    @classmethod
    def parse(cls, text: str) -> "PortRange":
        if text == "*":
            return cls()
        start, dash, end = text.partition("-")
        return cls(_parse_port(start), _parse_port(end if dash else start))

    def matches(self, port: int) -> bool:
        return port == 0 or self.start <= port <= self.end

    def __str__(self) -> str:
        if (self.start, self.end) == (1, MAX_PORT):
            return "*"
        return str(self.start) if self.start == self.end else f"{self.start}-{self.end}"


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise WireError(f"not a port: {text[:64]!r}")
    return int(text)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One line of a policy."""

    action: Action
    ip: IpPattern = IpPattern()
    ports: PortRange = PortRange()

    @classmethod
    def parse(cls, action: str, pattern: str) -> "PolicyRule":
        """From ``accept`` and ``1.2.3.0/24:80-81``; WireError otherwise."""
        ip, colon, ports = pattern.rpartition(":")
        if not colon:
            raise WireError(f"no port in {pattern[:64]!r}")
        return cls(_parse_action(action), IpPattern.parse(ip), PortRange.parse(ports))

    def __str__(self) -> str:
        return f"{_KEYWORD} {self.action.value} {self.ip}:{self.ports}"


def _parse_action(text: str) -> Action:
    try:
        return Action(text)
    except ValueError as error:
        raise WireError(f"unknown action {text[:64]!r}") from error


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """An ordered list of rules."""

    rules: tuple[PolicyRule, ...] = ()

    @classmethod
    def open(cls) -> "AddressPolicy":
        """Accept everything: what Nym calls an open proxy."""
        return cls((PolicyRule(Action.ACCEPT),))

    @property
    def is_open(self) -> bool:
        return self == AddressPolicy.open()

    def accepts(self, address: IpAddress, port: int) -> bool:
        """Decision of the first matching rule; no match refuses."""
        for rule in self.rules:
            if rule.ports.matches(port) and rule.ip.matches(address):
                return rule.action.accepts
        return False

    @classmethod
    def parse(cls, text: str) -> "AddressPolicy":
        """From the text form, as a person writes it; UserError names the line that is wrong."""
        rules: list[PolicyRule] = []
        for number, line in enumerate(text.split("\n"), start=1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            rules.append(_parse_line(words, number))
            if len(rules) > MAX_RULES:
                raise UserError(f"exit policy, line {number}: more than {MAX_RULES} rules")
        return cls(tuple(rules))

    def __str__(self) -> str:
        return "".join(f"{rule}\n" for rule in self.rules)


def _parse_line(words: list[str], number: int) -> PolicyRule:
    if len(words) != 3 or words[0] != _KEYWORD:
        raise UserError(f"exit policy, line {number}: expected '{_KEYWORD} ACTION IP:PORTS'")
    try:
        return PolicyRule.parse(words[1], words[2])
    except WireError as error:
        raise UserError(f"exit policy, line {number}: {error}") from error
