"""The client whose link is watched: a session in this process, and on request the work of a busy window beside it.

``watched_client.py OPTIONS`` takes the options of ``nymconnect connect``. It prints a line when connected, obeys the
lines `busy` and `quiet`, and ends when its standard input closes.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.privacy.workload import busy_window
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.settings.config import Settings, add_flags, settings_from


async def run(settings: Settings) -> None:
    session = Session(settings)
    await session.connect()
    try:
        status = await session.wait(State.CONNECTED, State.FAILED)
        if status.state is State.FAILED:
            raise SystemExit(str(status.reason))
        print(json.dumps({"socks": str(status.socks)}), flush=True)
        await _obey()
    finally:
        await session.disconnect()


async def _obey() -> None:
    words = _words()
    load: asyncio.Task[None] | None = None
    while (word := await words.get()) is not None:
        if load is not None:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
        load = asyncio.create_task(busy_window()) if word == "busy" else None
    if load is not None:
        load.cancel()


def _words() -> asyncio.Queue[str | None]:
    """Lines of standard input, then None; read by a thread, since a blocked read cannot be cancelled."""
    loop, words = asyncio.get_running_loop(), asyncio.Queue[str | None]()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before
            for line in sys.stdin:
                loop.call_soon_threadsafe(words.put_nowait, line.strip())
            loop.call_soon_threadsafe(words.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_flags(parser)
    asyncio.run(run(settings_from(parser.parse_args())))


if __name__ == "__main__":
    main()
