"""Pictures of the window in every state, light and dark, at 100 % and 200 %; `make screenshots` runs this.

They are what an X server of their own shows (Debian's xvfb): real widgets on Qt's real platform for X11. The session
behind them is a stand-in, and all names and numbers are made up. The font is Inter (Debian's fonts-inter) if it is
installed, so that the pictures look alike everywhere; nothing of the desktop around is asked, and what moves is held at
one moment. Only the problem report tells another date each time.
"""

import asyncio
import contextlib
import errno
import logging
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nymconnect_proxy.settings.networks import PRACTICE, NamedNetwork

OUTPUT = Path(__file__).parents[1] / "docs" / "screenshots"
FONT = "Inter"
SCALES = (1, 2)
THEMES = ("dark", "light")
SCREEN = "2560x2400x24"  # room for the window at 200 %
PATIENCE = 30.0  # seconds until a window is on the screen
MOMENT, ANGLE = 100_000.0, 40  # what would differ each time: the time that graphs end at, how far an arc has come
# What would bring another desktop's looks into the pictures.
FOREIGN = ("QT_QPA_PLATFORMTHEME", "QT_STYLE_OVERRIDE", "XDG_CURRENT_DESKTOP", "WAYLAND_DISPLAY", "XAUTHORITY")


@dataclass(frozen=True)
class Scene:
    """One picture: which page, which state, and what of the session is special."""

    name: str
    page: str
    state: str
    network: NamedNetwork = NamedNetwork.MAINNET
    changes: dict[str, Any] | None = None
    busy: bool = False
    prepare: Callable[[Any], object] | None = None


GATEWAY = "7gWkGxzPLoQ9vYbT2mNsRcA4uHdJfEeVpXq3Z8KtBnMw"
EXIT = f"Bq5pLmXw.9dTzKrUv@{GATEWAY}"
SCENES = (
    Scene("home-disconnected", "home", "disconnected", PRACTICE),
    Scene("home-waiting", "home", "waiting"),
    Scene("home-connecting", "home", "connecting", changes={"gateway": GATEWAY}),
    Scene("home-connected", "home", "connected"),
    Scene("home-practice", "home", "connected", PRACTICE),
    Scene("home-details", "home", "connected", PRACTICE, prepare=lambda window: show_details(window)),
    Scene(
        "home-alarm",
        "home",
        "connected",
        changes={"dropping": True},
    ),
    Scene("home-disconnecting", "home", "disconnecting"),
    Scene(
        "home-failed",
        "home",
        "failed",
    ),
    Scene("home-port-in-use", "home", "disconnected", PRACTICE, busy=True),
    Scene("apps", "apps", "connected", PRACTICE),
    Scene("apps-recipe", "apps", "connected", prepare=lambda window: show_recipe(window)),
    Scene("settings-network", "settings-network", "disconnected", "https://mixnet.example.org/api"),
    Scene("settings-network-wrong", "settings-network", "disconnected", prepare=lambda window: mistype(window)),
    Scene("settings-exits", "settings-exits", "disconnected"),
    Scene("settings-gateways", "settings-gateways", "connected", prepare=lambda window: list_gateways(window)),
    Scene("settings-gateways-unread", "settings-gateways", "disconnected"),
    Scene("diagnostics", "diagnostics", "connected", prepare=lambda window: show_test(window.page("diagnostics"))),
    Scene("diagnostics-guide", "diagnostics-guide", "disconnected", PRACTICE),
    Scene(
        "diagnostics-guide-2",
        "diagnostics-guide",
        "disconnected",
        PRACTICE,
        prepare=lambda window: turn(window, 1),
    ),
    Scene(
        "diagnostics-guide-3",
        "diagnostics-guide",
        "disconnected",
        PRACTICE,
        prepare=lambda window: turn(window, 2),
    ),
)


LOG = (
    ("nymconnect_proxy.ingress.listener", "SOCKS on 127.0.0.1:1080"),
    ("nymconnect_proxy.session.session", "session is connecting"),
    ("nymconnect_proxy.practice.network_process", "the practice network runs"),
    ("nymconnect_proxy.session.session", "session is connected"),
)


def scenes() -> list[Scene]:
    """Those above, and all other pages as they are while it works."""
    from nymconnect_gui.window import PAGES

    pictured = {scene.page for scene in SCENES}
    others = [Scene(spec.key, spec.key, "connected", PRACTICE) for spec in PAGES if spec.key not in pictured]
    return [*SCENES, *others]


def file_name(scene: str, theme: str, scale: int) -> str:
    """Of a picture."""
    return f"{scene}-{theme}{'' if scale == 1 else f'@{scale}x'}.png"


def file_names() -> set[str]:
    """Of all pictures."""
    return {file_name(scene.name, theme, scale) for scene in scenes() for theme in THEMES for scale in SCALES}


def show_recipe(window: Any) -> None:
    """The recipe of a wallet, after a test."""
    page = window.page("apps")
    page.open("electrum")
    show_test(page)


def show_test(page: Any) -> None:
    """A test that went well."""
    from nymconnect_proxy.diagnostics.checkup import Finding, Result, Stage

    page.checkup._clear()
    for stage, finding, seconds in (
        (Stage.PROXY, Finding.PROXY_OPEN, 0.002),
        (Stage.GATEWAY, Finding.GATEWAY_READY, None),
        (Stage.MIXES, Finding.MIXES_CARRY, 0.31),
        (Stage.REQUESTER, Finding.EXIT_ANSWERS, 0.42),
        (Stage.TARGET, Finding.TARGET_ANSWERS, 0.87),
    ):
        page.checkup.show_result(Result(stage, finding, seconds, "example.org:443"))
    page.checkup._name_button()


def mistype(window: Any) -> None:
    """What is wrong is said while it is typed."""
    page = window.page("settings-network")
    page.network.buttons["own"].click()
    page.url.edit.setText("mixnet.example.org")
    page.url.show_problem()


def list_gateways(window: Any) -> None:
    """Gateways as the directory of a large network lists them, one of them chosen."""
    from nymconnect_proxy.session.status import KnownGateway

    bridge = window.context.bridge
    listed = (
        (GATEWAY, "mix-entry.example.org", "CH", 0.99),
        ("9xTqLm4WbYcRzVnKpD7sGhJ2fEuXaQ8kNtMwBoPv3CdS", "gw1.example.net", "DE", 1.0),
        ("4HkRzPqWmYtXcVbN8sLdGfJ3aEuTo6QwMxKpD2nBvCyZ", "gw2.example.net", "DE", 1.0),
        ("Bv7CxZmNqWeRtYuPaSdFgHjKlQ2w3E4r5T6y7U8i9oPb", "198.51.100.23", "", 0.98),
        ("FsG6hJkLqWzXcVbNmPoYuTrEwQ2a3S4d5F6g7H8j9kLn", "entry.mixes.example", "FR", 0.95),
        ("2LkJhGfDsAqWeRtYuPoZxCvBnM3n4B5v6C7x8Z9aSdFg", "node-41.provider.example.com", "NL", 0.91),
        ("7mNbVcXzLkJhGfDsAqWeRtYuPoQ1w2E3r4T5y6U7i8oP", "203.0.113.90", "FI", 0.64),
    )
    bridge._gateways = {bridge.settings.network: tuple(KnownGateway(*one) for one in listed)}
    window.context.change_settings(replace(bridge.settings, gateway=GATEWAY))
    window.page("settings-gateways").show_settings()
    window.page("settings-gateways").list.show_chosen()


def turn(window: Any, pages: int) -> None:
    """On in the guide."""
    for _ in range(pages):
        window.page("diagnostics-guide").go_on()


def show_details(window: Any) -> None:
    """Open the details of Home and scroll to them."""
    page = window.page("home")
    page.more.click()
    page.widget().adjustSize()
    page.ensureWidgetVisible(page.details)


def main() -> int:
    """One process for each scale, for Qt reads it once."""
    if len(sys.argv) > 1:
        return draw(int(sys.argv[1]))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with x_server("-screen", "0", SCREEN, "-dpi", "96") as display:
            for scale in SCALES:
                subprocess.run([sys.executable, __file__, str(scale)], env=surroundings(display, scale), check=True)
    except FileNotFoundError:
        print("the pictures need an X server: install Xvfb (Debian's xvfb)", file=sys.stderr)
        return 1
    for old in OUTPUT.glob("*.png"):
        if old.name not in file_names():
            old.unlink()
    return 0


@contextlib.contextmanager
def x_server(*options: str) -> Iterator[str]:
    """Xvfb, which shows its screen to nobody; yields the value of DISPLAY. FileNotFoundError if it is not installed.

    It stays as it is when its last client leaves; else it would end a client that comes at that moment.
    """
    read, write = os.pipe()
    with os.fdopen(read) as pipe:
        try:
            process = subprocess.Popen(
                ["Xvfb", "-displayfd", str(write), "-noreset", "-nolisten", "tcp", *options],
                pass_fds=[write],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(write)
        try:
            number = pipe.readline().strip()
            if not number:
                raise SystemExit("Xvfb did not start")
            yield f":{number}"
        finally:
            process.terminate()
            process.wait(30)


def surroundings(display: str, scale: int) -> dict[str, str]:
    """The environment of a program that draws; it is the same on every desktop."""
    own = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return own | {
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "QT_SCALE_FACTOR": str(scale),
        "QT_FONT_DPI": "96",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def draw(scale: int) -> int:
    """All scenes at one scale."""
    import qasync
    from PySide6.QtGui import QFontDatabase

    from nymconnect_gui.app import make_application

    app = make_application()
    if FONT not in QFontDatabase.families():
        print(f"the font {FONT} is not installed; another one is used", file=sys.stderr)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app, already_running=False)) as runner:
        runner.run(_draw_all(app, scale))
    return 0


async def _draw_all(app: Any, scale: int) -> None:
    for theme in THEMES:
        for scene in scenes():
            await _draw(app, scene, theme, scale)


async def _draw(app: Any, scene: Scene, theme: str, scale: int) -> None:
    from nymconnect.reasons import DirectoryUnreachable, Unreachable
    from nymconnect.runtime.sockets import in_use
    from nymconnect_gui import app as program_module
    from nymconnect_gui.model import session_controller as bridge_module
    from nymconnect_gui.model.session_controller import idle_status
    from nymconnect_gui.pages import home as home_module
    from nymconnect_gui.text.words import Problem
    from nymconnect_proxy.ingress.requester_choice import Health, RequesterState
    from nymconnect_proxy.session.alarms import PacketsDropped
    from nymconnect_proxy.session.states import State
    from nymconnect_proxy.settings.config import Settings

    settings = Settings(network=scene.network)
    program = program_module.Program(app, settings, None, lambda *_: None)  # type: ignore[arg-type, return-value]
    program.theme.use_font(FONT)
    program.theme.choose(theme)
    bridge, window = program.bridge, program.window
    now = MOMENT
    bridge_module.clock = home_module.clock = lambda: now
    state = State(scene.state)
    values: dict[str, Any] = {"state": state, "since": now - 2530.4}
    if state is State.FAILED:
        words = "no answer within 30 s"
        values["reason"] = DirectoryUnreachable("https://validator.nymtech.net/api/", Unreachable.NO_ANSWER, words)
    if (scene.changes or {}).get("dropping"):
        values["alarms"] = (PacketsDropped(),)
    if state is State.CONNECTED:
        values |= {
            "gateway": GATEWAY,
            "gateway_port": 9000,
            "requester": EXIT,
            "requesters": (RequesterState("my-exit", EXIT, Health.ANSWERS, 0),),
            "loss": 0.004,
            "delay": 0.018,
            "streams": 2,
            "bytes_up": 412_000,
            "bytes_down": 18_300_000,
        }
        for second in range(121):
            bridge.history.add(_counters(second), now - 120 + second)
        values["counters"] = _counters(120)
    bridge._status = replace(idle_status(settings), **(values | (scene.changes or {})))
    for name, text in LOG:
        record = logging.LogRecord(name, logging.INFO, "", 0, text, None, None)
        record.created = 1_800_000_000.0
        program.context.log.handle(record)
    if scene.busy:
        taken = in_use("127.0.0.1", 1080, OSError(errno.EADDRINUSE, ""), "--socks")
        bridge._problem = Problem(taken.reason, settings.socks)
    window.show_page(scene.page)
    window.show()
    bridge.state_changed.emit(bridge.status)
    if scene.prepare:
        scene.prepare(window)
    window.activateWindow()  # there is no window manager to do it
    async with asyncio.timeout(PATIENCE):
        while not window.isActiveWindow():  # noqa: ASYNC110 -- the X server makes it so
            await asyncio.sleep(0.01)
    for _ in range(6):  # layouts settle
        await asyncio.sleep(0.03)
    ring = window.page("home").ring
    ring._timer.stop()
    ring._angle = ANGLE
    ring.repaint()
    seen = window.screen().grabWindow(window.winId()).toImage()
    in_few_colors(seen).save(str(OUTPUT / file_name(scene.name, theme, scale)))
    window.hide()
    program.deleteLater()
    window.deleteLater()
    await asyncio.sleep(0)


def in_few_colors(picture: Any) -> Any:
    """The same with the 256 colours that come most often, which nobody sees and takes a third of the room."""
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QImage

    whole = picture.convertToFormat(QImage.Format.Format_RGB32)
    used = Counter(memoryview(whole.constBits()).cast("I"))
    palette = [color for color, _ in used.most_common(256)]
    nearest = Qt.ImageConversionFlag.ThresholdDither | Qt.ImageConversionFlag.AvoidDither
    return whole.convertToFormat(QImage.Format.Format_Indexed8, palette, nearest)


def _counters(second: int) -> dict[str, int]:
    """A line of constant rate, up and down, with two bursts of own data."""

    def burst(at: float, peak: float, width: float) -> float:
        return peak * width * math.sqrt(math.pi) / 2 * (1 + math.erf((second - at) / width))

    up, down = burst(34, 14, 4) + burst(82, 38, 8), burst(37, 22, 5) + burst(87, 46, 10)
    noise = 3 * math.sin(second * 1.7) + 2 * math.sin(second * 0.6)
    return {
        "data_sent": round(up),
        "cover_sent": round(55 * second - up + noise),
        "data_received": round(down),
        "cover_received": round(55 * second - down - noise),
    }


if __name__ == "__main__":
    sys.exit(main())
