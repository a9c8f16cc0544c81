"""The errors, sorted by who is to blame.

`WireError` is the peer's fault: bytes that do not decode. The receiver drops the bytes, counts them and goes on.
`UsageError` is our fault: a caller broke a function's contract. It is a bug and is never caught to be ignored.
`UserError` is for a person: its text is shown verbatim, as one line, and must say what to do next.
"""


class NymError(Exception):
    """Root of every error that this project raises on purpose."""


class WireError(NymError):
    """A peer sent something that the protocol does not allow."""


class UsageError(NymError, ValueError):
    """A caller inside this project passed something that the contract does not allow."""


class UserError(NymError):
    """Something that a person can act on; the text is the message."""
