"""*Test this* on a whole network in this process: each stage where it can fail, and a run where all is well."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from nymconnect.client.client import MixnetClient
from nymconnect.endpoints import Endpoint
from nymconnect.errors import UserError
from nymconnect.runtime.clock import clock
from nymconnect_proxy.diagnostics.checkup import Checkup, Finding, Result, Stage, directory_target, parse_target
from nymconnect_proxy.exit.requester import NetworkRequester
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.targets import Target
from nymconnect_proxy.session.session import Session
from nymconnect_proxy.session.states import State
from nymconnect_proxy.session.status import Rates, Status
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork
from tests.helpers.stage import FAST, PATIENCE, eventually, settings_for, stage
from tests.helpers.targets import echo, tcp_server, unused_port

ALL = [Stage.PROXY, Stage.GATEWAY, Stage.MIXES, Stage.REQUESTER, Stage.TARGET]


def findings(results: tuple[Result, ...]) -> list[Finding]:
    return [result.finding for result in results]


def blank(state: State, port: int = 1) -> Status:
    return Status(state, clock(), NamedNetwork.MAINNET, Endpoint("127.0.0.1", port), "balanced", Rates(50.0, 5.0))


async def test_every_stage_is_told_in_order_while_it_is_known() -> None:
    async with stage() as running, tcp_server(echo) as port:
        await eventually(lambda: running.session.status.delay is not None)
        told: list[Result] = []
        checkup = Checkup(lambda: running.session.status, Target("localhost", port), told.append)
        results = await checkup.run()
        assert [result.stage for result in results] == ALL
        assert all(result.finding.good for result in results), findings(results)
        assert list(dict.fromkeys(result.stage for result in told)) == ALL
        times = {result.stage: result.seconds for result in results}
        assert times[Stage.PROXY] is not None
        assert times[Stage.MIXES] is not None
        assert 0 < (times[Stage.TARGET] or 0) < PATIENCE
        assert f"localhost:{port}" in results[-1].text


async def test_on_the_practice_network_a_target_of_our_own_sends_back_what_it_gets() -> None:
    async with stage() as running:
        practice = lambda: replace(running.session.status, network=NamedNetwork.PRACTICE)  # noqa: E731 -- one expression
        results = await Checkup(practice).run()
        assert findings(results)[-2:] == [Finding.EXIT_ANSWERS, Finding.TARGET_ECHOES]


async def test_without_a_target_the_directory_is_asked_through_the_mixnet() -> None:
    async with stage() as running:
        results = await Checkup(lambda: running.session.status).run()
        assert results[-1].finding is Finding.TARGET_ANSWERS
        assert results[-1].target == str(directory_target(running.session.status.network))


async def test_a_target_that_refuses_is_told_from_the_way_there() -> None:
    async with stage() as running:
        results = await Checkup(lambda: running.session.status, Target("localhost", unused_port())).run()
        assert findings(results)[-2:] == [Finding.EXIT_ANSWERS, Finding.TARGET_REFUSES]


async def test_a_name_that_nobody_knows_is_told() -> None:
    async def resolve(host: str) -> Sequence[str]:
        raise OSError(f"{host} is unknown")

    def lost(mixnet: MixnetClient) -> NetworkRequester:
        return NetworkRequester(mixnet, AddressPolicy.parse("ExitPolicy accept *:*\n"), resolve=resolve)

    async with stage(make_requester=lost) as running:
        results = await Checkup(lambda: running.session.status, Target("no-such-name.invalid", 80)).run()
        assert results[-1].finding is Finding.TARGET_UNKNOWN


async def test_a_port_that_the_policy_forbids_is_the_requesters_no() -> None:
    def closed(mixnet: MixnetClient) -> NetworkRequester:
        return NetworkRequester(mixnet, AddressPolicy.parse("ExitPolicy reject *:*\n"))

    async with stage(make_requester=closed) as running:
        results = await Checkup(lambda: running.session.status, Target("1.1.1.1", 25)).run()
        assert (results[-1].stage, results[-1].finding) == (Stage.REQUESTER, Finding.EXIT_FORBIDS)
        assert "1.1.1.1:25" in results[-1].text


async def test_a_requester_that_is_gone_is_blamed_and_not_the_mixes() -> None:
    async with stage() as running:
        await eventually(lambda: running.session.status.delay is not None)
        await running.requester.stop()
        results = await Checkup(lambda: running.session.status, Target("localhost", 1), reply_timeout=3.0).run()
        assert findings(results)[-2:] == [Finding.MIXES_CARRY, Finding.EXIT_SILENT]
        assert results[-1].seconds is not None
        assert results[-1].seconds >= 3.0


async def test_mixes_that_are_gone_are_blamed_and_not_the_requester() -> None:
    async with stage(replace(FAST, loop_cover_average_delay=0.2)) as running:
        for mix in running.network.mixnodes:
            await mix.stop()
        await eventually(lambda: (running.session.status.loss or 0.0) >= 0.9)
        results = await Checkup(lambda: running.session.status, Target("localhost", 1), reply_timeout=3.0).run()
        assert results[-1].stage is Stage.MIXES
        assert results[-1].finding in (Finding.MIXES_SILENT, Finding.MIXES_DROP)


async def test_a_session_that_is_off_has_no_proxy() -> None:
    assert findings(await Checkup(lambda: blank(State.DISCONNECTED)).run()) == [Finding.PROXY_CLOSED]


async def test_a_proxy_that_does_not_answer_is_told() -> None:
    status = blank(State.CONNECTED, unused_port())
    assert findings(await Checkup(lambda: status).run()) == [Finding.PROXY_SILENT]


@pytest.mark.parametrize(("state", "finding"), [(State.CONNECTING, Finding.NOT_READY), (State.FAILED, Finding.GAVE_UP)])
async def test_a_session_that_does_not_serve_yet_says_why(state: State, finding: Finding) -> None:
    async with stage() as running:
        running.session._listener.set_serving(False)  # type: ignore[union-attr]
        seen = replace(running.session.status, state=state, reason="the gateway does not answer")
        results = await Checkup(lambda: seen, Target("localhost", 1)).run()
        assert (results[-1].stage, results[-1].finding) == (Stage.GATEWAY, finding)
        assert "the gateway does not answer" in results[-1].text


async def test_on_demand_the_test_itself_is_the_demand() -> None:
    async with stage() as running:
        waiting = Session(replace(settings_for(running.network), on_demand=True), traffic=FAST)
        await waiting.connect()
        try:
            assert waiting.status.state is State.WAITING
            async with tcp_server(echo) as port:
                results = await Checkup(lambda: waiting.status, Target("localhost", port)).run()
            assert results[-1].finding is Finding.TARGET_ANSWERS
            gateway = next(result for result in results if result.stage is Stage.GATEWAY)
            assert gateway.seconds is not None
        finally:
            await waiting.disconnect()


async def test_a_test_that_is_cancelled_leaves_nothing_behind() -> None:
    async with stage() as running:
        await running.requester.stop()
        task = asyncio.create_task(_forever(running.session))
        await eventually(lambda: running.session.status.streams > 0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        names = {getattr(other.get_coro(), "__qualname__", "") for other in asyncio.all_tasks()}
        assert "request" not in names


async def _forever(session: Session) -> None:
    await Checkup(lambda: session.status, Target("localhost", 1)).run()


@pytest.mark.parametrize("text", ["example.org:443", " [::1]:80 ", "1.2.3.4:1"])
def test_a_target_reads(text: str) -> None:
    assert parse_target(text).port > 0


@pytest.mark.parametrize("text", ["", "example.org", "example.org:0", "a b:1", "x:99999", "x" * 70 + ".org:1", ":1"])
def test_what_is_no_target_is_said_in_one_sentence(text: str) -> None:
    with pytest.raises(UserError, match=r"^Write host and port, such as example\.org:443\.$"):
        parse_target(text)


def test_the_directory_of_every_network_has_a_host_and_a_port() -> None:
    assert directory_target(NamedNetwork.MAINNET).port == 443
    assert directory_target(OwnNetwork("http://127.0.0.1:8081/api")) == Target("127.0.0.1", 8081)
    assert directory_target(OwnNetwork("http://example.org/")) == Target("example.org", 80)
