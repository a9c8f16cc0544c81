"""A route holds hops and delays that fit together, or is not made."""

import pytest

from nymconnect.errors import UsageError
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.route import Hop, Route

HOP = Hop(NodeAddress("10.0.0.1", 1789), b"\x09" * 32)


def test_a_route_starts_at_its_first_hop() -> None:
    other = Hop(NodeAddress("10.0.0.2", 1789), b"\x09" * 32)
    assert Route((HOP, other), (0, 0)).first_hop == HOP.address
    assert Route((HOP,), (0,)).rotation is KeyRotation.UNKNOWN


def test_the_last_delay_does_not_count() -> None:
    route = Route((HOP,) * 4, (15_000_000, 30_000_000, 45_000_000, 10**18))
    assert route.expected_delay == pytest.approx(0.09)
    assert Route((HOP,), (10**9,)).expected_delay == 0


@pytest.mark.parametrize(
    ("hops", "delays"),
    [
        ((), ()),
        ((HOP,) * 6, (0,) * 6),
        ((HOP,) * 2, (0,)),
        ((HOP,) * 2, (0,) * 3),
        ((HOP,), (-1,)),
        ((HOP,), (2**64,)),
        ((Hop(HOP.address, b"\x09" * 31),), (0,)),
    ],
)
def test_a_route_that_does_not_fit_together_is_not_made(hops: tuple[Hop, ...], delays: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        Route(hops, delays)
