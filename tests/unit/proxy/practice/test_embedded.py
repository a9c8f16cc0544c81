"""The life of a node's Sphinx keys in an embedded network, epoch by epoch."""

import random

import pytest

from nymconnect.client.client import MixnetClient
from nymconnect.crypto import X25519Secret
from nymconnect.directory.network_state import SphinxKey
from nymconnect.errors import UsageError
from nymconnect.node.keys import SphinxKeys
from nymconnect_proxy.practice.embedded import EmbeddedNetwork, Service, keys_at

ROTATION = 7


def fresh(rotation_id: int = ROTATION) -> SphinxKeys:
    return SphinxKeys(X25519Secret.generate(random.Random(rotation_id)), rotation_id)


def ids(keys: SphinxKeys) -> tuple[int, ...]:
    """Rotation ids of the live keys, the primary first."""
    return tuple(rotation_id for rotation_id, _ in keys.live)


def publics(keys: SphinxKeys) -> tuple[SphinxKey, ...]:
    return tuple(SphinxKey(rotation_id, secret.public) for rotation_id, secret in keys.live)


def test_a_rotation_announces_changes_and_retires_its_keys() -> None:
    keys, seen = fresh(), []
    for epoch_id in range(ROTATION * 4, (ROTATION + 2) * 4 + 2):
        keys = keys_at(keys, epoch_id, 4)
        seen.append(ids(keys))
    assert seen == [
        *[(7,), (7,), (7,), (7, 8)],
        *[(8, 7), (8,), (8,), (8, 9)],
        *[(9, 8), (9,)],
    ]


def test_the_announced_key_is_the_one_that_takes_over() -> None:
    announced = keys_at(fresh(), ROTATION * 4 + 3, 4)
    following = keys_at(announced, (ROTATION + 1) * 4, 4)
    assert publics(following) == publics(announced)[::-1]
    assert publics(keys_at(following, (ROTATION + 1) * 4 + 1, 4)) == publics(following)[:1]


def test_two_epochs_are_enough_for_a_rotation() -> None:
    keys = keys_at(fresh(), ROTATION * 2 + 1, 2)
    assert ids(keys) == (7, 8)
    keys = keys_at(keys, (ROTATION + 1) * 2, 2)
    assert ids(keys) == (8, 7)
    assert ids(keys_at(keys, (ROTATION + 1) * 2 + 1, 2)) == (8, 9)


@pytest.mark.parametrize("epoch_in_rotation", range(4))
def test_the_same_epoch_twice_changes_nothing(epoch_in_rotation: int) -> None:
    once = keys_at(fresh(), ROTATION * 4 + epoch_in_rotation, 4)
    assert publics(keys_at(once, ROTATION * 4 + epoch_in_rotation, 4)) == publics(once)


@pytest.mark.parametrize("later", [1, 2, 5])
@pytest.mark.parametrize("epoch_in_rotation", range(4))
def test_a_node_that_slept_starts_with_a_key_of_its_own(later: int, epoch_in_rotation: int) -> None:
    old = fresh()
    keys = keys_at(old, (ROTATION + later) * 4 + epoch_in_rotation, 4)
    assert keys.rotation_id == ROTATION + later
    assert keys.primary.public != old.primary.public
    assert ids(keys) == ((ROTATION + later, ROTATION + later + 1) if epoch_in_rotation == 3 else (ROTATION + later,))


def test_a_node_that_slept_through_a_whole_rotation_does_not_use_the_announced_key() -> None:
    announced = keys_at(fresh(), ROTATION * 4 + 3, 4)
    keys = keys_at(announced, (ROTATION + 2) * 4, 4)
    assert ids(keys) == (ROTATION + 2,)
    assert keys.primary.public not in {key.public for key in publics(announced)}


def no_requester(_: MixnetClient) -> Service:
    raise AssertionError("nothing is started here")


@pytest.mark.parametrize(("mixes", "gateways"), [(0, 1), (1, 0)])
def test_a_network_without_mixes_or_gateways_is_refused(mixes: int, gateways: int) -> None:
    with pytest.raises(UsageError):
        EmbeddedNetwork(no_requester, mixes, gateways)


def test_a_network_that_is_not_started_has_no_addresses() -> None:
    network = EmbeddedNetwork(no_requester, 1, 1)
    with pytest.raises(UsageError):
        _ = network.api_url
    with pytest.raises(UsageError):
        _ = network.requester_address
