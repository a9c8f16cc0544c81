"""Routes with known secrets for the Sphinx tests, and the packet that the prototype vectors describe."""

import random
from typing import Any

from nymconnect.crypto import X25519Secret
from nymconnect.packet.addressing import NodeAddress
from nymconnect.packet.params import KeyRotation
from nymconnect.packet.route import Hop, Route
from tests.helpers.rust_vectors import load_file

DESTINATION = b"\xd0" * 32


def load(name: str) -> dict[str, Any]:
    return load_file(f"{name}.json")


def make_route(hops: int, seed: int = 1) -> tuple[Route, list[X25519Secret]]:
    """A route of nodes on 10.0.seed.i with IPv6 at every second hop, and its nodes' secrets."""
    rng = random.Random(seed)
    secrets = [X25519Secret.generate(rng) for _ in range(hops)]
    addresses = [NodeAddress(f"2001:db8::{i}" if i % 2 else f"10.0.{seed}.{i}", 1789 + i) for i in range(hops)]
    route_hops = tuple(Hop(address, secret.public) for address, secret in zip(addresses, secrets, strict=True))
    return Route(route_hops, tuple(1000 * i + 7 for i in range(hops)), KeyRotation.ODD), secrets


def prototype_route(case: dict[str, Any]) -> tuple[Route, list[X25519Secret]]:
    """The route of the `packet` entry of sphinx-prototype.json."""
    secrets = [X25519Secret(bytes.fromhex(text)) for text in case["node_secrets"]]
    addresses = [NodeAddress.parse(text) for text in case["node_addresses"]]
    hops = tuple(Hop(address, secret.public) for address, secret in zip(addresses, secrets, strict=True))
    return Route(hops, tuple(ms * 1_000_000 for ms in case["delays_ms"])), secrets
