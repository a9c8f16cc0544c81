"""Where pushed messages are on their way to a client: in our buffer, in the kernel's, or with the client's kernel.

Nym's protocol has no receipt for what a gateway pushes. TCP has one of its own: what the other side's kernel has
confirmed cannot be lost on the line any more. The owner says how many bytes each buffer holds, and hears which messages
have left it.
"""

from collections import deque

from nymconnect.node.gateway.mailbox import Mail


class Handover:
    """The messages written to one connection and not confirmed, oldest first.

    A message counts as its content only. On the line it is a little longer, so it is never taken for gone too early.
    """

    def __init__(self) -> None:
        self._buffered: deque[Mail] = deque()
        self._handed: deque[Mail] = deque()
        self._buffered_bytes = 0
        self._handed_bytes = 0

    def __bool__(self) -> bool:
        """Whether some message is not confirmed."""
        return bool(self._buffered or self._handed)

    def written(self, mail: Mail) -> None:
        """It was given to the connection."""
        self._buffered.append(mail)
        self._buffered_bytes += len(mail.content)

    def settle(self, buffered: int, unconfirmed: int) -> tuple[list[Mail], list[Mail]]:
        """Our buffer holds `buffered` bytes and the kernel `unconfirmed`: which messages the kernel has now, and which
        ones the client's kernel."""
        handed: list[Mail] = []
        while self._buffered and self._buffered_bytes - len(self._buffered[0].content) >= buffered:
            handed.append(self._buffered.popleft())
            self._buffered_bytes -= len(handed[-1].content)
            self._handed.append(handed[-1])
            self._handed_bytes += len(handed[-1].content)
        confirmed: list[Mail] = []
        while self._handed and self._handed_bytes - len(self._handed[0].content) >= unconfirmed:
            confirmed.append(self._handed.popleft())
            self._handed_bytes -= len(confirmed[-1].content)
        return handed, confirmed
