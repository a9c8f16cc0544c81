"""One option: its name, its kind of value, how that value reads as text, and its bounds.

`settings` holds the table of all options; flags, the settings file and the manual are made from it.

=========  ================  ====================================
kind       in Python         as text
=========  ================  ====================================
CHOICE     str               one of `choices`
COUNT      int               12
FACTOR     float             1.5
DURATION   float, seconds    20ms, 1.5s
ENDPOINT   Endpoint          127.0.0.1:1080
NETWORK    Network           one of `choices`, or an http(s) URL
RECIPIENT  str, checked      Nym address
REQUESTERS str, checked      Nym addresses or names, with commas
IDENTITY   str, checked      base58, 32 bytes
COUNTRY    str, capitals     two letters, ISO 3166-1
UPSTREAM   Upstream          socks5://127.0.0.1:9050
SERVER     Server            https://example.org/path
SECRET     Secret            the secret
SWITCH     bool              yes, no
=========  ================  ====================================
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import SplitResult, unquote, urlsplit

from nymconnect.endpoints import Endpoint, Upstream, parse_fingerprint
from nymconnect.errors import UserError
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork
from nymconnect_proxy.settings.pasted import identity_key, nym_address
from nymconnect_proxy.settings.reasons import OptionWrong, ValueProblem, ValueWrong

MAX_PORT = 65535
MAX_SECRET_LENGTH = 255  # bytes; SOCKS5 has no room for more
MAX_REQUESTERS = 8
DIRECTORY = "directory"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
UPSTREAM_SCHEMES = ("socks5", "http")
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*(ms|s|min|h)", re.ASCII)
_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is shown nowhere."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return "set"


@dataclass(frozen=True, slots=True)
class Server:
    """An https server. Its `url` may hold a key, so texts show the host alone."""

    host: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"https://{self.host}"


Value = str | int | float | Endpoint | NamedNetwork | OwnNetwork | Upstream | Secret | Server


class OptionKind(Enum):
    """What sort of value an option takes."""

    CHOICE = "choice"
    COUNT = "count"
    FACTOR = "factor"
    DURATION = "duration"
    ENDPOINT = "host:port"
    NETWORK = "name or URL"
    RECIPIENT = "Nym address"
    REQUESTERS = "Nym addresses or names"
    IDENTITY = "identity key"
    COUNTRY = "country code"
    UPSTREAM = "proxy URL"
    SERVER = "https URL"
    SECRET = "secret"
    SWITCH = "yes or no"


_MAY_HOLD_SECRETS = frozenset({OptionKind.SECRET, OptionKind.UPSTREAM, OptionKind.SERVER})


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table. A `default` of None means that something else decides: `absent` says what."""

    name: str
    section: str  # table of the settings file, and heading of the manual
    kind: OptionKind
    default: Value | None
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    absent: str = ""

    @property
    def flag(self) -> str:
        """The command line's name of this option."""
        return "--" + self.name.replace("_", "-")

    def parse(self, raw: object) -> Value:
        """The value that a flag's text or a settings file's entry means; UserError if it is none."""
        if isinstance(raw, bool) and self.kind is OptionKind.SWITCH:
            return raw
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            if self.kind in _MAY_HOLD_SECRETS:
                raise self.wrong(ValueProblem.SECRET_KIND, detail=self.kind.value)
            raise self.wrong(ValueProblem.KIND, raw, self.kind.value)
        text = raw.strip() if isinstance(raw, str) else str(raw)
        value = _PARSERS[self.kind](self, text)
        self.check(value)
        return value

    def wrong(self, problem: ValueProblem, given: object = "", detail: str = "") -> UserError:
        """What to raise; `given` is shown, so it must be no secret."""
        return UserError(OptionWrong(self.name, ValueWrong(problem, given, detail)))

    def check(self, value: Value) -> None:
        """UserError if `value` lies outside the bounds."""
        if self.kind is OptionKind.CHOICE and value not in self.choices:
            raise self.wrong(ValueProblem.CHOICE, value, ", ".join(self.choices))
        if not isinstance(value, int | float):
            return
        # Written so that a NaN fails as well.
        if self.minimum is not None and not value >= self.minimum:
            raise self.wrong(ValueProblem.TOO_SMALL, value, self.format(self.minimum))
        if self.maximum is not None and not value <= self.maximum:
            raise self.wrong(ValueProblem.TOO_LARGE, value, self.format(self.maximum))

    def format(self, value: Value) -> str:
        """The text that `parse` reads back as `value`."""
        if isinstance(value, Upstream | Server):
            return value.url
        if isinstance(value, Secret):
            return value.text
        if isinstance(value, bool):
            return "yes" if value else "no"
        if self.kind is OptionKind.DURATION and isinstance(value, int | float):
            return f"{value * 1000:g}ms" if value < 1 else f"{value:g}s"
        return f"{value:g}" if isinstance(value, float) else str(value)

    @property
    def shown_default(self) -> str:
        """For the manual: the default, or what decides without one."""
        return self.absent if self.default is None else self.format(self.default)

    @property
    def bounds(self) -> str:
        """For the manual: the choices, or the range, or nothing."""
        if self.choices:
            return ", ".join(self.choices)
        if self.minimum is None or self.maximum is None:
            return ""
        return f"{self.format(self.minimum)} to {self.format(self.maximum)}"


def _parse_choice(option: Option, text: str) -> Value:
    return text


def _parse_count(option: Option, text: str) -> Value:
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise option.wrong(ValueProblem.COUNT, text)
    return int(text)


def _parse_factor(option: Option, text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        raise option.wrong(ValueProblem.NUMBER, text) from None


def _parse_duration(option: Option, text: str) -> Value:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise option.wrong(ValueProblem.DURATION, text)
    # Rounded to the nanosecond, so that 15ms is the same number whichever way it was written.
    return round(float(match[1]) * _SECONDS_PER_UNIT[match[2]], 9)


def _parse_endpoint(option: Option, text: str) -> Value:
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host and not bracketed):
        raise option.wrong(ValueProblem.ENDPOINT, text)
    if not re.fullmatch(r"\d{1,5}", port, re.ASCII) or int(port) > MAX_PORT:
        raise option.wrong(ValueProblem.PORT, port, str(MAX_PORT))
    return Endpoint(host[1:-1] if bracketed else host, int(port))


def _parse_network(option: Option, text: str) -> Value:
    if text in option.choices:
        return NamedNetwork(text)
    wrong = option.wrong(ValueProblem.NETWORK, text[:80], " nor ".join(option.choices))
    bare, hash_sign, certificate = text.partition("#")
    url, host, port = _split_url(bare, wrong)
    if url.scheme not in ("http", "https") or not host or port == 0:
        raise wrong
    bare = bare.rstrip("/")
    if not hash_sign:
        return OwnNetwork(bare)
    if url.scheme != "https":
        raise option.wrong(ValueProblem.PLAIN_FINGERPRINT)
    with _naming(option):
        return OwnNetwork(bare, parse_fingerprint(certificate).hex())


@contextmanager
def _naming(option: Option) -> Iterator[None]:
    """What is wrong with a value is said of its option."""
    try:
        yield
    except UserError as error:
        raise UserError(OptionWrong(option.name, error.reason)) from error


def _parse_recipient(option: Option, text: str) -> Value:
    with _naming(option):
        return str(nym_address(text))


def _parse_identity(option: Option, text: str) -> Value:
    with _naming(option):
        identity_key(text)
    return text


def _parse_country(option: Option, text: str) -> Value:
    if not re.fullmatch(r"[A-Za-z]{2}", text, re.ASCII):
        raise option.wrong(ValueProblem.COUNTRY, text)
    return text.upper()


def _split_url(text: str, wrong: UserError) -> tuple[SplitResult, str | None, int | None]:
    """With host and port, which are read late and may be `wrong` as well."""
    try:
        url = urlsplit(text)
        return url, url.hostname, url.port
    except ValueError:
        raise wrong from None


def _parse_upstream(option: Option, text: str) -> Value:
    # No text of this value is ever repeated: it may hold a password.
    wrong = option.wrong(ValueProblem.UPSTREAM)
    url, host, port = _split_url(text, wrong)
    if url.scheme not in UPSTREAM_SCHEMES or not host or not port or url.path.strip("/") or url.query or url.fragment:
        raise wrong
    if any(not character.isprintable() or character.isspace() for character in host):
        raise wrong
    if url.username is None:
        return Upstream(url.scheme, host, port)
    return Upstream(url.scheme, host, port, unquote(url.username), unquote(url.password or ""))


def _parse_requesters(option: Option, text: str) -> Value:
    parts = [part.strip() for part in text.split(",")]
    if parts != [DIRECTORY] and any(part == DIRECTORY for part in parts):
        raise option.wrong(ValueProblem.DIRECTORY_AND_OTHERS, detail=DIRECTORY)
    if len(parts) > MAX_REQUESTERS or len(set(parts)) < len(parts):
        raise option.wrong(ValueProblem.REQUESTERS, detail=str(MAX_REQUESTERS))
    return ", ".join(part if is_name(part) else str(_parse_recipient(option, part)) for part in parts)


def is_name(text: str) -> bool:
    """Whether `text` can be the name of a requester; no Nym address can."""
    return _NAME.fullmatch(text) is not None


def _parse_server(option: Option, text: str) -> Value:
    # No text of this value is ever repeated: it may hold a key.
    wrong = option.wrong(ValueProblem.SERVER)
    url, host, port = _split_url(text, wrong)
    if url.scheme != "https" or not host or port == 0 or url.fragment or not text.isascii() or not text.isprintable():
        raise wrong
    return Server(host, text)


def _parse_secret(option: Option, text: str) -> Value:
    if not 0 < len(text.encode()) <= MAX_SECRET_LENGTH:
        raise option.wrong(ValueProblem.SECRET_LENGTH, detail=str(MAX_SECRET_LENGTH))
    return Secret(text)


def _parse_switch(option: Option, text: str) -> Value:
    if text not in ("yes", "no"):
        raise option.wrong(ValueProblem.SWITCH, text)
    return text == "yes"


_PARSERS: dict[OptionKind, Callable[[Option, str], Value]] = {
    OptionKind.CHOICE: _parse_choice,
    OptionKind.COUNT: _parse_count,
    OptionKind.FACTOR: _parse_factor,
    OptionKind.DURATION: _parse_duration,
    OptionKind.ENDPOINT: _parse_endpoint,
    OptionKind.NETWORK: _parse_network,
    OptionKind.RECIPIENT: _parse_recipient,
    OptionKind.IDENTITY: _parse_identity,
    OptionKind.COUNTRY: _parse_country,
    OptionKind.REQUESTERS: _parse_requesters,
    OptionKind.UPSTREAM: _parse_upstream,
    OptionKind.SERVER: _parse_server,
    OptionKind.SECRET: _parse_secret,
    OptionKind.SWITCH: _parse_switch,
}
