"""The files that 1,000 bytes of a program pass, from the SOCKS socket to the first frame. Prints one a line, in order,
and then how many of them lie above the floor of `nymconnect/packet/` and how many calls lead from one to another.

    python -m benchmarks.proxy.packets_way [--check docs/architecture.md]

A session runs with its practice network and carries one connection. `sys.setprofile` sees each call in this process. A
file is passed where one of its functions is given or returns the bytes, or what has been made of them: message,
fragment, packet, frame. So are the functions that wait for such a call. Calls count that are given or return the bytes
and whose caller lies in another file. It ends where asyncio is given the frame to write. With `--check` it compares
list and numbers to those of the document, and fails where they differ.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import random
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from nymconnect.endpoints import Endpoint
from nymconnect.runtime.outbound import dial
from nymconnect.runtime.sockets import hang_up
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {ROOT / "nymconnect": "nymconnect", ROOT / "proxy/nymconnect_proxy": "nymconnect_proxy"}
LENGTH = 1000
MARK = 32  # bytes by which the plain text is known again
DEPTH = 4  # to which a value is searched
PRESET = "nym-compatible"
PATIENCE = 120.0  # seconds
BELOW = ("nymconnect/packet/", "nymconnect/runtime/", "nymconnect/crypto.py")  # at or below the floor of the packets
ROW = re.compile(r"^\| \d+ \| `([\w/]+\.py)` \|", re.MULTILINE)


class Trail:
    """Where the bytes `chunk` go: see the module."""

    def __init__(self, chunk: bytes) -> None:
        self._mark = chunk[:MARK]
        self._derived: set[bytes] = set()
        self._names: dict[str, str] = {}
        self._called: set[FrameType] = set()
        self.files: list[str] = []
        self.switches = 0
        self.done = asyncio.Event()

    def start(self) -> None:
        """See every call from now on."""
        sys.setprofile(self._see)

    def stop(self) -> None:
        """See no more."""
        sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, result: Any) -> None:
        if event not in ("call", "return"):
            return
        name = self._file(frame)
        if not name and "asyncio" not in frame.f_code.co_filename:
            return
        given = any(map(self._carries, _arguments(frame)))
        if not name:
            if given and event == "call" and any(map(self._is_derived, _arguments(frame))):
                self.stop()
                self.done.set()
        elif event == "call":
            if given:
                self._pass(frame)
        else:
            if given:
                self._derive(result, DEPTH)
            if self._carries(result):
                self._pass(frame)

    def _pass(self, frame: FrameType) -> None:
        stack: list[str] = []
        each: FrameType | None = frame
        while each is not None:
            stack.append(self._file(each))
            each = each.f_back
        for name in filter(None, reversed(stack)):
            if name not in self.files:
                self.files.append(name)
        if frame not in self._called:  # a coroutine that continues is no new call
            self._called.add(frame)
            callers = [name for name in stack[1:] if name]
            self.switches += bool(callers) and callers[0] != stack[0]

    def _file(self, frame: FrameType) -> str:
        path = frame.f_code.co_filename
        if path not in self._names:
            whole = Path(path)
            found = (
                f"{name}/{whole.relative_to(root)}" for root, name in SOURCES.items() if whole.is_relative_to(root)
            )
            self._names[path] = next(found, "")
        return self._names[path]

    # --- what is made of the bytes -----------------------------------------------------------------------------

    def _is_derived(self, value: Any) -> bool:
        return isinstance(value, bytes) and any(made in value for made in self._derived)

    def _carries(self, value: Any, depth: int = DEPTH) -> bool:
        if isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
            return self._mark in data or any(made in data for made in self._derived)
        return depth > 0 and any(self._carries(part, depth - 1) for part in _parts(value))

    def _derive(self, value: Any, depth: int) -> None:
        if isinstance(value, bytes | bytearray | memoryview):
            if len(value) >= LENGTH and self._mark not in bytes(value):
                self._derived.add(bytes(value))
        elif depth > 0:
            for part in _parts(value):
                self._derive(part, depth - 1)


def _arguments(frame: FrameType) -> Iterable[Any]:
    """What the function was called with. A machine is no value: what it holds does not count for what it is given."""
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    return [frame.f_locals[name] for name in code.co_varnames[:count] if name in frame.f_locals]


def _parts(value: Any) -> Iterable[Any]:
    """The parts of a value; none of a machine or a service."""
    if isinstance(value, tuple | list):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and type(value).__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return ()


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """The files in the order in which the bytes reach them, and the calls that lead from one to another."""

    files: Sequence[str]
    switches: int

    def __str__(self) -> str:
        return "\n".join([*self.files, self.summary])

    @property
    def summary(self) -> str:
        """The sentence that the document is to have as well."""
        above = sum(not name.startswith(BELOW) for name in self.files)
        files = f"{above} of {len(self.files)} files lie above the floor of `packet/`"
        return f"{files}; {self.switches} calls lead from one to another"


async def traced() -> Way:
    """One run."""
    settings = Settings(socks=Endpoint("127.0.0.1", 0), preset=PRESET)
    session = Session(settings)
    chunk = random.Random(1).randbytes(LENGTH)
    trail = Trail(chunk)
    server = await asyncio.start_server(_swallow, "127.0.0.1", 0)
    try:
        await session.connect()
        async with asyncio.timeout(PATIENCE):
            status = await session.wait(State.CONNECTED, State.FAILED)
            if status.state is State.FAILED:
                raise SystemExit(str(status.reason))
            reader, writer = await dial(status.socks.host, status.socks.port, 5.0)
            port = server.sockets[0].getsockname()[1]
            writer.write(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2, "big"))
            if (await reader.readexactly(12))[3]:
                raise SystemExit("the stream was refused")
            trail.start()
            writer.write(chunk)
            await trail.done.wait()
            trail.stop()
            await hang_up(writer)
    finally:
        trail.stop()
        server.close()
        await session.disconnect()
    return Way(trail.files, trail.switches)


def differences(way: Way, document: str) -> list[str]:
    """What the document has otherwise."""
    written = ROW.findall(document)
    found = [] if written == list(way.files) else ["it lists other files:", *written]
    return found if way.summary in " ".join(document.split()) else [*found, f"it does not say: {way.summary}"]


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await reader.read(-1)
    writer.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=Path, help="a document whose table lists the same files")
    flags = parser.parse_args()
    way = asyncio.run(traced())
    print(way)
    found = differences(way, flags.check.read_text()) if flags.check is not None else []
    if found:
        print(f"{flags.check} differs:", *found, sep="\n", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
