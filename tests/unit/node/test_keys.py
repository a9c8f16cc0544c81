"""Which keys a node tries for a packet, and their life over rotations."""

import random

import pytest

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.errors import UsageError
from nymconnect.node.keys import NodeKeys, SphinxKeys
from nymconnect.packet.params import KeyRotation

RNG = random.Random(1)
FIRST, SECOND, THIRD = (X25519Secret.generate(RNG) for _ in range(3))


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (KeyRotation.UNKNOWN, ((6, SECOND), (5, FIRST))),
        (KeyRotation.EVEN, ((6, SECOND),)),
        (KeyRotation.ODD, ((5, FIRST),)),
    ],
)
def test_candidates_follow_the_label_and_without_one_the_primary_comes_first(
    label: KeyRotation, expected: tuple[tuple[int, X25519Secret], ...]
) -> None:
    assert SphinxKeys(SECOND, 6, FIRST).candidates(label) == expected


def test_candidates_are_empty_when_the_key_of_the_label_is_gone() -> None:
    assert SphinxKeys(SECOND, 6).candidates(KeyRotation.ODD) == ()
    assert SphinxKeys(SECOND, 6).candidates(KeyRotation.UNKNOWN) == ((6, SECOND),)


def test_keys_live_through_two_rotations() -> None:
    keys = SphinxKeys(FIRST, 5)
    announced = keys.announce(SECOND)
    assert announced.live == ((5, FIRST), (6, SECOND))
    advanced = announced.advance()
    assert advanced.live == ((6, SECOND), (5, FIRST))
    assert advanced.retire().live == ((6, SECOND),)
    assert advanced.announce(THIRD).live == ((6, SECOND), (7, THIRD))


@pytest.mark.parametrize("keys", [SphinxKeys(FIRST, 5), SphinxKeys(SECOND, 6, FIRST)])
def test_advance_without_an_announced_key_is_a_usage_error(keys: SphinxKeys) -> None:
    with pytest.raises(UsageError):
        keys.advance()


def test_repr_of_keys_shows_no_secret() -> None:
    identity = Ed25519Secret.generate(RNG)
    text = repr(NodeKeys(identity, SphinxKeys(FIRST, 5, SECOND), THIRD))
    for secret in (identity.to_bytes(), FIRST.to_bytes(), SECOND.to_bytes(), THIRD.to_bytes()):
        assert secret.hex() not in text
        assert repr(secret) not in text
