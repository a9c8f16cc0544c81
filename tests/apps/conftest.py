"""One mixnet and one client for all programs, and a watch over what else leaves the client's machine."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.apps.certificates import Certificates, make_certificates
from tests.apps.idlers import PROGRAMS as IDLE_PROGRAMS
from tests.apps.idlers import Idlers, idling
from tests.apps.programs import absent, needed
from tests.apps.proxy import Proxy, proxying
from tests.apps.services import SshServer, ssh_server
from tests.apps.world import World, made_world


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with made_world() as world:
        yield world


@pytest.fixture(scope="session")
def certificates(world: World, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), world.target, world.address)


@pytest.fixture(scope="session")
def rpc_port(world: World) -> int:
    """Where an RPC server is to listen for the client's RPC address to lead to it."""
    return world.port(443)


@pytest.fixture(scope="session")
def proxy(
    world: World, certificates: Certificates, rpc_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A client with the preset for everyday use. What it leaks is found by `no_leak`."""
    rpc = ("--rpc-listen", "127.0.0.1:0", "--rpc-url", f"https://{world.target}:{rpc_port}/v3/key")
    home = tmp_path_factory.mktemp("home")
    with proxying(world, home, "balanced", *rpc, authority=certificates.authority) as proxy:
        yield proxy


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
        with contextlib.suppress(Exception):  # then the tests that wait fail with it, and no others
            request.getfixturevalue("idlers")


@pytest.fixture(autouse=True)
def no_leak(proxy: Proxy) -> Iterator[None]:
    """Every test here fails if something went around the proxy meanwhile, and was not taken from the watch."""
    yield
    print("The client meanwhile:", *(line for line in proxy.client.news() if '"stats"' not in line), sep="\n")
    if proxy.watch is not None:
        assert proxy.watch.take() == []
