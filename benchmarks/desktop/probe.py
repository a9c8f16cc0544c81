"""The desktop program with hooks that look at the clock; `bench_desktop.py` starts it and reads its one line of JSON.

    python probe.py STARTED start | run SECONDS MEGABYTES

STARTED is the Unix time at which the process was made.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

TICK = 0.005
SETTLE = 5.0  # seconds: after a start and after a connection, work continues for a while
PRESETS = ("balanced", "nym-compatible")  # what *Automatic* is here, and on a network that is not ours
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """As `nymconnect gui` does, up to the scenario."""
    started, scenario, *arguments = sys.argv[1:]
    import nymconnect_proxy.cli  # noqa: F401 -- the way in, as for a person
    from nymconnect_gui.platform import preflight

    assert preflight.obstacle() is None
    import qasync

    from nymconnect.endpoints import Endpoint
    from nymconnect.storage import Directories
    from nymconnect_gui import app as program_module
    from nymconnect_proxy.settings.config import Settings

    app = program_module.make_application()
    directories = Directories.of_user()

    async def run() -> dict[str, Any]:
        program = program_module.Program(
            app,
            Settings(socks=Endpoint("127.0.0.1", 0)),
            directories,
            program_module.RealSessions(directories),
            directories.settings,
        )
        shown = await painted(program)
        result = {"start": round(shown - float(started), 3), "start_cpu": round(time.process_time(), 3)}
        if scenario == "run":
            running = asyncio.create_task(program.run())
            result = await measure(program, float(arguments[0]), float(arguments[1]))
            program.quit()
            await running
        return result

    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app, already_running=False)) as runner:
        print(json.dumps(runner.run(run())))
    return 0


async def painted(program: Any) -> float:
    """Show the window; the Unix time at which its first picture is complete."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    class Eye(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 -- Qt's name
            if event.type() == QEvent.Type.Paint and not done.done():
                # Its children are painted within the same event; the timer comes after it.
                QTimer.singleShot(0, lambda: done.done() or done.set_result(time.time()))
            return False

    eye = Eye()
    program.window.installEventFilter(eye)
    program.start()
    return await done


async def measure(program: Any, seconds: float, megabytes: float) -> dict[str, Any]:
    """Idle, connect, download, idle again; and for each preset with the window hidden."""
    from nymconnect_gui.model.session_controller import Bridge

    bridge: Bridge = program.bridge
    await asyncio.sleep(SETTLE)  # the network stack is loaded meanwhile
    result: dict[str, Any] = {"idle_shown_disconnected_cpu_percent": await cpu_percent(seconds / 2)}
    with heartbeat() as blocks:
        begun = time.monotonic()
        program.window.page("home").ring.click()
        await connected(bridge)
    result["click_to_connected_s"] = round(time.monotonic() - begun, 3)
    result["longest_block_connecting_ms"] = blocks["cpu"]
    async with target(round(megabytes * 1e6)) as port:
        with heartbeat() as blocks:
            begun = time.monotonic()
            await download(bridge, port)
            result["download_kb_per_s"] = round(megabytes * 1e3 / (time.monotonic() - begun), 1)
    result |= {"longest_block_wall_ms": blocks["wall"], "longest_block_ms": blocks["cpu"], "beats": blocks["beats"]}
    result["rss_parts_mb"] = {name: rss(pid) for name, pid in processes().items()}
    result["rss_mb"] = result["rss_parts_mb"]["window"]
    await asyncio.sleep(2.0)
    result["idle_shown_connected_cpu_percent"] = await cpu_percent(seconds)
    result["has_tray"] = int(program.tray.is_available)
    for preset in PRESETS:
        if bridge.status.preset != preset:
            program.change_settings(replace(bridge.settings, preset=preset))
            bridge.reconnect()
            await connected(bridge)
        program.window.hide()
        await asyncio.sleep(SETTLE)
        parts = await cpu_parts(seconds)
        name = preset.replace("-", "_")
        result[f"idle_hidden_{name}_parts_cpu_percent"] = parts
        result[f"idle_hidden_{name}_cpu_percent"] = round(sum(parts[one] for one in parts if one != "network"), 2)
    return result


async def connected(bridge: Any) -> None:
    """Wait until it works; a failure ends the measurement."""
    from nymconnect_proxy.session.states import State

    while bridge.status.state is not State.CONNECTED:
        await asyncio.sleep(0.01)
        assert bridge.problem is None
        assert bridge.status.state is not State.FAILED, bridge.status.reason


# --- work ---------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def target(size: int) -> AsyncIterator[int]:
    """A server that sends this number of bytes on each connection. Its work is in this process, and counts."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        for start in range(0, size, 65536):
            writer.write(bytes(min(65536, size - start)))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def download(bridge: Any, port: int) -> None:
    """Through the proxy, by a program of its own, as a person's would be."""
    process = await asyncio.create_subprocess_exec(
        "curl",
        "--silent",
        "--show-error",
        "--max-time",
        "300",
        "--socks5-hostname",
        str(bridge.status.socks),
        "--output",
        os.devnull,
        f"http://localhost:{port}/",
    )
    assert await process.wait() == 0


@contextlib.contextmanager
def heartbeat() -> Iterator[dict[str, float]]:
    """The longest time between two turns of the event loop, less what it was to wait, in milliseconds."""
    loop = asyncio.get_running_loop()
    worst = {"wall": 0.0, "cpu": 0.0, "beats": 0}
    last = [time.monotonic(), time.thread_time()]
    handle: list[asyncio.TimerHandle] = []

    def beat() -> None:
        now, work = time.monotonic(), time.thread_time()
        worst["wall"] = max(worst["wall"], round((now - last[0] - TICK) * 1000, 1))
        worst["cpu"] = max(worst["cpu"], round((work - last[1]) * 1000, 1))
        worst["beats"] += 1
        last[:] = [now, work]
        handle[:] = [loop.call_later(TICK, beat)]

    beat()
    try:
        yield worst
    finally:
        handle[0].cancel()


# --- processes ------------------------------------------------------------------------------------------------------


def processes() -> dict[str, int]:
    """This program, its pacer and the practice network, by name."""
    found = {"window": os.getpid()}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(stat[1]) == os.getpid():
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found["network" if b" network " in command else "pacer"] = int(entry.name)
    return found


def ticks(pid: int) -> int:
    """Processor time of a process, in clock ticks."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(stat[11]) + int(stat[12])


async def cpu_parts(seconds: float) -> dict[str, float]:
    """Percent of a core, by process."""
    before = {name: ticks(pid) for name, pid in processes().items()}
    begun = time.monotonic()
    await asyncio.sleep(seconds)
    passed = time.monotonic() - begun
    return {
        name: round((ticks(pid) - before.get(name, 0)) / _CLOCK_TICKS / passed * 100, 2)
        for name, pid in processes().items()
    }


async def cpu_percent(seconds: float) -> float:
    """Percent of a core, without the practice network."""
    parts = await cpu_parts(seconds)
    return round(sum(share for name, share in parts.items() if name != "network"), 2)


def rss(pid: int) -> float:
    """Resident memory in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000, 1)


if __name__ == "__main__":
    sys.exit(main())
