"""What a client keeps on disk: whole or not at all, private, and no more than it needs."""

import json
import os
import random
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nymconnect.client.gateway import profile as profile_module
from nymconnect.client.gateway.keys import ClientKeys
from nymconnect.client.gateway.profile import MAXIMUM_REPLY_AGE, Profile, ProfileStore, StoredClient, directory_name
from nymconnect.client.surbs.issued import IssuedKey
from nymconnect.errors import UserError
from nymconnect.packet.addressing import Recipient
from nymconnect.reasons import KeysLost, RepliesLost
from tests.helpers.networks import known_network

NOW = 1_800_000_000.0
GATEWAY = known_network().gateways[0].identity
HOLDER = Recipient(GATEWAY, b"e" * 32, GATEWAY)


def made(*ages: float) -> Profile:
    rng = random.Random(4)
    keys = ClientKeys.generate(rng)
    keys.shared_key, keys.last_timestamp = rng.randbytes(32), int(NOW)
    return Profile(keys, GATEWAY, tuple(IssuedKey(rng.randbytes(16), HOLDER, age) for age in ages))


def store(path: Path) -> ProfileStore:
    opened = ProfileStore(path, "mainnet")
    assert opened.open()
    return opened


@pytest.fixture
def saved(tmp_path: Path) -> ProfileStore:
    files = store(tmp_path)
    files.save(made(10.0, 20.0), NOW)
    return files


def same(one: ClientKeys, other: ClientKeys) -> bool:
    def values(keys: ClientKeys) -> tuple[object, ...]:
        secrets = keys.identity.to_bytes(), keys.encryption.to_bytes()
        return (*secrets, keys.ack, keys.shared_key, keys.last_timestamp)

    return values(one) == values(other)


def test_a_new_profile_is_empty_and_says_nothing(tmp_path: Path) -> None:
    files = store(tmp_path)
    assert files.load(NOW) is None
    assert files.notice is None


def test_what_is_saved_reads_back_older(saved: ProfileStore) -> None:
    profile, before = saved.load(NOW + 5.0), made(10.0, 20.0)
    assert profile is not None
    assert profile.gateway == GATEWAY
    assert same(profile.keys, before.keys)
    assert [(each.key, each.given_to) for each in profile.issued] == [(each.key, HOLDER) for each in before.issued]
    assert [each.age for each in profile.issued] == [15.0, 25.0]
    assert saved.notice is None


def test_a_client_without_registration_is_kept_too(tmp_path: Path) -> None:
    files, profile = store(tmp_path), made()
    profile.keys.shared_key = None
    files.save(profile, NOW)
    loaded = files.load(NOW)
    assert loaded is not None
    assert loaded.keys.shared_key is None


def test_reply_keys_that_are_too_old_are_left_out(tmp_path: Path) -> None:
    files = store(tmp_path)
    files.save(made(0.0, 3600.0), NOW)
    loaded = files.load(NOW + MAXIMUM_REPLY_AGE - 1800.0)
    assert loaded is not None
    assert [each.age for each in loaded.issued] == [MAXIMUM_REPLY_AGE - 1800.0]


def test_a_clock_that_was_ahead_makes_no_negative_age(saved: ProfileStore) -> None:
    loaded = saved.load(NOW - 1000.0)
    assert loaded is not None
    assert {each.age for each in loaded.issued} == {0.0}


def test_replies_of_another_client_are_not_taken(tmp_path: Path) -> None:
    files = store(tmp_path)
    files.save(made(1.0), NOW)
    other = replace(made(), keys=ClientKeys.generate(random.Random(5)))
    text = (files.directory / "replies.json").read_bytes()
    files.save(other, NOW)
    (files.directory / "replies.json").write_bytes(text)
    loaded = files.load(NOW)
    assert loaded is not None
    assert loaded.issued == ()


@pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")
def test_everything_is_private(saved: ProfileStore) -> None:
    for directory in (saved.directory, saved.directory.parent, saved.directory.parent.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in saved.directory.iterdir()} == {0o600}


def edited(path: Path, change: dict[str, Any]) -> None:
    document = json.loads(path.read_text())
    document["content"] |= change
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [{"identity": "AAAA"}, {"gateway": 5}, {"last_timestamp": -1}, {"ack": None}, {"more": 1}, {"shared_key": "%"}],
)
def test_a_corrupt_client_is_set_aside_and_told(saved: ProfileStore, change: dict[str, Any]) -> None:
    edited(saved.directory / "client.json", change)
    assert saved.load(NOW) is None
    assert saved.notice == KeysLost()
    names = [path.name for path in saved.directory.iterdir()]
    assert "client.json" not in names
    assert any(name.startswith("client.json.corrupt-") for name in names)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[]", b'{"version": 0, "content": {}}'])
def test_garbage_is_set_aside_too(saved: ProfileStore, text: bytes) -> None:
    (saved.directory / "client.json").write_bytes(text)
    assert saved.load(NOW) is None
    assert saved.notice == KeysLost()


@pytest.mark.parametrize("given", [{"nobody": []}, {str(HOLDER): [["AAAA", 1]]}, {str(HOLDER): [[1]]}, 7])
def test_corrupt_replies_are_lost_but_not_the_client(saved: ProfileStore, given: object) -> None:
    edited(saved.directory / "replies.json", {"given": given})
    loaded = saved.load(NOW)
    assert loaded is not None
    assert loaded.issued == ()
    assert not (saved.directory / "replies.json").exists()
    assert saved.notice == RepliesLost()


def test_an_older_version_migrates(saved: ProfileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(content: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in content.items() if name != "old"} | {"ack": content["old"]}

    path = saved.directory / "client.json"
    document = json.loads(path.read_text())
    assert document["version"] == 1
    document["content"]["old"] = document["content"].pop("ack")
    path.write_text(json.dumps(document))
    monkeypatch.setattr(profile_module, "CLIENT_MIGRATIONS", (rename,))
    saved.close()
    newer = store(tmp_path)
    loaded = newer.load(NOW)
    assert loaded is not None
    assert same(loaded.keys, made().keys)
    newer.save(loaded, NOW)
    assert json.loads(path.read_text())["version"] == 2


def test_a_file_from_the_future_is_not_touched(saved: ProfileStore) -> None:
    path = saved.directory / "client.json"
    text = path.read_text().replace('"version": 1', '"version": 9')
    path.write_text(text)
    with pytest.raises(UserError, match="newer version"):
        saved.load(NOW)
    assert path.read_text() == text


def test_two_sessions_do_not_share_a_profile(tmp_path: Path) -> None:
    first, second = ProfileStore(tmp_path, "mainnet"), ProfileStore(tmp_path, "mainnet")
    assert first.open()
    assert not second.open()
    first.close()
    assert second.open()
    second.close()


def test_networks_have_directories_of_their_own(tmp_path: Path) -> None:
    names = [directory_name(network) for network in ("mainnet", "https://a.example/api", "https://b.example/api")]
    assert len(set(names)) == 3
    assert all(name.replace("-", "").isalnum() for name in names)


def test_secrets_are_not_shown() -> None:
    secret = b"\xab" * 32
    stored = StoredClient(secret, secret, secret, secret[:16], secret, 5)
    assert "ab" not in repr(stored).lower()
    assert "\\x" not in repr(made(1.0).keys)
    assert "IssuedKey(given_to=" in repr(made(1.0).issued)


@pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")
@pytest.mark.parametrize("name", ["client.json", "replies.json"])
@pytest.mark.parametrize("bits", [0o666, 0o640, 0o602])
def test_a_file_of_keys_that_others_can_reach_is_refused_and_stays(saved: ProfileStore, name: str, bits: int) -> None:
    path = saved.directory / name
    before = path.read_bytes()
    path.chmod(bits)
    with pytest.raises(UserError, match=f"{name} is open to other users"):
        saved.load(NOW)
    assert path.read_bytes() == before
