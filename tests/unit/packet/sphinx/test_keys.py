"""Key expansion, and the short cut through the chain of shared secrets."""

import hashlib
import random

import pytest

from nymconnect.crypto import X25519Secret, x25519_exchange, x25519_public
from nymconnect.errors import UsageError, WireError
from nymconnect.packet.sphinx import DEFAULT_VERSION, EXPLICIT_KEYS_VERSION, keys
from tests.helpers.sphinx_case import load, prototype_route

UPSTREAM = load("sphinx-upstream")["expansion"]
PROTOTYPE = load("sphinx-prototype")


def expanded_upstream() -> bytes:
    return keys.expand(bytes.fromhex(UPSTREAM["shared_secret"]))


# --- expansion --------------------------------------------------------------------------------------------------


def test_the_expansion_recorded_upstream_is_reproduced() -> None:
    secret_1, secret_2 = (bytes.fromhex(UPSTREAM[name]) for name in ("secret_1", "secret_2"))
    shared = x25519_exchange(secret_2, x25519_public(secret_1))
    assert shared.hex() == UPSTREAM["shared_secret"]
    expanded = keys.expand(shared)
    assert len(expanded) == keys.EXPANDED_LENGTH
    assert expanded[keys.STREAM_KEY].hex() == UPSTREAM["stream_key"]
    assert expanded[keys.MAC_KEY].hex() == UPSTREAM["mac_key"]
    assert expanded[keys.FULL_PAYLOAD_KEY].hex() == UPSTREAM["full_payload_key"]
    assert expanded[keys.BLINDING_FACTOR].hex() == UPSTREAM["blinding_factor"]


def test_replay_tag_and_seeded_key_equal_the_prototypes() -> None:
    extras = PROTOTYPE["expansion_extras"]
    expanded = expanded_upstream()
    assert expanded[keys.REPLAY_TAG].hex() == extras["replay_tag"]
    payload_key = keys.key_from_seed(expanded[keys.PAYLOAD_SEED])
    assert payload_key[:16].hex() == extras["payload_key_259_start"]
    assert hashlib.sha256(payload_key).hexdigest() == extras["payload_key_259_sha256"]


def test_the_version_chooses_full_keys_or_seeds() -> None:
    expanded = expanded_upstream()
    full = keys.payload_material(expanded, EXPLICIT_KEYS_VERSION)
    assert full.hex() == UPSTREAM["full_payload_key"]
    assert keys.key_from_material(full) == full
    for version in (DEFAULT_VERSION, 256, 260, 0, 65535):
        seed = keys.payload_material(expanded, version)
        assert seed == full[:16]
        assert keys.key_from_material(seed) == keys.key_from_seed(seed) != full


@pytest.mark.parametrize("version", [1, 257])
def test_legacy_versions_are_refused_both_ways(version: int) -> None:
    with pytest.raises(UsageError):
        keys.check_sendable_version(version)
    with pytest.raises(WireError):
        keys.check_receivable_version(version)


@pytest.mark.parametrize("version", [-1, 65536])
def test_a_version_has_sixteen_bits(version: int) -> None:
    with pytest.raises(UsageError):
        keys.check_sendable_version(version)


# --- the chain --------------------------------------------------------------------------------------------------


def chain_by_the_book(initial_secret: bytes, public_keys: list[bytes]) -> list[bytes]:
    """Shared secrets as the reference derives them, with one multiplication per factor."""
    factors = [initial_secret]
    expanded = []
    for public_key in public_keys:
        expanded.append(keys.expand(keys.chain_exchange(factors, public_key)))
        factors.append(expanded[-1][keys.BLINDING_FACTOR])
    return expanded


@pytest.mark.parametrize("seed", range(60))
def test_one_multiplication_per_hop_equals_the_chain(seed: int) -> None:
    rng = random.Random(seed)
    public_keys = [X25519Secret.generate(rng).public for _ in range(1 + seed % 5)]
    initial_secret = rng.randbytes(32)
    material = keys.derive_key_material(initial_secret, public_keys)
    assert list(material.expanded) == chain_by_the_book(initial_secret, public_keys)
    assert material.alpha == x25519_public(initial_secret)


def test_sender_and_nodes_agree_on_every_shared_secret() -> None:
    rng = random.Random(7)
    nodes = [X25519Secret.generate(rng) for _ in range(5)]
    material = keys.derive_key_material(rng.randbytes(32), [node.public for node in nodes])
    alpha = material.alpha
    for node, expanded in zip(nodes, material.expanded, strict=True):
        assert keys.expand(node.exchange(alpha)) == expanded
        alpha = x25519_exchange(expanded[keys.BLINDING_FACTOR], alpha)


def test_a_torsion_part_of_a_public_key_changes_nothing() -> None:
    """u -> 1/u adds the point of order two: such a key must give the same secrets as the chain does."""
    prime = 2**255 - 19
    rng = random.Random(8)
    public = X25519Secret.generate(rng).public
    twin = pow(int.from_bytes(public, "little"), -1, prime).to_bytes(32, "little")
    first = rng.randbytes(32)
    honest = X25519Secret.generate(rng).public
    material = keys.derive_key_material(first, [honest, twin])
    assert list(material.expanded) == chain_by_the_book(first, [honest, twin])
    assert material.expanded == keys.derive_key_material(first, [honest, public]).expanded


@pytest.mark.parametrize("seed", range(10))
def test_the_clamped_scalar_is_the_product_up_to_sign(seed: int) -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    product = random.Random(seed).randrange(order)
    encoded = keys.clamped_equivalent(product * pow(8, -1, order) % order)
    assert encoded is not None
    scalar = int.from_bytes(encoded, "little")
    assert scalar % 8 == 0
    assert scalar >> 254 == 1
    assert scalar % order in (product, -product % order)


def test_a_product_without_a_clamped_form_falls_back_to_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    # m = 2^251 leaves m' = 2^251 + 2 (L - 2^252), and neither fits: one of the 2^-126 share.
    order = 2**252 + 27742317777372353535851937790883648493
    product = (2**254 + 8 * 2**251) % order
    assert keys.clamped_equivalent(product * pow(8, -1, order) % order) is None

    rng = random.Random(9)
    public_keys = [X25519Secret.generate(rng).public for _ in range(4)]
    initial_secret = rng.randbytes(32)
    monkeypatch.setattr(keys, "clamped_equivalent", lambda _product: None)
    material = keys.derive_key_material(initial_secret, public_keys)
    assert list(material.expanded) == chain_by_the_book(initial_secret, public_keys)


@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_low_order_node_key_is_the_directorys_fault(position: int) -> None:
    rng = random.Random(10)
    public_keys = [X25519Secret.generate(rng).public for _ in range(4)]
    public_keys[position] = bytes(32)
    with pytest.raises(WireError):
        keys.derive_key_material(rng.randbytes(32), public_keys)


def test_key_material_does_not_show_itself() -> None:
    material = keys.derive_key_material(
        random.Random(11).randbytes(32), [X25519Secret.generate(random.Random(12)).public]
    )
    assert repr(material) == "KeyMaterial(hops=1)"


def test_shared_secrets_and_alphas_equal_the_prototypes() -> None:
    case = PROTOTYPE["packet"]
    route, nodes = prototype_route(case)
    material = keys.derive_key_material(bytes.fromhex(case["initial_secret"]), [hop.sphinx_key for hop in route.hops])
    alpha = material.alpha
    for i, node in enumerate(nodes):
        assert alpha.hex() == case["alpha_at_hop"][i]
        shared = node.exchange(alpha)
        assert shared.hex() == case["shared_secrets"][i]
        assert keys.expand(shared) == material.expanded[i]
        assert material.expanded[i][keys.REPLAY_TAG].hex() == case["replay_tags"][i]
        alpha = x25519_exchange(material.expanded[i][keys.BLINDING_FACTOR], alpha)
