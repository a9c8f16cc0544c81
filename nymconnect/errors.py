"""The errors, sorted by who is to blame.

`WireError` is the peer's fault: bytes that do not decode. The receiver drops the bytes, counts them and continues.
`UsageError` is our fault: a caller broke a function's contract. It is a bug and is never caught to be ignored.
`UserError` is for a person: it carries a `Reason`, whose English is one line, and must say what to do next.
"""

from nymconnect.reasons import Reason, SystemSays, Words


class NymError(Exception):
    """Root of every error that this project raises on purpose."""


class WireError(NymError):
    """A peer sent something that the protocol does not allow."""


class UsageError(NymError, ValueError):
    """A caller inside this project passed something that the contract does not allow."""


class UserError(NymError):
    """Something that a person can act on; its reason, or its text in English, is the message."""

    def __init__(self, reason: Reason | str) -> None:
        self.reason = Words(reason) if isinstance(reason, str) else reason
        super().__init__(str(reason))


def reason_of(error: BaseException) -> Reason:
    """The value that an error carries; of the operating system's errors the number counts, of others the text."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, Reason):
        return reason
    return SystemSays(error.errno, str(error)) if isinstance(error, OSError) else Words(str(error))
