"""The desktop around a window: an X server, a panel with a tray, a session bus with a tray of the modern kind.

All of it is private to the test; nothing of the desktop of whoever runs it is touched.
"""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.helpers.scripts import packaging_script

WATCHER = "org.kde.StatusNotifierWatcher"
WATCHER_PATH = "/StatusNotifierWatcher"
ITEM_PATH = "/StatusNotifierItem"
MENU_INTERFACE = "com.canonical.dbusmenu"
NOTIFICATIONS = "org.freedesktop.Notifications"
_BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def missing_programs(*names: str) -> str:
    """Those that are not installed, as one text."""
    return ", ".join(name for name in names if shutil.which(name) is None)


@contextlib.contextmanager
def running(*command: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is ended with the context."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment) if environment is not None else None,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def x_server() -> Iterator[str]:
    """The X server of the pictures, with a screen that is enough for a window; yields the value of DISPLAY."""
    with packaging_script("screenshots").x_server("-screen", "0", "1280x1000x24") as display:
        yield display


@contextlib.asynccontextmanager
async def session_bus(folder: Path) -> AsyncIterator[str]:
    """A bus of its own; yields its address."""
    path = folder / "bus"
    config = folder / "bus.conf"
    config.write_text(_BUS_CONFIG.format(path=path), encoding="utf-8")
    with running("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"):
        async with asyncio.timeout(60):
            while not path.exists():  # noqa: ASYNC110 -- another process makes it
                await asyncio.sleep(0.02)
        yield f"unix:path={path}"


async def clients(address: str, count: int) -> None:
    """Wait until so many programs are on the bus."""
    bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
    ask = Message(
        destination="org.freedesktop.DBus",
        path="/org/freedesktop/DBus",
        interface="org.freedesktop.DBus",
        member="ListNames",
    )
    async with asyncio.timeout(60):
        while True:
            answer = await bus.call(ask)
            assert answer is not None
            if sum(name.startswith(":") for name in answer.body[0]) > count:  # ourselves included
                break
            await asyncio.sleep(0.02)
    bus.disconnect()


# --- a tray of the modern kind --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One line of the tray's menu, as the panel sees it."""

    number: int
    label: str
    enabled: bool
    checked: bool
    children: "tuple[Entry, ...]" = ()


@dataclass
class Panel:
    """A panel with a tray, and what shows notifications: the other end of the icon."""

    bus: MessageBus
    notifications: list[tuple[str, str]] = field(default_factory=list)
    items: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    @classmethod
    async def appear(cls, address: str) -> "Panel":
        """Come onto the bus."""
        bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        panel = cls(bus)
        bus.add_message_handler(panel._handle)
        for name in (WATCHER, NOTIFICATIONS):
            await bus.request_name(name)
        return panel

    async def go(self) -> None:
        """Leave the bus."""
        self.bus.disconnect()
        await self.bus.wait_for_disconnect()

    def _handle(self, message: Message) -> Message | None:
        """Answer a call; None leaves it to the library."""
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        match message.interface, message.member:
            case "org.freedesktop.DBus.Introspectable", "Introspect" if message.path == WATCHER_PATH:
                return Message.new_method_return(message, "s", [_WATCHER_XML])
            case "org.freedesktop.DBus.Properties", "Get" if message.path == WATCHER_PATH:
                value = Variant("b", True) if message.body[1] == "IsStatusNotifierHostRegistered" else Variant("i", 0)
                return Message.new_method_return(message, "v", [value])
            case interface, "RegisterStatusNotifierItem" if interface == WATCHER:
                self.items.put_nowait(message.body[0] if message.body[0].startswith(":") else message.sender)
                return Message.new_method_return(message)
            case interface, "Notify" if interface == NOTIFICATIONS:
                self.notifications.append((message.body[3], message.body[4]))
                return Message.new_method_return(message, "u", [1])
            case interface, "GetCapabilities" if interface == NOTIFICATIONS:
                return Message.new_method_return(message, "as", [["body"]])
            case interface, "GetServerInformation" if interface == NOTIFICATIONS:
                return Message.new_method_return(message, "ssss", ["test", "test", "1", "1.2"])
        return None

    async def call(self, service: str, path: str, interface: str, member: str, signature: str, *body: Any) -> list[Any]:
        """Call a method of the program; AssertionError with its answer if that fails."""
        reply = await self.bus.call(
            Message(
                destination=service,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body
        return list(reply.body)

    async def item(self, service: str, name: str) -> Any:
        """A property of the icon."""
        interface = "org.kde.StatusNotifierItem"
        got = await self.call(service, ITEM_PATH, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name)
        return got[0].value

    async def menu(self, service: str) -> tuple[Entry, ...]:
        """The whole menu, as the panel would show it now."""
        path = await self.item(service, "Menu")
        await self.call(service, path, MENU_INTERFACE, "AboutToShow", "i", 0)
        layout = await self.call(service, path, MENU_INTERFACE, "GetLayout", "iias", 0, -1, [])
        return _entry(layout[1]).children

    async def press(self, service: str, label: str) -> None:
        """Activate the line of the menu that reads so."""
        wanted = next(entry for entry in _flat(await self.menu(service)) if entry.label == label)
        assert wanted.enabled, f"{label} cannot be pressed"
        path = await self.item(service, "Menu")
        await self.call(service, path, MENU_INTERFACE, "Event", "isvu", wanted.number, "clicked", Variant("s", ""), 0)


def _entry(raw: Any) -> Entry:
    number, values, children = raw
    return Entry(
        number,
        str(values["label"].value).replace("_", "") if "label" in values else "",
        values["enabled"].value if "enabled" in values else True,
        values["toggle-state"].value == 1 if "toggle-state" in values else False,
        tuple(_entry(child.value) for child in children),
    )


def _flat(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        yield entry
        yield from _flat(entry.children)


_WATCHER_XML = """<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<node>
  <interface name="org.kde.StatusNotifierWatcher">
    <method name="RegisterStatusNotifierItem"><arg type="s" direction="in"/></method>
    <method name="RegisterStatusNotifierHost"><arg type="s" direction="in"/></method>
    <property name="RegisteredStatusNotifierItems" type="as" access="read"/>
    <property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
    <property name="ProtocolVersion" type="i" access="read"/>
    <signal name="StatusNotifierHostRegistered"/>
  </interface>
</node>
"""
