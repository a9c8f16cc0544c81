"""The carriers between a client and its pacer: closed even if their closing is cancelled."""

import asyncio

import pytest

from nymconnect.client.pacer.machine import FrameKind
from nymconnect.client.pacer.parent import ChildCarrier
from nymconnect.client.pacer.transport import LocalCarrier
from nymconnect.reasons import LinkBroke
from nymconnect.runtime.outbound import dial_socket
from tests.helpers.early_ends import MORE_THAN_BUFFERS_TAKE, PATIENCE, cancelled_after_turns, deaf_server


class Silent:
    """A carrier's user that does nothing."""

    def on_bytes(self, data: bytes) -> None: ...

    def on_left(self, kind: FrameKind, serial: int, at: float) -> None: ...

    def on_end(self, reason: LinkBroke) -> None: ...


@pytest.mark.parametrize("turns", range(1, 4))
@pytest.mark.parametrize("kind", [LocalCarrier, ChildCarrier])
async def test_a_carrier_is_closed_even_if_its_closing_is_cancelled(
    kind: type[LocalCarrier] | type[ChildCarrier], turns: int
) -> None:
    async with deaf_server() as port:
        carrier = kind(Silent(), PATIENCE)
        await carrier.open(await dial_socket("127.0.0.1", port), "")
        transport = carrier._transport
        assert transport is not None
        transport.write(bytes(MORE_THAN_BUFFERS_TAKE))
        await cancelled_after_turns(turns, asyncio.create_task(carrier.close()))
        await asyncio.sleep(0)
        assert carrier._transport is None
        assert transport.get_write_buffer_size() == 0
