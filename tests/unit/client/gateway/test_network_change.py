"""Sleep and changes of network, as the clocks and the routing table tell them."""

import asyncio

import pytest

from nymconnect.client.gateway import network_change
from nymconnect.client.gateway.network_change import INTERVAL, Surroundings
from nymconnect.reasons import Moved, Slept

UNIX = 1_800_000_000.0


def looks(*what: tuple[float, float, str | None]) -> list[str | None]:
    """Answers to looks at (monotonic, wall clock since then, address)."""
    around = Surroundings()
    return [around.look(now, UNIX + wall, address) for now, wall, address in what]


def test_nothing_happens_while_nothing_changes() -> None:
    assert not any(looks(*((number * INTERVAL, number * INTERVAL, "10.0.0.2") for number in range(100))))


def test_a_sleep_shows_where_only_the_wall_clock_went_on() -> None:
    assert looks((0, 0, "10.0.0.2"), (5, 605, "10.0.0.2"), (10, 610, "10.0.0.2")) == [
        None,
        Slept(605),
        None,
    ]


def test_a_sleep_shows_where_both_clocks_went_on() -> None:
    assert looks((0, 0, "10.0.0.2"), (605, 605, "10.0.0.2"))[1] == Slept(605)


@pytest.mark.parametrize("wall", [-3600.0, -5.0, 5.0, 10.0])
def test_a_clock_that_is_set_a_little_or_back_is_no_sleep(wall: float) -> None:
    assert looks((0, 0, "10.0.0.2"), (5, wall, "10.0.0.2"))[1] is None


def test_another_address_is_another_network() -> None:
    assert looks((0, 0, "10.0.0.2"), (5, 5, "192.168.1.7"), (10, 10, "192.168.1.7")) == [
        None,
        Moved(),
        None,
    ]


def test_a_network_that_goes_away_and_comes_back_is_the_same() -> None:
    assert not any(looks((0, 0, "10.0.0.2"), (5, 5, None), (10, 10, "10.0.0.2")))


def test_a_network_that_comes_back_with_another_address_is_another() -> None:
    assert looks((0, 0, "10.0.0.2"), (5, 5, None), (10, 10, "10.0.0.3"))[2] is not None


def test_the_first_network_is_no_change() -> None:
    assert not any(looks((0, 0, None), (5, 5, "10.0.0.2")))


async def test_the_watch_reports_a_new_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_change, "INTERVAL", 0.0)
    addresses = iter(["10.0.0.2", "10.0.0.3"])
    asked: list[str] = []

    def address_towards(ip: str) -> str | None:
        asked.append(ip)
        return next(addresses, "10.0.0.3")

    monkeypatch.setattr(network_change, "address_towards", address_towards)
    heard = asyncio.get_running_loop().create_future()
    work = asyncio.create_task(network_change.watch(lambda: "192.0.2.1", heard.set_result))
    async with asyncio.timeout(10.0):
        assert await heard == Moved()
    work.cancel()
    assert set(asked) == {"192.0.2.1"}


def test_the_address_of_this_machine_is_found_without_sending_anything() -> None:
    assert network_change.address_towards("127.0.0.1") == "127.0.0.1"
    assert network_change.address_towards("not an address") is None
