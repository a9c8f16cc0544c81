"""A gateway's websocket port as a client sees it, behind which somebody meddles with what the gateway says.

Whoever runs a gateway can do all this with no key but the gateway's own: say more than it was told to, say it again,
say nothing, or stop in the middle of a word.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from enum import Enum

from wsproto.frame_protocol import Opcode

from tests.helpers.front import CHUNK, Front

KEPT = 300
LOST = 30


class Abuse(Enum):
    NONE = "none"
    REPEATS = "hands out old messages"
    GARBAGE = "sends binary and text messages that mean nothing"
    FLOOD = "sends many of the longest messages"
    BREAKS = "closes in the middle of a frame"
    LOSES = "keeps some messages back that it has acked"
    SILENCE = "takes everything and delivers nothing"


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """A whole websocket message from a server (RFC 6455, section 5.2)."""
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65_536:
        return head + b"\x7e" + len(payload).to_bytes(2, "big") + payload
    return head + b"\x7f" + len(payload).to_bytes(8, "big") + payload


class Frames:
    """Cuts what a server sends into whole frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        self._rest += data
        whole: list[bytes] = []
        while (length := self._length()) is not None and len(self._rest) >= length:
            whole.append(self._rest[:length])
            self._rest = self._rest[length:]
        return whole

    def _length(self) -> int | None:
        if len(self._rest) < 2:
            return None
        short = self._rest[1] & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        if len(self._rest) < 2 + extra:
            return None
        return 2 + extra + (int.from_bytes(self._rest[2 : 2 + extra], "big") if extra else short)


class RogueFront(Front):
    """`abuse` may be changed at any time."""

    def __init__(self, gateway_port: int, noise: Callable[[int], bytes]) -> None:
        super().__init__(gateway_port)
        self.abuse = Abuse.NONE
        self.misdeeds = 0
        self._noise = noise
        self._old: deque[bytes] = deque(maxlen=KEPT)

    async def _pass_down(self, gateway: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            client.write(await gateway.readuntil(b"\r\n\r\n"))  # the websocket's beginning
            await self._meddle(gateway, client)
        client.close()

    async def _meddle(self, gateway: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        frames = Frames()
        while data := await gateway.read(CHUNK):
            for whole in frames.feed(data):
                if whole[0] & 0x0F == Opcode.BINARY:
                    self._old.append(whole)
                if not self._say(client, whole):
                    return
                await client.drain()

    def _say(self, client: asyncio.StreamWriter, whole: bytes) -> bool:
        """One frame, and what is added to it; False to hang up."""
        if self.abuse is Abuse.NONE:
            client.write(whole)
            return True
        self.misdeeds += 1
        match self.abuse:
            case Abuse.SILENCE:
                return True
            case Abuse.BREAKS:
                client.write(whole[: len(whole) // 2])
                self.abuse = Abuse.NONE
                return False
            case Abuse.LOSES:
                if self.misdeeds == LOST:
                    self.abuse = Abuse.NONE
            case Abuse.REPEATS:
                client.write(whole + b"".join(list(self._old)[:: max(1, len(self._old) // 5)]))
            case Abuse.GARBAGE:
                client.write(frame(Opcode.BINARY, self._noise(1 + self.misdeeds % 3000)))
                client.write(frame(Opcode.TEXT, b'{"type":"send","nothing":[' + b"[" * 50))
                client.write(whole)
            case Abuse.FLOOD:
                client.write(frame(Opcode.BINARY, self._noise(200_000)) * 3 + whole)
        return True
