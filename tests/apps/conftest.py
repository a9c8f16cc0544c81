"""One mixnet and one client for all programs, and a watch over what else leaves the client's machine."""

import contextlib
from collections.abc import Iterator

import pytest

from nymconnect.options import Endpoint
from tests.apps.certificates import Certificates, make_certificates
from tests.apps.idlers import PROGRAMS as IDLE_PROGRAMS
from tests.apps.idlers import Idlers, idling
from tests.apps.leaks import watching
from tests.apps.programs import absent, needed
from tests.apps.proxy import Proxy
from tests.apps.services import SshServer, ssh_server
from tests.apps.world import World, made_world
from tests.helpers.command import Command


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
        yield Proxy(Endpoint(host, int(port)), watch, client)
        client.interrupt()
        code, complaints = client.end()
        assert code == 0, complaints


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits comes last; see `early`."""
    items.sort(key=_waits)


def _waits(item: pytest.Item) -> bool:
    return item.path.name == "test_idle.py"


@pytest.fixture(scope="session")
def sshd(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    needed("sshd", "ssh-keygen")
    with ssh_server(world, tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def idlers(world: World, proxy: Proxy, sshd: SshServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idlers]:
    needed(*IDLE_PROGRAMS)
    with idling(world, proxy, sshd, tmp_path_factory.mktemp("idlers")) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def early(request: pytest.FixtureRequest) -> None:
    """Let the silence begin before the first test, if somebody waits for its end."""
    if any(map(_waits, request.session.items)) and not absent(*IDLE_PROGRAMS):
        request.getfixturevalue("idlers")


@pytest.fixture(autouse=True)
def no_leak(proxy: Proxy) -> Iterator[None]:
    """Every test here fails if something went around the proxy meanwhile, and was not taken from the watch."""
    yield
    print("The client meanwhile:", *(line for line in proxy.client.news() if '"stats"' not in line), sep="\n")
    if proxy.watch is not None:
        assert proxy.watch.take() == []
