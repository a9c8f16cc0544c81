"""A client inside whose mixnet is outside, and where programs find its proxy."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nymconnect.endpoints import Endpoint
from tests.apps.leaks import LeakWatch, watching
from tests.apps.world import World
from tests.helpers.command import Command


@dataclass(frozen=True)
class Proxy:
    """Address and port on the inside, and what watches that machine; None where it cannot be watched.

    `rpc` is where the inside finds the RPC server, if there is to be one.
    """

    endpoint: Endpoint
    watch: LeakWatch | None
    client: Command
    rpc: str | None = None

    @property
    def host(self) -> str:
        return self.endpoint.host

    @property
    def port(self) -> str:
        return str(self.endpoint.port)

    def __str__(self) -> str:
        return str(self.endpoint)


@contextlib.contextmanager
def proxying(world: World, home: Path, preset: str, *flags: str, authority: Path | None = None) -> Iterator[Proxy]:
    """Start both, and yield once connected. `home` is that of the client's user, `authority` whom it trusts."""
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(
            Command(home, world.network_address, module="tests.apps.outside", prefix=world.outside.command())
        )
        where = network.event("network")
        watch = None
        if world.apart:
            api_port = int(where["api"].rstrip("/").rpartition(":")[2])
            ports = [api_port, *where["gateway_ports"]]
            watch = stack.enter_context(watching(world.inside, world.network_address, ports))
        client = stack.enter_context(
            Command(
                home,
                *("connect", "--json", "--socks", "127.0.0.1:0", "--preset", preset),
                *(
                    "--network",
                    where["api"],
                    "--plain-http-directory",
                    "yes",
                    "--requester",
                    where["requester"],
                    *flags,
                ),
                prefix=world.inside.command(*(["env", f"SSL_CERT_FILE={authority}"] if authority else [])),
            )
        )
        connected = client.event("state", state="connected")
        host, port = connected["socks"].split(":")
        yield Proxy(Endpoint(host, int(port)), watch, client, connected.get("rpc"))
        client.interrupt()
        code, complaints = client.end()
        assert code == 0, complaints
