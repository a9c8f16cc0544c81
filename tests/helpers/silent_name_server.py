"""A machine of its own with a name server that answers for ``live.example`` only, and a requester on it.

To be run as root of namespaces whose ``/etc/resolv.conf`` names 127.0.0.1. Prints after how many
seconds the requester has connected to ``live.example``, beside a hundred dead names of as many senders as it is told.
"""

import asyncio
import sys
import time
from typing import cast

from nymconnect.client.surbs.aliases import Alias
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.requests import Connect, encode_request
from nymconnect_proxy.protocol.responses import NetworkData, decode_response
from tests.helpers.mixnet_pair import MixnetEnd, mixnet_pair

DEAD_NAMES = 100
LIVE_ID = 1_000_000


class NameServer(asyncio.DatagramProtocol):
    """Ten milliseconds for A and AAAA of ``live.example``; silence for the rest."""

    def __init__(self) -> None:
        self.unanswered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        question = data[12 : data.index(b"\0", 12) + 5]
        if not question.startswith(b"\4live\7example\0"):
            self.unanswered += 1
            return
        wants_ipv4 = question[-4:-2] == b"\0\1"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if wants_ipv4 else b""
        header = data[:2] + b"\x81\x80\0\1" + (b"\0\1" if record else b"\0\0") + bytes(4)
        asyncio.get_running_loop().call_later(0.01, self._transport.sendto, header + question + record, address)


async def measure(senders: int) -> float:
    loop = asyncio.get_running_loop()
    _, names = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 53))
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client, exit_ = mixnet_pair(1)
    requester = embedded_requester(exit_, AddressPolicy.open())
    await requester.start()
    try:
        for number in range(DEAD_NAMES):
            await connect(client, exit_, f"{number}.dead.example:80", number, 1 + number % senders)
        while names.unanswered < min(DEAD_NAMES, 6):  # noqa: ASYNC110 -- a counter without an event
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        await connect(client, exit_, f"live.example:{port}", LIVE_ID, 0)
        while True:
            _, answer = decode_response((await client.receive()).data)
            if isinstance(answer, NetworkData) and answer.connection_id == LIVE_ID and not answer.closed:
                return time.monotonic() - begun
    finally:
        await requester.stop()
        server.close()


async def connect(client: MixnetEnd, exit_: MixnetEnd, target: str, connection_id: int, sender: int) -> None:
    """A Connect of one sender: each alias of the requester means another tag."""
    to = Alias.of(exit_.address, sender)
    await client.send(to, encode_request(Connect(connection_id, target)), surbs=3, lane=connection_id)


if __name__ == "__main__":
    print(asyncio.run(measure(int(sys.argv[1]))))
