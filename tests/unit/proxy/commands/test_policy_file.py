"""An exit policy in a file: read whole, or refused with its name and the line that is wrong."""

from pathlib import Path

import pytest

from nymconnect.errors import UserError
from nymconnect_proxy.commands.network import MAX_POLICY, read_policy


def test_a_policy_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    path.write_text("# only mail\r\nExitPolicy accept *:993  # IMAP\r\n\r\nExitPolicy reject *:*\r\n", encoding="utf-8")
    assert str(read_policy(path)) == "ExitPolicy accept *:993\nExitPolicy reject *:*\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"ExitPolicy accept *:80\nExitPolicy accept *:http\n", "exit policy, line 2: not a port"),
        (b"ExitPolicy accept *:80\n\n# caf\xe9\n", "exit policy, line 3: not UTF-8"),
        (b"\xff\xfeE\x00x\x00", "exit policy, line 1: not UTF-8"),
        (b"\x00" * 10, "exit policy, line 1: expected"),
        (b"ExitPolicy accept *:80\n" * 20_000, "exit policy, line 10001: more than 10000 rules"),
        (b"#" * (MAX_POLICY + 1), "an exit policy has at most 1024 KiB"),
    ],
    ids=["port", "Latin-1", "UTF-16", "zeros", "rules", "size"],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "policy.txt"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_policy(path)
    assert str(caught.value).startswith(f"{path}: {complaint}")


@pytest.mark.parametrize("name", ["absent.txt", "."])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_policy(tmp_path / name)
