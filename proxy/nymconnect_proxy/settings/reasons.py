"""What can be wrong with settings: an option's value, the settings file, the address book.

None of them contains a secret: a value that may be or hold one is never `given`.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from nymconnect.reasons import Reason
from nymconnect.system_reasons import closing_command


class ValueProblem(Enum):
    """What is wrong with a value, in English; the `detail` says what is allowed, or what exactly is wrong."""

    KIND = "expected a {detail}, got {given}"
    SECRET_KIND = "expected a {detail}"
    CHOICE = "{given} is not one of {detail}"
    TOO_SMALL = "must be at least {detail}"
    TOO_LARGE = "must be at most {detail}"
    COUNT = "{given} is not a whole number"
    NUMBER = "{given} is not a number"
    DURATION = "{given} is not a duration such as 20ms or 1.5s"
    ENDPOINT = "{given} is not of the form HOST:PORT, such as 127.0.0.1:1080"
    PORT = "{given} is not a port, a number up to {detail}"
    NETWORK = "{given} is neither {detail} nor a URL that begins with https://, such as https://api.example.org"
    PLAIN_FINGERPRINT = "only an https URL can have a fingerprint"
    COUNTRY = "{given} is not the code of a country, two letters such as CH"
    UPSTREAM = "expected socks5://HOST:PORT or http://HOST:PORT, such as socks5://127.0.0.1:9050"
    DIRECTORY_AND_OTHERS = "{detail} does not go together with other requesters"
    REQUESTERS = "at most {detail} requesters, each of them once"
    SERVER = "expected an https URL such as https://example.org/path"
    SECRET_LENGTH = "1 to {detail} bytes"
    SWITCH = "{given} is neither yes nor no"


@dataclass(frozen=True, slots=True)
class ValueWrong(Reason):
    """An option's value is not valid."""

    problem: ValueProblem
    given: object = ""
    detail: str = ""

    def __str__(self) -> str:
        return self.problem.value.format(given=repr(self.given), detail=self.detail)


@dataclass(frozen=True, slots=True)
class OptionWrong(Reason):
    """The option `name` does not take its value."""

    name: str
    reason: Reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class UnknownSection(Reason):
    """The settings file has a table that does not exist among the options."""

    section: str

    def __str__(self) -> str:
        return f"no section is named {self.section!r}"


@dataclass(frozen=True, slots=True)
class UnknownOption(Reason):
    """The settings file has an entry that does not exist, at least in this section."""

    section: str
    option: str

    def __str__(self) -> str:
        return f"section {self.section} has no option {self.option!r}"


@dataclass(frozen=True, slots=True)
class TooLong(Reason):
    """The settings file has more than `most` bytes."""

    most: int

    def __str__(self) -> str:
        return f"the file is longer than {self.most // 1024} KiB"


@dataclass(frozen=True, slots=True)
class SettingsBroken(Reason):
    """The settings file can be read, but its content is wrong, in `line` if that is known."""

    path: Path
    problem: Reason
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.problem}" if self.line else f"{self.path}: {self.problem}"


@dataclass(frozen=True, slots=True)
class SettingsOpenToOthers(Reason):
    """Other users of this computer may write the settings file, and so choose the network; or it holds a password, and
    they may read that."""

    path: Path
    may_write: bool = False

    @property
    def command(self) -> str:
        """Takes it away from them."""
        return closing_command(self.path)

    def __str__(self) -> str:
        what = "can be written" if self.may_write else "holds a password and is open"
        by = "by" if self.may_write else "to"
        return f"{self.path} {what} {by} other users of this computer; close it with: {self.command}"


@dataclass(frozen=True, slots=True)
class NoBook(Reason):
    """The address book in the settings file is not a table."""

    def __str__(self) -> str:
        return "[requesters] is not a table"


@dataclass(frozen=True, slots=True)
class RequesterNameWrong(Reason):
    """No requester can have this name."""

    name: str
    reserved: str

    def __str__(self) -> str:
        return (
            f"a requester's name has 1 to 40 letters, digits, - and _, and is not {self.reserved}: {self.name[:64]!r}"
        )


@dataclass(frozen=True, slots=True)
class RequesterAddressWrong(Reason):
    """The value of this name is no Nym address."""

    name: str
    reason: Reason

    def __str__(self) -> str:
        return f"the requester {self.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class BookFull(Reason):
    """The address book has no room for another entry."""

    most: int

    def __str__(self) -> str:
        return f"an address book holds at most {self.most} requesters"


@dataclass(frozen=True, slots=True)
class RequesterUnknown(Reason):
    """The address book lacks this name. `wanted`: the settings want to use it."""

    name: str
    wanted: bool = False

    def __str__(self) -> str:
        unknown = f"no requester is named {self.name!r}"
        return f"{unknown}: add it with `nymconnect requester add {self.name} ADDRESS`" if self.wanted else unknown


@dataclass(frozen=True, slots=True)
class RequesterTwice(Reason):
    """The settings name one requester twice."""

    def __str__(self) -> str:
        return "one requester is listed twice, by its name and by its address"
