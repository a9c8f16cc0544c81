"""Names of targets: what is looked up, in which threads, and what a silent name server costs the others."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest

from nymconnect_proxy.exit.lookups import LookupLimits
from nymconnect_proxy.exit.resolver import (
    BoundedResolver,
    NoThreadError,
    Resolver,
    TooManyLookupsError,
    resolve_host,
    system_lookup,
)

ALICE, BOB = b"a" * 16, b"b" * 16
DEFAULTS = LookupLimits()


class SilentServer:
    """A blocking lookup that has no answer for dead names until the test is over."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.over = threading.Event()

    def look_up(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host.endswith(".dead"):
            self.over.wait()
            raise OSError("no answer")
        return ["1.1.1.1"]


@asynccontextmanager
async def using(resolver: Resolver, limits: LookupLimits = DEFAULTS) -> AsyncIterator[BoundedResolver]:
    names = BoundedResolver(resolver, limits)
    try:
        yield names
    finally:
        await names.close()


@pytest.mark.parametrize(
    ("literal", "address"), [("1.2.3.4", "1.2.3.4"), ("2001:db8:0:0:0:0:0:1", "2001:db8::1"), ("fe80::1%lo", "fe80::1")]
)
async def test_a_literal_address_is_not_looked_up(literal: str, address: str) -> None:
    server = SilentServer()
    async with using(partial(resolve_host, look_up=server.look_up)) as names:
        assert await names.addresses(ALICE, literal) == [address]
    assert server.asked == []


@pytest.mark.parametrize("askers", [1, 10, 100])
async def test_a_live_name_is_found_beside_a_hundred_dead_ones(askers: int) -> None:
    server = SilentServer()
    async with using(partial(resolve_host, look_up=server.look_up)) as names:
        dead = [
            asyncio.ensure_future(names.addresses(b"asker %d" % (number % askers), f"{number}.dead"))
            for number in range(100)
        ]
        try:
            await asyncio.sleep(0)
            async with asyncio.timeout(30):
                assert await names.addresses(BOB, "live.example") == ("1.1.1.1",)
                # The event loop's own threads have nothing to do with it.
                assert await asyncio.to_thread(lambda: 1) == 1
            assert not any(question.done() for question in dead)
        finally:
            server.over.set()
        assert await asyncio.gather(*dead) == [()] * 100


async def test_too_many_questions_are_refused_as_such() -> None:
    server = SilentServer()
    async with using(partial(resolve_host, look_up=server.look_up), LookupLimits(1, waiting_per_asker=0)) as names:
        with pytest.raises(TooManyLookupsError):
            await names.addresses(ALICE, "1.dead")


async def test_a_question_given_up_leaves_its_place_in_the_queue() -> None:
    server = SilentServer()
    async with using(partial(resolve_host, look_up=server.look_up), LookupLimits(under_way=1)) as names:
        waiting = [asyncio.ensure_future(names.addresses(ALICE, f"{number}.dead")) for number in range(2)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        await asyncio.gather(waiting[1], return_exceptions=True)
        server.over.set()
        assert await waiting[0] == ()
        assert await names.addresses(ALICE, "live.example") == ("1.1.1.1",)
    assert server.asked == ["0.dead", "live.example"]


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "a..example", "\ud800.example"])
async def test_what_cannot_be_a_name_has_no_address(host: str) -> None:
    async with using(resolve_host) as names:
        assert await names.addresses(ALICE, host) == ()


def test_the_system_answers_for_this_machine() -> None:
    assert "127.0.0.1" in system_lookup("localhost")


async def test_nothing_is_looked_up_any_more_after_the_end() -> None:
    asked: list[str] = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        await asyncio.Event().wait()
        return []

    names = BoundedResolver(resolve, LookupLimits(under_way=1))
    waiting = [asyncio.ensure_future(names.addresses(ALICE, f"{number}.dead")) for number in range(2)]
    await asyncio.sleep(0)
    await names.close()
    for _ in range(5):
        await asyncio.sleep(0)
    for question in waiting:
        question.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert asked == ["0.dead"]


async def test_a_name_is_not_dead_because_this_machine_has_no_thread_left() -> None:
    fails = [True]

    async def resolve(_host: str) -> Sequence[str]:
        if fails:
            fails.pop()
            raise NoThreadError("no thread")
        return ["1.1.1.1"]

    async with using(resolve) as names:
        assert await names.addresses(ALICE, "live.example") == ()
        assert await names.addresses(ALICE, "live.example") == ("1.1.1.1",)
