"""The gateway's table of clients."""

from dataclasses import replace

import msgspec
import pytest

from nymconnect.link.gateway.bandwidth import Registration
from nymconnect.node.gateway.mailbox import Mailbox
from nymconnect.node.gateway.registry import ClientRegistry, StoredRegistry


def identity(number: int) -> bytes:
    return number.to_bytes(32, "big")


def registration(number: int = 0) -> Registration:
    return Registration(bytes([number]) * 32, last_timestamp=number)


def test_registry_keeps_and_forgets_with_the_mailbox() -> None:
    mailbox = Mailbox()
    registry = ClientRegistry(mailbox)
    assert registry.get(identity(1)) is None
    registry.put(identity(1), registration(7))
    mailbox.store(identity(1), b"x", 0.0)
    assert registry.get(identity(1)) == registration(7)
    registry.remove(identity(1))
    assert registry.get(identity(1)) is None
    assert len(mailbox) == 0


def test_online_is_what_the_gateway_says() -> None:
    registry = ClientRegistry(Mailbox())
    assert not registry.is_online(identity(1))
    registry.online.add(identity(1))
    assert registry.is_online(identity(1))


def test_a_new_key_and_a_removal_are_news_and_spent_bandwidth_is_not() -> None:
    news: list[int] = []
    registry = ClientRegistry(Mailbox(), on_news=lambda: news.append(1))
    counts = []
    for known in (registration(7), replace(registration(7), available=5), registration(8)):
        registry.put(identity(1), known)
        counts.append(len(news))
    registry.remove(identity(1))
    assert [*counts, len(news)] == [1, 1, 2, 3]


def test_full_registry_gives_up_the_client_silent_the_longest_that_is_not_online() -> None:
    registry = ClientRegistry(Mailbox(), max_clients=3)
    for number in (1, 2, 3):
        registry.put(identity(number), registration())
    registry.put(identity(1), registration())  # heard of again
    registry.online.add(identity(2))
    registry.put(identity(4), registration())
    assert [registry.get(identity(number)) is not None for number in (1, 2, 3, 4)] == [True, True, False, True]
    assert len(registry) == 3


def test_changes_are_given_once_the_client_heard_of_last_at_the_end() -> None:
    registry = ClientRegistry(Mailbox())
    for number in (3, 1, 2, 3, 4):
        registry.put(identity(number), Registration(bytes([number]) * 32, number, 2**61, 20_000))
    registry.remove(identity(4))
    changes = registry.take_changes()
    assert [row.last_timestamp for row in changes.kept] == [1, 2, 3]
    assert changes.removed == (identity(4),)
    assert not registry.take_changes()
    restored = ClientRegistry(Mailbox())
    restored.load(changes.kept)
    assert [restored.get(identity(number)) for number in (1, 2, 3)] == [
        registry.get(identity(number)) for number in (1, 2, 3)
    ]
    assert not restored.take_changes()


def test_changes_that_could_not_be_written_are_given_again() -> None:
    registry = ClientRegistry(Mailbox())
    registry.put(identity(1), registration(1))
    registry.put(identity(2), registration(2))
    lost = registry.take_changes()
    registry.put(identity(1), registration(3))
    registry.give_back(lost)
    assert [row.last_timestamp for row in registry.take_changes().kept] == [2, 3]


def test_a_client_that_gave_its_place_up_is_removed_from_disk_too() -> None:
    registry = ClientRegistry(Mailbox(), max_clients=1)
    registry.put(identity(1), registration())
    registry.take_changes()
    registry.put(identity(2), registration())
    assert registry.take_changes().removed == (identity(1),)


def test_what_cannot_be_written_stays_within_a_bound() -> None:
    registry = ClientRegistry(Mailbox(), max_clients=3)
    for number in range(50):
        registry.put(identity(number), registration())
        registry.give_back(registry.take_changes())
    changes = registry.take_changes()
    assert len(changes.kept) + len(changes.removed) <= 6
    assert len(changes.kept) == 3


def test_loading_does_not_overwrite_what_is_known_and_keeps_the_bound() -> None:
    source = ClientRegistry(Mailbox())
    for number in range(5):
        source.put(identity(number), registration(1))
    registry = ClientRegistry(Mailbox(), max_clients=3)
    registry.put(identity(4), registration(9))
    registry.load(source.take_changes().kept)
    assert registry.get(identity(4)) == registration(9)
    assert len(registry) == 3


@pytest.mark.parametrize("length", [0, 31, 33])
def test_file_with_a_key_of_wrong_length_is_refused(length: int) -> None:
    row = {"identity": bytes(32), "shared_key": bytes(length), "last_timestamp": 0, "available": 0, "expires_day": 0}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(msgspec.to_builtins({"clients": [row]}), StoredRegistry)


def test_repr_of_stored_clients_shows_no_key() -> None:
    registry = ClientRegistry(Mailbox())
    registry.put(identity(1), Registration(b"\xab" * 32))
    assert repr(b"\xab" * 32) not in repr(registry.take_changes())
