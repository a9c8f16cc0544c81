"""Sessions that are opened, used once, and then left alone: ssh, and two people on IRC.

Bob uses WeeChat, which asks its server for a sign of life every minute; alice types into a bare connection, on which
nothing at all is said.
"""

import asyncio
import contextlib
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.apps.programs import Running, until
from tests.apps.proxy import Proxy
from tests.apps.recipe_values import recipe_value
from tests.apps.services import SshServer, irc_server
from tests.apps.world import World

PROGRAMS = ("ssh", "ssh-keygen", "sshd", "nc", "ncat", "ngircd", "weechat-headless")
CHANNEL = "#mixnet"


@dataclass(frozen=True)
class Idlers:
    """What runs since `quiet_since`, on the clock of `time.monotonic`. `chat` is what WeeChat writes down."""

    ssh: Running
    alice: Running
    bob: Running
    chat: Path
    quiet_since: float

    async def wait_until(self, when: float) -> None:
        """Sleep; fails as soon as one of the programs ends."""
        while (left := when - time.monotonic()) > 0:
            for program in (self.ssh, self.alice, self.bob):
                assert program.process.poll() is None, program.said[-2000:]
            await asyncio.sleep(min(left, 1.0))

    def heard(self, text: str) -> bool:
        """Whether bob has seen it in the channel."""
        return self.chat.exists() and text in self.chat.read_text(errors="replace")


@contextlib.contextmanager
def idling(world: World, proxy: Proxy, sshd: SshServer, home: Path) -> Iterator[Idlers]:
    """Everything started, and each session used once."""
    with contextlib.ExitStack() as stack:
        irc_port = stack.enter_context(irc_server(world, home))
        start, *options = shlex.split(recipe_value(proxy, "ssh", 0, host=world.target))
        options = [option for option in options[:-1] if "ServerAlive" not in option]  # it is to be silent
        assert options[-1] == "-o"
        ssh = stack.enter_context(
            Running(world.inside, home, start, *sshd.options, *options[:-1], world.target, "cat", name="ssh")
        )
        ssh.say("before the silence")
        until(lambda: "before the silence" in ssh.said, "an answer of cat")
        bob = stack.enter_context(_weechat(world, proxy, home, irc_port))
        alice = stack.enter_context(_bare_connection(world, proxy, home, irc_port))
        chat = home / "weechat" / "logs" / f"irc.example.{CHANNEL}.weechatlog"
        idlers = Idlers(ssh, alice, bob, chat, 0.0)
        for line in ("NICK alice", "USER alice 0 * :Alice", f"JOIN {CHANNEL}"):
            alice.say(f"{line}\r")
        until(lambda: "bob" in alice.said, f"bob in {CHANNEL}")
        alice.say(f"PRIVMSG {CHANNEL} :before the silence\r")
        until(lambda: idlers.heard("before the silence"), "words of alice")
        yield Idlers(ssh, alice, bob, chat, time.monotonic())


def _bare_connection(world: World, proxy: Proxy, home: Path, port: int) -> Running:
    options = ("--proxy", str(proxy), "--proxy-type", "socks5", "--proxy-dns", "remote")
    return Running(world.inside, home, "ncat", *options, world.target, str(port), name="alice")


def _weechat(world: World, proxy: Proxy, home: Path, port: int) -> Running:
    add, use, connect = recipe_value(
        proxy, "weechat", 1, **{"irc.example.org/8443 -tls": f"{world.target}/{port}"}
    ).splitlines()
    commands = [
        recipe_value(proxy, "weechat", 0),
        add,
        use,
        "/set irc.server.example.nicks bob",
        f"/set irc.server.example.autojoin {CHANNEL}",
        "/set logger.file.flush_delay 0",
        connect,
    ]
    words = [word for command in commands for word in ("--run-command", command)]
    return Running(
        world.inside, home, "weechat-headless", "--stdout", "--dir", str(home / "weechat"), *words, name="bob"
    )
