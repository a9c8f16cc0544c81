"""One mixnet and one client for all programs, and a watch over what else leaves the client's machine."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from nymconnect.options import Endpoint
from tests.apps.certificates import Certificates, make_certificates
from tests.apps.leaks import LeakWatch, watching
from tests.apps.world import World, made_world
from tests.helpers.command import Command


@dataclass(frozen=True)
class Proxy:
    """Where programs find the proxy, and what watches its machine; None where that cannot be watched."""

    endpoint: Endpoint
    watch: LeakWatch | None

    @property
    def host(self) -> str:
        return self.endpoint.host

    @property
    def port(self) -> str:
        return str(self.endpoint.port)

    def __str__(self) -> str:
        return str(self.endpoint)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with made_world() as world:
        yield world


@pytest.fixture(scope="session")
def certificates(world: World, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), world.target, world.address)


@pytest.fixture(scope="session")
def proxy(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A client with the preset for everyday use. What it leaks is found by `no_leak`."""
    home = tmp_path_factory.mktemp("home")
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
                *("connect", "--json", "--socks", "127.0.0.1:0", "--preset", "balanced"),
                *("--network", where["api"], "--requester", where["requester"]),
                prefix=world.inside.command(),
            )
        )
        host, port = client.event("state", state="connected")["socks"].split(":")
        yield Proxy(Endpoint(host, int(port)), watch)
        client.interrupt()
        assert client.end() == (0, "")


@pytest.fixture(autouse=True)
def no_leak(proxy: Proxy) -> Iterator[None]:
    """Every test here fails if something went around the proxy meanwhile, and was not taken from the watch."""
    yield
    if proxy.watch is not None:
        assert proxy.watch.take() == []
