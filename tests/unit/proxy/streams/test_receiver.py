"""Messages off the mixnet: each costs itself only, whatever it holds."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from nymconnect.errors import NymError, WireError
from nymconnect_proxy.streams.mixnet import ReceivedMessage
from nymconnect_proxy.streams.receiver import Receiver
from tests.helpers.mixnet_pair import Message, MixnetEnd, mixnet_pair


class EndingMixnet(MixnetEnd):
    """Has these messages, and then stops."""

    waiting: Sequence[bytes] = ()

    async def receive(self) -> Message:
        if not self.waiting:
            raise NymError("stopped")
        first, *self.waiting = self.waiting
        return Message(first)


async def test_a_message_that_is_bad_or_makes_us_fail_is_counted_and_the_next_one_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    handled = []

    def handle(received: ReceivedMessage) -> None:
        if received.data == b"bad":
            raise WireError("not read")
        if received.data == b"odd":
            raise ZeroDivisionError("odd")
        handled.append(received.data)

    end, _ = mixnet_pair(1)
    mixnet = EndingMixnet(end.address, end.rng)
    mixnet.waiting = [b"one", b"bad", b"odd", b"odd", b"two"]
    receiver = Receiver(mixnet, handle, "a request")
    async with asyncio.timeout(5):
        await receiver.run()
    assert handled == [b"one", b"two"]
    assert receiver.dropped == 3
    assert caplog.messages == ["a request made us fail: ZeroDivisionError: odd"]
