"""What may be typed into each field, and the one sentence when it may not."""

import pytest

from nymconnect_gui.model import fields
from tests.helpers.typed import KEY, RECIPIENT

BOOK = (("home", RECIPIENT),)


def one_sentence(text: str) -> bool:
    return text.endswith(".") and text[0].isupper() and "\n" not in text and len(text) < 120


@pytest.mark.parametrize("text", ["https://mixnet.example.org/api", "http://127.0.0.1:8081", " https://a.b "])
def test_a_directory(text: str) -> None:
    assert fields.directory_url(text) == ""


@pytest.mark.parametrize(
    "text", ["", "mainnet", "embedded", "example.org", "ftp://example.org", "https://", "http://a:0"]
)
def test_what_is_no_directory(text: str) -> None:
    assert one_sentence(fields.directory_url(text))


def test_a_gateway() -> None:
    assert fields.gateway(f" {KEY} ") == ""


@pytest.mark.parametrize("text", ["", "short", KEY[:-4], KEY + "zzzz", "0" * 44, RECIPIENT])
def test_what_is_no_gateway(text: str) -> None:
    assert one_sentence(fields.gateway(text))


@pytest.mark.parametrize("text", ["home", RECIPIENT, " home "])
def test_exits(text: str) -> None:
    assert fields.requesters(text, BOOK) == ""


@pytest.mark.parametrize(
    "text",
    ["", ",", "away", "home, home", "home, directory", RECIPIENT[:-5], KEY, "a b", ", ".join(["home"] * 9), "x" * 500],
)
def test_what_are_no_exits(text: str) -> None:
    problem = fields.requesters(text, BOOK)
    assert one_sentence(problem)
    assert RECIPIENT[:-5] not in problem


@pytest.mark.parametrize("text", ["1080", " 65535 ", "1024"])
def test_a_port(text: str) -> None:
    assert fields.port(text) == ""


@pytest.mark.parametrize("text", ["", "0", "80", "65536", "-1", "10 80", "1e3", "９", "1" * 60])
def test_what_is_no_port(text: str) -> None:
    assert one_sentence(fields.port(text))


@pytest.mark.parametrize(
    ("text", "remote", "good"),
    [
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("192.168.1.5", False, False),
        ("192.168.1.5", True, True),
        ("0.0.0.0", False, False),
        ("localhost", True, False),
        ("", False, False),
    ],
)
def test_where_to_listen(text: str, remote: bool, good: bool) -> None:
    problem = fields.listen_host(text, allow_remote=remote)
    assert (problem == "") is good
    assert good or one_sentence(problem)


@pytest.mark.parametrize("text", ["", "socks5://127.0.0.1:9050", "http://proxy.example.org:3128"])
def test_an_upstream_proxy(text: str) -> None:
    assert fields.upstream(text) == ""


@pytest.mark.parametrize(
    "text", ["127.0.0.1:9050", "socks5://127.0.0.1", "https://a:1", "socks5://a:b@c:1", "socks5://a:1/x"]
)
def test_what_is_no_upstream_proxy(text: str) -> None:
    assert one_sentence(fields.upstream(text))


def test_a_password_has_bounds() -> None:
    assert fields.password("") == fields.password("ä" * 100) == ""
    assert one_sentence(fields.password("x" * 256))


@pytest.mark.parametrize(("text", "good"), [("", True), ("CH", True), ("de", True), ("XX", False), ("Schweiz", False)])
def test_countries(text: str, good: bool) -> None:
    assert (fields.country(text) == "") is good
