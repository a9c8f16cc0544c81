"""The embedded network in a process of its own, so that its work disturbs neither pacing nor a window.

The child is ``nymconnect network --json --follow-stdin``: it says where its directory and its requester are in one
line on its standard output, and ends when its standard input closes. So it cannot outlive its parent, however that
ends.
"""

import asyncio
import contextlib
import json
import logging
import sys
from dataclasses import dataclass

from nymconnect.errors import UserError
from nymconnect.runtime.program import own_command
from nymconnect_proxy.practice.reasons import PracticeNotStarted, PracticeTooSlow

log = logging.getLogger(__name__)

START_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """Where an embedded network is found: URL of its directory, and Nym address of its requester."""

    api: str
    requester: str


def child_command() -> list[str]:
    """This program again, as the network."""
    return [*own_command(), "network", "--api", "127.0.0.1:0", "--json", "--follow-stdin"]


class NetworkProcess:
    """Starts the child, waits for its line, and ends it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the running child."""
        return self._process.pid if self._process else None

    async def start(self) -> NetworkAddress:
        """Run the network; UserError with the child's own last line if it does not come up."""
        self._process = await asyncio.create_subprocess_exec(
            *child_command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Ctrl-C goes to the whole process group; the child shall end when we let it, not beside us.
            start_new_session=sys.platform != "win32",
        )
        try:
            async with asyncio.timeout(START_TIMEOUT):
                return await self._first_line(self._process)
        except TimeoutError as error:
            raise UserError(PracticeTooSlow(START_TIMEOUT)) from error

    async def _first_line(self, process: asyncio.subprocess.Process) -> NetworkAddress:
        assert process.stdout is not None
        assert process.stderr is not None
        line = await process.stdout.readline()
        if not line:
            reason = (await process.stderr.read(4096)).decode(errors="replace").strip().splitlines()
            raise UserError(PracticeNotStarted(reason[-1] if reason else ""))
        answer = json.loads(line)
        return NetworkAddress(answer["api"], answer["requester"])

    async def ended(self) -> str:
        """Wait until the child has ended, while passing its complaints on; returns what it said last."""
        if self._process is None or self._process.stderr is None:
            return ""
        last = ""
        async for line in self._process.stderr:
            last = line.decode(errors="replace").strip()
            log.warning("embedded network: %s", last)
        await self._process.wait()
        return last

    async def stop(self) -> None:
        """End the child, by force if it does not follow."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
