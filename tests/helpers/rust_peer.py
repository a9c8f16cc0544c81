"""A client of the published crates as a child process: `tests/interop/peers` says which lines it takes and prints."""

import asyncio
import contextlib
import json
import os
from collections import deque
from types import TracebackType
from typing import Any

from nymconnect.packet.addressing import Recipient
from tests.helpers.rust_vectors import NEW, OLD

BINARIES = {OLD: os.environ.get("NYMCONNECT_PEERS", ""), NEW: os.environ.get("NYMCONNECT_PEERS_2", "")}
PATIENCE = 90.0
LINE_LIMIT = 4 * 1024 * 1024
LAST_WORDS = 100  # lines of the child's log that a failure shows


class PeerFailedError(AssertionError):
    """The child ended, said that it failed, or said nothing in time."""


class RustPeer:
    """An async context in which the client, made of the crates of `line`, is attached to the mixnet."""

    address: Recipient

    def __init__(self, line: str, *arguments: str) -> None:
        if not BINARIES[line]:
            raise PeerFailedError("NYMCONNECT_PEERS names no program; `make interop` builds them and says")
        self._command = (BINARIES[line], *arguments)
        self._log: deque[str] = deque(maxlen=LAST_WORDS)

    async def __aenter__(self) -> "RustPeer":
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=pipe, limit=LINE_LIMIT
        )
        self._logging = asyncio.create_task(self._keep_log())
        try:
            self.address = Recipient.parse((await self.event("ready"))["address"])
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end()
        if error is not None:
            error.add_note(self._last_words())

    async def event(self, name: str, patience: float = PATIENCE) -> dict[str, Any]:
        """The next event, which must be of this name."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(patience):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise PeerFailedError(f"no {name!r} within {patience:.0f} s\n{self._last_words()}") from error
        event: dict[str, Any] = json.loads(line) if line else {"event": "ended"}
        if event["event"] != name:
            raise PeerFailedError(f"{event} instead of {name!r}\n{self._last_words()}")
        return event

    async def send(self, to: Recipient, data: bytes, surbs: int | None = None) -> None:
        """Send a plain message, or an anonymous one with so many reply SURBs."""
        await self._tell({"command": "send", "to": str(to), "data": data.hex(), "surbs": surbs})

    async def reply(self, tag: str, data: bytes) -> None:
        """Answer the sender that `tag` stands for."""
        await self._tell({"command": "reply", "tag": tag, "data": data.hex()})

    async def receive(self, patience: float = PATIENCE) -> tuple[bytes, str | None]:
        """The next message and its sender's tag, if it came with reply SURBs."""
        event = await self.event("received", patience)
        return bytes.fromhex(event["data"]), event["tag"]

    async def _tell(self, command: dict[str, str | int | None]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()

    async def _keep_log(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._log.append(line.decode(errors="replace").rstrip())

    def _last_words(self) -> str:
        return "\n".join(["the peer's log:", *self._log])

    async def _end(self) -> None:
        """Let the client leave; it must not outlive its test."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10.0):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._logging
