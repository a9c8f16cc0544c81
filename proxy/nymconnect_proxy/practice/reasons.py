"""Why there is no practice network; `last_words` are those of its process."""

from dataclasses import dataclass

from nymconnect.reasons import Reason


@dataclass(frozen=True, slots=True)
class PracticeNotStarted(Reason):
    """Its process has ended before all parts were up."""

    last_words: str = ""

    def __str__(self) -> str:
        return f"the practice network did not start: {self.last_words or 'no reason given'}"


@dataclass(frozen=True, slots=True)
class PracticeTooSlow(Reason):
    """Not all parts were up after `seconds`."""

    seconds: float

    def __str__(self) -> str:
        return f"the practice network did not start within {self.seconds:.0f} seconds"


@dataclass(frozen=True, slots=True)
class PracticeEnded(Reason):
    """Its process has ended later."""

    last_words: str = ""

    def __str__(self) -> str:
        return f"the practice network has ended{': ' + self.last_words if self.last_words else ''}"
