"""Takes messages off the mixnet, one after the other, for the one service that a mixnet client has.

Whatever a stranger's message holds, it costs that message only: what cannot be read is dropped, what makes us fail is
logged a few times a minute, and both are counted.
"""

import logging
from collections.abc import Callable

from nymconnect.errors import NymError, WireError
from nymconnect.runtime.faults import FaultLog
from nymconnect_proxy.streams.mixnet import Mixnet, ReceivedMessage

log = logging.getLogger(__name__)


class Receiver:
    """`handle` raises WireError for a message that is to be dropped. `kind` names the messages in the log."""

    def __init__(self, mixnet: Mixnet, handle: Callable[[ReceivedMessage], None], kind: str) -> None:
        self.dropped = 0
        self._mixnet = mixnet
        self._handle = handle
        self._kind = kind
        self._faults = FaultLog(log)

    async def run(self) -> None:
        """Until the mixnet client stops."""
        while True:
            try:
                received = await self._mixnet.receive()
            except NymError as error:
                log.debug("nothing more to receive: %s", error)
                return
            try:
                self._handle(received)
            except WireError as error:
                self.dropped += 1
                log.debug("%s dropped: %s", self._kind, error)
            except Exception as error:
                self.dropped += 1
                self._faults.note(f"{self._kind} made us fail", error)
