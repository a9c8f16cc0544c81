"""The life of a session on a real network in this process: what it keeps, when it changes gateway, when it waits."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from python_socks import ProxyError
from python_socks.async_.asyncio import Proxy

from nymconnect.base58 import b58encode
from nymconnect.client.client import MixnetClient
from nymconnect.client.gateway import link, topology_refresh
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.gateway.profile import Profile, ProfileStore
from nymconnect.directory.client import DirectoryClient
from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.packet.addressing import Recipient
from nymconnect.reasons import GatewayUnlisted, Moved
from nymconnect.runtime.clock import SYSTEM_RNG, clock
from nymconnect.runtime.http import http_client
from nymconnect.runtime.tasks import TaskSet
from nymconnect.storage import Directories
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from nymconnect_proxy.exit.requester import embedded_requester
from nymconnect_proxy.practice.embedded import EmbeddedNetwork
from nymconnect_proxy.session import connector as passage_module
from nymconnect_proxy.session import session as session_module
from nymconnect_proxy.session.alarms import EntryIsExit, ProfileNotice, sentence
from nymconnect_proxy.session.gateway_selection import GatewaySelection
from nymconnect_proxy.session.reasons import Crash, EnteringElsewhere, ProfileInUse, RequestersGone
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Status
from nymconnect_proxy.settings.config import Settings
from nymconnect_proxy.settings.networks import OwnNetwork
from tests.helpers.small_network import free_choice, network, place
from tests.helpers.stage import FAST, PATIENCE, eventually, reach, settings_for
from tests.helpers.targets import file_server
from tests.helpers.upstream_proxy import upstream_proxy

QUICK = replace(FAST, loop_cover_average_delay=0.1)


@contextlib.asynccontextmanager
async def session(
    settings: Settings, files: Path | None = None, on_status: Callable[[Status], None] = lambda _: None
) -> AsyncIterator[Session]:
    """Its listener is open, everything else depends."""
    directories = Directories.under(files) if files else None
    made = Session(settings, on_status, QUICK, directories)
    await made.connect()
    try:
        yield made
    finally:
        await made.disconnect()


def identity_of(running: EmbeddedNetwork, number: int) -> str:
    return b58encode(running.gateways[number].description.identity)


def remember_gateway(running: EmbeddedNetwork, files: Path, number: int = 0) -> None:
    """A profile as if an earlier session had entered there."""
    store = ProfileStore(Directories.under(files).data, running.api_url)
    assert store.open()
    store.save(Profile(ClientKeys.generate(), running.gateways[number].description.identity), 0.0)
    store.close()


def client_address(made: Session) -> Recipient:
    assert made._client is not None
    return made._client.address


async def fetch(made: Session, port: int) -> bytes:
    return (await fetch_through(made.status.socks, "localhost", port, "/file", PATIENCE)).body


async def ask(made: Session) -> None:
    """A request at the SOCKS port; ProxyError if it is refused."""
    sock = await Proxy.from_url(f"socks5://{made.status.socks}", rdns=True).connect("localhost", 1, timeout=PATIENCE)
    sock.close()


# --- what is kept -----------------------------------------------------------------------------------------------------


async def test_the_next_session_is_the_same_client_at_the_same_gateway(tmp_path: Path) -> None:
    async with network(3) as running:
        seen = []
        for _ in range(2):
            async with session(free_choice(running), tmp_path) as made:
                await reach(made, State.CONNECTED)
                seen.append((made.status.gateway, client_address(made)))
        assert seen[0] == seen[1]


async def test_without_directories_every_session_is_another_client() -> None:
    async with network() as running:
        seen = set()
        for _ in range(2):
            async with session(free_choice(running)) as made:
                await reach(made, State.CONNECTED)
                seen.add(client_address(made).identity)
        assert len(seen) == 2


async def test_another_gateway_gets_another_client(tmp_path: Path) -> None:
    async with network() as running:
        seen = []
        for number in (0, 1):
            async with session(settings_for(running, number), tmp_path) as made:
                await reach(made, State.CONNECTED)
                assert made.status.gateway == identity_of(running, number)
                seen.append(client_address(made).identity)
        assert seen[0] != seen[1]


async def test_gateway_and_exit_of_a_country(tmp_path: Path) -> None:
    async with network(3) as running:
        place(running, {0: "DE", 1: "CH", 2: "CH"})
        remember_gateway(running, tmp_path)
        wanted = free_choice(running, gateway_country="CH", requester="directory", requester_country="CH")
        async with session(wanted, tmp_path) as made:
            await reach(made, State.CONNECTED)
            assert made.status.gateway in (identity_of(running, 1), identity_of(running, 2))
            assert made.status.requester == str(running.requester_address)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gateway_country": "FR"}, "the directory lists no gateway in FR"),
        ({"requester": "directory", "requester_country": "DE"}, "lists no requester in DE"),
    ],
)
async def test_a_country_without_any_is_one_sentence(changes: dict[str, Any], said: str) -> None:
    async with network() as running:
        place(running, {0: "DE", 1: "CH"})
        async with session(free_choice(running, **changes)) as made:
            await reach(made, State.FAILED)
            assert said in str(made.status.reason)


async def test_two_sessions_at_once_do_not_share_a_client(tmp_path: Path) -> None:
    async with network() as running, session(free_choice(running), tmp_path) as first:
        await reach(first, State.CONNECTED)
        async with session(free_choice(running), tmp_path) as second:
            await reach(second, State.CONNECTED)
            assert client_address(first).identity != client_address(second).identity
            assert second.status.alarms == (ProfileNotice(ProfileInUse()),)
            assert first.status.alarms == ()


@pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")
async def test_keys_that_others_can_read_are_not_used_until_a_person_has_decided(tmp_path: Path) -> None:
    async with network() as running:
        path = ProfileStore(Directories.under(tmp_path).data, running.api_url).directory / "client.json"
        async with session(free_choice(running), tmp_path) as made:
            await reach(made, State.CONNECTED)
            before = client_address(made)
        path.chmod(0o666)
        async with session(free_choice(running), tmp_path) as made:
            failed = await made.wait(State.FAILED)
            assert str(failed.reason).endswith(f"keep them by: chmod 600 {path}")
        path.chmod(0o600)
        async with session(free_choice(running), tmp_path) as made:
            await reach(made, State.CONNECTED)
            assert client_address(made) == before


async def test_a_profile_that_does_not_read_is_told_and_replaced(tmp_path: Path) -> None:
    async with network() as running:
        async with session(free_choice(running), tmp_path) as made:
            await reach(made, State.CONNECTED)
            before = client_address(made)
        path = ProfileStore(Directories.under(tmp_path).data, running.api_url).directory / "client.json"
        path.write_text("{")
        async with session(free_choice(running), tmp_path) as made:
            await reach(made, State.CONNECTED)
            assert client_address(made).identity != before.identity
            assert "continues with new ones" in sentence(made.status.alarms[0])
        assert json.loads(path.read_text())["version"] == 1
        assert list(path.parent.glob("client.json.corrupt-*"))


async def test_an_answer_that_waits_in_the_mailbox_is_read_after_a_restart(tmp_path: Path) -> None:
    async with network() as running, http_client() as http, asyncio.timeout(PATIENCE):
        directory = DirectoryClient([running.api_url], http)
        topology = await directory.topology()
        store = ProfileStore(tmp_path, running.api_url)
        entry = GatewaySelection(store, running.gateways[0].description.identity, SYSTEM_RNG)

        def client() -> MixnetClient:
            entry.open()
            entrance = entry.choose(topology)
            made = MixnetClient(directory, entrance.gateway, topology, entrance.keys, QUICK)
            made.reinstate_keys(entrance.issued)
            return made

        peer = MixnetClient(
            directory,
            topology.gateways[running.gateways[1].description.identity],
            topology,
            ClientKeys.generate(),
            QUICK,
        )
        first = client()
        await first.start()
        await peer.start()
        await first.send(peer.address, b"question", surbs=30)
        question = await peer.receive()
        assert question.sender_tag is not None
        await eventually(lambda: peer._loopix.received.available(question.sender_tag or b"") > 12)
        await entry.save(first)
        await first.stop()
        entry.close()
        await peer.reply(question.sender_tag, b"answer")
        await eventually(lambda: not peer.counters()["queued"] and not peer.counters()["in_flight"])
        second = client()
        assert second.address == first.address
        await second.start()
        assert (await second.receive()).data == b"answer"
        await second.stop()
        await peer.stop()
        entry.close()


# --- another gateway --------------------------------------------------------------------------------------------------


async def test_a_gateway_that_does_not_answer_at_first_is_left_for_another(tmp_path: Path) -> None:
    async with network() as running:
        remember_gateway(running, tmp_path)
        settings = free_choice(running, connect_timeout=1.5)
        await running.gateways[0].stop()
        told: list[Status] = []
        async with session(settings, tmp_path, told.append) as made:
            await reach(made, State.CONNECTED)
            assert made.status.gateway == identity_of(running, 1)
        assert any("trying another gateway" in str(status.reason) for status in told)
        async with session(settings, tmp_path) as made:
            await reach(made, State.CONNECTED)
            assert made.status.gateway == identity_of(running, 1)


async def test_a_gateway_that_the_user_has_named_is_not_left() -> None:
    async with network() as running:
        settings = replace(settings_for(running), connect_timeout=1.0)
        await running.gateways[0].stop()
        async with session(settings) as made:
            async with asyncio.timeout(PATIENCE):
                failed = await made.wait(State.FAILED)
            assert "cannot reach the gateway" in str(failed.reason)
            assert failed.gateway == settings.gateway


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology_refresh, "REFRESH", 0.1)
    monkeypatch.setattr(topology_refresh, "RETRY", 0.1)
    monkeypatch.setattr(topology_refresh, "GONE_AFTER", 0.3)
    monkeypatch.setattr(link, "RECONNECT_MOST", 0.1)


@pytest.mark.usefixtures("impatient")
async def test_a_gateway_that_leaves_the_network_is_replaced(tmp_path: Path) -> None:
    async with network() as running, file_server({"/file": b"by another way"}) as port:
        remember_gateway(running, tmp_path)
        async with session(free_choice(running), tmp_path) as made:
            await reach(made, State.CONNECTED)
            assert made.status.gateway == identity_of(running, 0)
            running.state.remove(running.gateways[0].description.node_id)
            async with asyncio.timeout(PATIENCE):
                while made.status.gateway != identity_of(running, 1):
                    await made.wait(State.CONNECTING)
                    await made.wait(State.CONNECTED)
            assert made.status.reason == EnteringElsewhere(GatewayUnlisted())
            assert await fetch(made, port) == b"by another way"


@pytest.mark.usefixtures("impatient")
async def test_a_named_gateway_that_leaves_the_network_is_kept_and_told_of_as_named() -> None:
    told: list[Status] = []
    async with network() as running:
        named = identity_of(running, 0)
        async with session(settings_for(running, 0), on_status=told.append) as made:
            await reach(made, State.CONNECTED)
            running.state.remove(running.gateways[0].description.node_id)
            await eventually(lambda: any(status.reason == GatewayUnlisted(named=True) for status in told))
            assert made.status.gateway == named


@pytest.mark.usefixtures("impatient")
async def test_after_a_network_was_replaced_the_requester_is_the_new_ones(tmp_path: Path) -> None:
    async with file_server({"/file": b"by the new network"}) as port, contextlib.AsyncExitStack() as stack:
        old = await stack.enter_async_context(network())
        api = urlsplit(old.api_url)
        settings = replace(free_choice(old), requester=None)
        made = await stack.enter_async_context(session(settings, tmp_path))
        await reach(made, State.CONNECTED)
        assert made.status.requester == str(old.requester_address)
        await old.stop()
        new = EmbeddedNetwork(embedded_requester, 1, 2, requester_traffic=FAST)
        stack.push_async_callback(new.stop)
        await new.start(str(api.hostname), int(api.port or 0))
        await eventually(
            lambda: made.status.state is State.CONNECTED and made.status.requester == str(new.requester_address)
        )
        assert await fetch(made, port) == b"by the new network"


@pytest.mark.usefixtures("impatient")
async def test_a_requester_that_was_named_and_is_gone_with_its_network_is_said(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        old = await stack.enter_async_context(network())
        api = urlsplit(old.api_url)
        made = await stack.enter_async_context(session(free_choice(old), tmp_path))
        await reach(made, State.CONNECTED)
        await old.stop()
        new = EmbeddedNetwork(embedded_requester, 1, 2, requester_traffic=FAST)
        stack.push_async_callback(new.stop)
        await new.start(str(api.hostname), int(api.port or 0))
        async with asyncio.timeout(PATIENCE):
            failed = await made.wait(State.FAILED)
        assert isinstance(failed.reason, RequestersGone)


async def test_a_requester_that_is_replaced_alone_is_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage_module, "REQUESTER_LOOK", 0.2)
    monkeypatch.setattr(passage_module, "CHECK_TIMEOUT", 1.0)
    async with network() as running:
        gone = running.requester_address
        assert running._requester_client is not None
        await running._requester_client.stop()
        async with session(replace(free_choice(running), requester=None), tmp_path) as made:
            await reach(made, State.CONNECTED)
            assert made.status.requester == str(gone)
            await running._start_requester()
            assert running.requester_address != gone
            await eventually(lambda: made.status.requester == str(running.requester_address))
            await reach(made, State.CONNECTED)


@pytest.mark.usefixtures("impatient")
async def test_a_gateway_that_stays_silent_is_replaced(tmp_path: Path) -> None:
    async with network() as running, file_server({"/file": b"by another way"}) as port:
        remember_gateway(running, tmp_path)
        async with session(free_choice(running), tmp_path) as made:
            await reach(made, State.CONNECTED)
            await running.gateways[0].stop()
            async with asyncio.timeout(PATIENCE):
                await made.wait(State.CONNECTING)
                await made.wait(State.CONNECTED)
            assert made.status.gateway == identity_of(running, 1)
            assert "entering by another one" in str(made.status.reason)
            assert await fetch(made, port) == b"by another way"


@pytest.mark.usefixtures("impatient")
async def test_while_nothing_can_be_reached_the_gateway_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with network() as running:
        remember_gateway(running, tmp_path)
        told: list[Status] = []
        async with session(free_choice(running), tmp_path, told.append) as made:
            await reach(made, State.CONNECTED)
            gateway = made.status.gateway

            async def away(_: DirectoryClient) -> None:
                raise UserError("the directory is away")

            monkeypatch.setattr(DirectoryClient, "topology", away)
            await running.gateways[0].stop()
            await eventually(lambda: any(str(status.reason) == "the directory is away" for status in told))
            assert made.status.state is State.CONNECTING
            assert made.status.gateway == gateway


# --- another network, another way out ---------------------------------------------------------------------------------


async def test_the_link_is_renewed_when_the_computer_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = asyncio.Queue[Moved]()

    async def watch(gateway_ip: Callable[[], str], on_change: Callable[[Moved], None]) -> None:
        assert gateway_ip() == "127.0.0.1"
        while True:
            on_change(await reasons.get())

    monkeypatch.setattr(passage_module.network_change, "watch", watch)
    async with network() as running, session(settings_for(running)) as made, asyncio.timeout(PATIENCE):
        await reach(made, State.CONNECTED)
        reasons.put_nowait(Moved())
        status = await made.wait(State.CONNECTING)
        assert status.reason == Moved()
        await made.wait(State.CONNECTED)


@pytest.mark.parametrize("scheme", ["socks5", "http"])
async def test_everything_goes_through_the_upstream_proxy(scheme: str) -> None:
    async with (
        network() as running,
        file_server({"/file": b"through"}) as port,
        upstream_proxy(scheme, ("name", "secret")) as proxy,
    ):
        settings = replace(settings_for(running), upstream=proxy.upstream)
        async with session(settings) as made:
            await reach(made, State.CONNECTED)
            assert await fetch(made, port) == b"through"
            api_port = int(running.api_url.rstrip("/").rpartition(":")[2])
            assert {there for _, there in proxy.targets} == {api_port, running.gateways[0].ws_port}
            assert "secret" not in repr(made.status)


async def test_without_its_upstream_proxy_a_session_fails_and_says_why() -> None:
    async with network() as running:
        async with upstream_proxy() as proxy:
            settings = replace(settings_for(running), upstream=proxy.upstream)
        async with session(settings) as made, asyncio.timeout(PATIENCE):
            assert "cannot be reached" in str((await made.wait(State.FAILED)).reason)


# --- on demand --------------------------------------------------------------------------------------------------------


def noting(states: list[State]) -> Callable[[Status], None]:
    """Note each change of state; a busy machine may have more to tell in between."""

    def note(status: Status) -> None:
        if states[-1:] != [status.state]:
            states.append(status.state)

    return note


async def test_on_demand_the_first_request_connects_and_idleness_ends_it() -> None:
    states: list[State] = []
    async with network() as running, file_server({"/file": b"served"}) as port:
        settings = replace(settings_for(running), on_demand=True, idle_timeout=1.0)
        async with session(settings, on_status=noting(states)) as made:
            assert made.status.state is State.WAITING
            assert made._client is None
            for _ in range(2):
                bodies = await asyncio.gather(*(fetch(made, port) for _ in range(3)))
                assert bodies == [b"served"] * 3
                await reach(made, State.WAITING)
                await eventually(lambda: made._client is None)
        round_trip = [State.CONNECTING, State.CONNECTED, State.WAITING]
        assert states == [State.WAITING, *round_trip, *round_trip, State.DISCONNECTING, State.DISCONNECTED]


async def test_on_demand_a_request_that_cannot_be_served_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[State] = []
    async with network() as running:
        settings = replace(settings_for(running), on_demand=True)
    async with session(settings, on_status=noting(states)) as made:
        with pytest.raises(ProxyError):
            await ask(made)
        assert made.status.state is State.WAITING
        assert "cannot be reached" in str(made.status.reason)
        with pytest.raises(ProxyError):  # at once, and without another attempt
            await ask(made)
        assert states == [State.WAITING, State.CONNECTING, State.FAILED, State.WAITING]
        monkeypatch.setattr(session_module, "DEMAND_PAUSE", 0.0)
        made._refuse_until = 0.0
        with pytest.raises(ProxyError):
            await ask(made)
        assert states.count(State.CONNECTING) == 2


async def test_on_demand_a_request_waits_no_longer_than_connecting_may_take() -> None:
    async with network() as running:
        settings = replace(settings_for(running), on_demand=True, connect_timeout=1.0)
        await running.gateways[0].stop()
        async with session(settings) as made:
            start = clock()
            with pytest.raises(ProxyError):
                await ask(made)
            assert clock() - start < 20.0


async def test_not_on_demand_a_request_is_refused_at_once() -> None:
    async with network() as running, session(settings_for(running)) as made:
        assert made.status.state is State.CONNECTING
        with pytest.raises(ProxyError):
            await ask(made)
        assert made.status.state is State.CONNECTING


# --- order and status -------------------------------------------------------------------------------------------------


async def test_cover_flows_before_requests_are_served() -> None:
    covers: list[int] = []

    def note(status: Status) -> None:
        if status.state is State.CONNECTED:
            covers.append(status.counters["cover_sent"])

    async with network() as running:
        async with session(replace(settings_for(running), warm_up=1.0), on_status=note) as made:
            await eventually(lambda: str(made.status.reason).startswith("sending cover for 1 seconds"))
            with pytest.raises(ProxyError):
                await ask(made)
            await reach(made, State.CONNECTED)
        assert covers[0] > 0


async def test_cover_flows_on_after_the_last_stream() -> None:
    async with network() as running, file_server({"/file": b"x"}) as port, session(settings_for(running)) as made:
        await reach(made, State.CONNECTED)
        await fetch(made, port)
        await eventually(lambda: not made.status.streams)
        sent = made.status.counters.get("cover_sent", 0)
        await eventually(lambda: made.status.counters.get("cover_sent", 0) > sent + 5)


async def test_a_status_says_what_the_session_does() -> None:
    body = bytes(30_000)
    async with network() as running, file_server({"/file": body}) as port, session(settings_for(running)) as made:
        await reach(made, State.CONNECTED)
        await fetch(made, port)
        status = made.status
        assert status.preset == "balanced"
        assert status.rates.main is None  # these tests send data as it comes
        assert status.rates.loop == pytest.approx(10.0)
        assert status.gateway == identity_of(running, 0)
        assert status.requester == str(running.requester_address)
        assert not status.downlink_hidden
        assert status.bytes_down > len(body)
        assert 0 < status.bytes_up < 1000
        assert (status.alarms, status.suspects) == ((), ())
        with pytest.raises(AttributeError):
            status.queue = 1  # type: ignore[misc]


async def test_a_session_leaves_nothing_running(tmp_path: Path) -> None:
    async with network() as running:
        before = asyncio.all_tasks()
        async with session(free_choice(running), tmp_path) as made:
            await reach(made, State.CONNECTED)
        left = {task.get_name() for task in asyncio.all_tasks() - before}
        assert not {name for name in left if name.startswith(("mixnet client", "SOCKS", "session"))}


# --- crashes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "break_it"),
    [
        ("the mixnet client", lambda made: made._client._tasks),
        ("the exchange", lambda made: made._listener._exchange._tasks),
        ("the watch on the downlink", lambda made: made._downlink._tasks),
    ],
)
async def test_a_crash_of_a_part_makes_the_session_fail_and_it_can_connect_again(
    part: str, break_it: Callable[[Any], TaskSet]
) -> None:
    async def crash() -> None:
        raise RuntimeError("our fault")

    async with network() as running, session(free_choice(running)) as made, asyncio.timeout(PATIENCE):
        await reach(made, State.CONNECTED)
        break_it(made).spawn(crash(), "part")
        failed = await made.wait(State.FAILED)
        assert failed.crash == Crash(part, "RuntimeError: our fault")
        assert str(failed.reason) == f"internal error in {part}: RuntimeError: our fault"
        with pytest.raises(ProxyError):
            await ask(made)
        await made.connect()
        await reach(made, State.CONNECTED)
        assert made.status.crash is None
        assert sum(task.get_name() == "session: connection" for task in asyncio.all_tasks()) == 1


async def test_a_crash_of_the_practice_networks_requester_ends_the_network() -> None:
    async def crash() -> None:
        raise RuntimeError("our fault")

    async with network() as running, asyncio.timeout(PATIENCE):
        assert running._requester_client is not None
        running._requester_client._tasks.spawn(crash(), "part")
        assert await running.failed() == "RuntimeError: our fault"


# --- both ends, and who names the nodes -------------------------------------------------------------------------------


async def test_a_session_does_not_enter_by_the_gateway_of_its_requester_while_there_is_another() -> None:
    async with network(2) as running:
        for _ in range(4):
            async with session(free_choice(running)) as made:
                await reach(made, State.CONNECTED)
                assert made.status.gateway == identity_of(running, 0)
                assert made.status.alarms == ()


async def test_a_session_that_enters_by_the_gateway_of_its_requester_says_so() -> None:
    async with network(2) as running, session(settings_for(running, 1)) as made:
        await reach(made, State.CONNECTED)
        (alarm,) = made.status.alarms
        assert isinstance(alarm, EntryIsExit)
        assert made.status.requesters[0].name == alarm.requester


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://192.0.2.1/api", True),
        ("https://a.example#" + "0" * 64, True),
        ("http://127.0.0.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://[::ffff:127.0.0.1]:8000", True),
        ("http://[::ffff:192.0.2.1]:8000", False),
        ("http://localhost:8000", True),
        ("http://192.168.1.2", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
    ],
)
def test_a_directory_in_plain_http_is_safe_on_this_machine_only(url: str, safe: bool) -> None:
    assert OwnNetwork(url).is_proven is safe


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_directory_in_plain_http_elsewhere_is_refused_unless_an_option_says_otherwise(allowed: bool) -> None:
    settings = Settings(
        socks=Endpoint("127.0.0.1", 0), network=OwnNetwork("http://no-such-name.invalid"), plain_http_directory=allowed
    )
    async with session(settings) as made, asyncio.timeout(PATIENCE):
        reason = str((await made.wait(State.FAILED)).reason)
        assert ("speaks plain http" in reason) is not allowed
        assert ("cannot be reached" in reason) is allowed
