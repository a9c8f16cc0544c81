"""The option table: every way into it, and everything that is made from it."""

import argparse
import io
import os
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nymconnect.client.parameters import Downlink
from nymconnect.client.presets import PRESETS
from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.endpoints import Endpoint, Upstream
from nymconnect.errors import UserError
from nymconnect.packet.addressing import Recipient
from nymconnect.packet.params import PacketSize
from nymconnect_proxy.settings.config import OPTIONS, Settings, add_flags, read_settings, settings_from, write_settings
from nymconnect_proxy.settings.manual import manual
from nymconnect_proxy.settings.networks import NamedNetwork, OwnNetwork
from nymconnect_proxy.settings.options import Option, OptionKind, Secret, Server
from nymconnect_proxy.settings.reasons import SettingsBroken, SettingsOpenToOthers

REPOSITORY = Path(__file__).parents[4]
IDENTITY = Ed25519Secret(bytes(range(32))).public
RECIPIENT = str(Recipient(IDENTITY, X25519Secret(bytes(range(32))).public, IDENTITY))

# One value for each option that differs from its default.
OTHER = {
    "network": OwnNetwork("https://api.example.org/nym"),
    "gateway": RECIPIENT.rpartition("@")[2],
    "gateway_country": "CH",
    "requester": f"{RECIPIENT}, home",
    "requester_count": 5,
    "requester_country": "DE",
    "requester_protocol": "legacy",
    "connect_timeout": 5.0,
    "upstream": Upstream("socks5", "::1", 9050),
    "warm_up": 2.5,
    "on_demand": True,
    "idle_timeout": 20.0,
    "socks": Endpoint("::1", 0),
    "password": Secret("pass word"),
    "allow_remote": True,
    "plain_http_directory": True,
    "sender_tags": "stream",
    "early_reply": True,
    "rpc_listen": Endpoint("127.0.0.1", 8545),
    "rpc_url": Server("rpc.example", "https://user:key@rpc.example:8443/v3/abc?x=1"),
    "connection_start_surbs": 10,
    "per_request_surbs": 7,
    "preset": "wallet",
    "average_packet_delay": 0.05,
    "message_sending_average_delay": 0.004,
    "loop_cover_average_delay": 2000.0,
    "packet_size": "extended8",
    "ack_wait_multiplier": 2.0,
    "ack_wait_addition": 0.5,
    "max_retransmissions": 7,
    "log_level": "debug",
}


def option(name: str) -> Option:
    return next(row for row in OPTIONS if row.name == name)


def parse_flags(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return parser.parse_args(words)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("written", ["AB" * 32, ":".join(["ab"] * 32), " " + "ab" * 32])
def test_a_directory_with_a_fingerprint_is_one_text_however_it_is_written(written: str) -> None:
    parsed = option("network").parse(f"https://example.org/api/#{written}")
    assert parsed == OwnNetwork("https://example.org/api", "ab" * 32)


def test_a_country_is_written_in_capitals() -> None:
    assert option("requester_country").parse(" ch ") == "CH"


def test_the_defaults_are_the_documented_ones() -> None:
    settings = Settings()
    assert (settings.network, settings.preset) == (NamedNetwork.PRACTICE, "automatic")
    assert str(settings.socks) == "127.0.0.1:1080"
    assert (settings.connection_start_surbs, settings.per_request_surbs) == (20, 3)
    assert settings.traffic(own_network=True) == PRESETS["balanced"].traffic
    assert settings.traffic(own_network=False) == PRESETS["nym-compatible"].traffic


def test_every_option_appears_in_the_test_data() -> None:
    assert set(OTHER) == {row.name for row in OPTIONS}


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_every_value_reads_back_from_its_own_text(row: Option) -> None:
    assert row.parse(row.format(OTHER[row.name])) == OTHER[row.name]
    if row.default is not None:
        assert row.parse(row.format(row.default)) == row.default


@pytest.mark.parametrize("row", [row for row in OPTIONS if row.kind is not OptionKind.SECRET], ids=lambda row: row.name)
def test_every_option_is_a_flag_unless_it_is_secret(row: Option) -> None:
    settings = settings_from(parse_flags(row.flag, row.format(OTHER[row.name])))
    assert getattr(settings, row.name) == OTHER[row.name]


def test_flags_go_before_the_file_and_the_file_before_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", '[proxy]\nsocks = "127.0.0.1:9"\nper_request_surbs = 9\n')
    settings = settings_from(parse_flags("--socks", "127.0.0.1:10"), path)
    assert settings.socks.port == 10
    assert settings.per_request_surbs == 9
    assert settings.connection_start_surbs == 20


def test_a_bad_flag_is_wrong_usage() -> None:
    errors = io.StringIO()
    with redirect_stderr(errors), pytest.raises(SystemExit) as stop:
        parse_flags("--socks", "1080")
    assert stop.value.code == 2
    assert "'1080' is not of the form HOST:PORT" in errors.getvalue()


def test_flags_can_be_limited_to_sections() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, sections={"log"})
    assert parser.parse_args(["--log-level", "error"]).log_level == "error"
    with redirect_stderr(io.StringIO()), pytest.raises(SystemExit):
        parser.parse_args(["--network", "embedded"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("20ms", 0.02), ("0.5 ms", 0.0005), ("1.5s", 1.5), ("2min", 120.0), ("1 h", 3600.0)]
)
def test_durations_carry_their_unit(text: str, seconds: float) -> None:
    wide = Option("x", "traffic", OptionKind.DURATION, None, "")
    assert wide.parse(text) == seconds
    assert wide.parse(wide.format(seconds)) == seconds


@pytest.mark.parametrize(
    ("name", "raw", "complaint"),
    [
        ("average_packet_delay", "20", "not a duration"),
        ("average_packet_delay", 20, "not a duration"),
        ("average_packet_delay", "-1ms", "not a duration"),
        ("average_packet_delay", "11s", "at most 10s"),
        ("message_sending_average_delay", "0ms", "at least 1ms"),
        ("ack_wait_multiplier", "nan", "at least 1"),
        ("ack_wait_multiplier", "much", "not a number"),
        ("max_retransmissions", "1.5", "not a whole number"),
        ("max_retransmissions", -1, "at least 0"),
        ("max_retransmissions", True, "expected a count"),
        ("max_retransmissions", [1], "expected a count"),
        ("packet_size", "ack", "is not one of regular, extended8, extended16, extended32"),
        ("preset", "fastest", "is not one of automatic, nym-compatible, balanced, high, wallet, bulk, fast"),
        ("socks", "127.0.0.1:65536", "is not a port"),
        ("socks", "::1:1080", "is not of the form HOST:PORT"),
        ("socks", ":1080", "is not of the form HOST:PORT"),
        ("network", "mainet", "neither embedded nor mainnet nor a URL"),
        ("network", "ftp://example.org", "neither embedded nor mainnet"),
        ("network", "http://[", "neither embedded nor mainnet"),
        ("network", "http://example.org#" + "a" * 64, "only an https URL"),
        ("network", "https://example.org#" + "a" * 63, "64 digits and letters"),
        ("network", "https://example.org#", "64 digits and letters"),
        ("upstream", "127.0.0.1:9050", "expected socks5://HOST:PORT"),
        ("upstream", "socks5://127.0.0.1", "expected socks5://HOST:PORT"),
        ("upstream", "ftp://127.0.0.1:21", "expected socks5://HOST:PORT"),
        ("upstream", "http://127.0.0.1:99999", "expected socks5://HOST:PORT"),
        ("upstream", "http://127.0.0.1:80/path", "expected socks5://HOST:PORT"),
        ("on_demand", "maybe", "neither yes nor no"),
        ("on_demand", 1, "neither yes nor no"),
        ("gateway", "0OIl", "which never holds '0'"),
        ("gateway", "2g", "cut short or too long; paste its 43 or 44 letters and digits"),
        ("gateway_country", "Switzerland", "two letters"),
        ("gateway_country", "C1", "two letters"),
        ("requester", "some body", "IDENTITY.ENCRYPTION@GATEWAY"),
        ("requester", "", "IDENTITY.ENCRYPTION@GATEWAY"),
        ("requester", "home,", "IDENTITY.ENCRYPTION@GATEWAY"),
        ("requester", "home, home", "each of them once"),
        ("requester", "a,b,c,d,e,f,g,h,i", "at most 8"),
        ("requester", "home, directory", "does not go together"),
        ("requester_count", "0", "at least 1"),
        ("password", "", "1 to 255 bytes"),
        ("password", "p" * 256, "1 to 255 bytes"),
        ("rpc_url", "http://rpc.example/", "expected an https URL"),
        ("rpc_url", "https://", "expected an https URL"),
        ("rpc_url", "https://rpc.example:x/", "expected an https URL"),
        ("rpc_url", "https://rpc.example/#a", "expected an https URL"),
        ("rpc_url", "https://rpc.example/a b\x01", "expected an https URL"),
        ("rpc_url", 7, "expected an https URL"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_the_option(name: str, raw: object, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        option(name).parse(raw)
    assert str(caught.value).startswith(f"{name}: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60) | st.integers() | st.floats() | st.booleans())
def test_no_option_answers_anything_but_a_value_or_a_user_error(raw: object) -> None:
    for row in OPTIONS:
        try:
            row.check(row.parse(raw))
        except UserError:
            continue


# --- what is secret --------------------------------------------------------------------------------------------------


def test_a_password_has_no_flag_and_comes_from_file_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redirect_stderr(io.StringIO()), pytest.raises(SystemExit):
        parse_flags("--password", "open sesame")
    path = write(tmp_path / "settings.toml", "[proxy]\npassword = 'open sesame'\n")
    assert settings_from(parse_flags(), path).password == Secret("open sesame")
    monkeypatch.setenv("NYMCONNECT_PASSWORD", "other")
    assert settings_from(parse_flags(), path).password == Secret("other")


def test_secrets_are_shown_nowhere() -> None:
    settings = Settings(password=Secret("open sesame"), rpc_url=Server("rpc.example", "https://rpc.example/v3/key"))
    assert "sesame" not in f"{settings} {settings!r} {settings.password}"
    assert "v3" not in f"{settings.rpc_url} {settings!r}"
    with pytest.raises(UserError) as caught:
        option("password").parse(["open sesame"])
    assert "sesame" not in str(caught.value)
    with pytest.raises(UserError) as caught:
        option("rpc_url").parse("http://rpc.example/v3/secret")
    assert "secret" not in str(caught.value)


# --- the address book ------------------------------------------------------------------------------------------------


def test_the_address_book_survives_the_file_and_its_comments(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", f"[requesters]\n# my own\nhome = '{RECIPIENT}'\n")
    settings = read_settings(path)
    assert settings.address_book == (("home", RECIPIENT),)
    write_settings(path, replace(settings, address_book=(*settings.address_book, ("work", RECIPIENT))))
    assert "# my own" in path.read_text()
    assert read_settings(path).address_book == (("home", RECIPIENT), ("work", RECIPIENT))
    write_settings(path, replace(settings, address_book=()))
    assert read_settings(path).address_book == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("requesters = 7", "not a table"),
        ("[requesters]\nhome = 'nonsense'", "the requester home: "),
        ("[requesters]\nhome = 7", "the requester home: "),
        ("[requesters]\n'two words' = 'x'", "1 to 40 letters"),
        ("[requesters]\ndirectory = 'x'", "is not directory"),
    ],
)
def test_a_broken_address_book_is_a_clear_error(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read_settings(write(tmp_path / "settings.toml", text + "\n"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[nonsense]\nx = 1\n", 1),
        ("# mine\n\n[proxy]\nsocks = '127.0.0.1'\n", 4),
        ("[traffic]\npreset = 'bulk'\n[network]\nsocks = '127.0.0.1:1'\n", 4),
        ("[requesters]\n'home' = 'nonsense'\n", 2),
        ("[traffic]\naverage_packet_delay = '11s'\n", 2),
        ("proxy.socks = '127.0.0.1'\n", 1),
        ("proxy = { socks = '127.0.0.1' }\n", 0),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = write(tmp_path / "settings.toml", text)
    with pytest.raises(UserError) as refused:
        read_settings(path)
    assert isinstance(refused.value.reason, SettingsBroken)
    assert refused.value.reason.line == line
    assert str(refused.value).startswith(f"{path}, line {line}: " if line else f"{path}: ")


def test_a_mistake_of_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"settings\.toml: .*line 2"):
        read_settings(write(tmp_path / "settings.toml", "[proxy]\nsocks 1\n"))


SECRETS = [
    "[proxy]\npassword = 'p'\n",
    "[proxy]\nrpc_url = 'https://me:p@rpc.example/'\n",
    "[network]\nupstream = 'socks5://me:p@proxy.example:1'\n",
]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604])
def test_a_file_with_a_password_that_others_reach_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    path = write(tmp_path / "settings.toml", text)
    path.chmod(mode)
    with pytest.raises(UserError) as refused:
        read_settings(path)
    assert refused.value.reason == SettingsOpenToOthers(path)
    assert str(refused.value).endswith(f"close it with: chmod 600 {path}")
    path.chmod(0o600)
    assert read_settings(path) != Settings()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_a_file_that_everybody_may_write_is_refused_and_one_without_a_password_may_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", "[network]\nnetwork = 'mainnet'\n")
    path.chmod(0o664)
    assert read_settings(path).network is NamedNetwork.MAINNET
    path.chmod(0o646)
    with pytest.raises(UserError, match="can be written by other users"):
        read_settings(path)


# --- the upstream proxy and its password -----------------------------------------------------------------------------

LOGIN = "socks5://na%3Ame:p%40ss@proxy.example:9050"


def test_a_login_stands_in_the_settings_file(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", f"[network]\nupstream = '{LOGIN}'\n")
    settings = settings_from(parse_flags(), path)
    assert settings.upstream == Upstream("socks5", "proxy.example", 9050, "na:me", "p@ss")
    write_settings(path, Settings(upstream=settings.upstream, log_level="error"))
    assert read_settings(path).upstream == settings.upstream


def test_a_login_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NYMCONNECT_UPSTREAM_LOGIN", "name:p:ss")
    settings = settings_from(parse_flags("--upstream", "http://proxy.example:8080"))
    assert settings.upstream == Upstream("http", "proxy.example", 8080, "name", "p:ss")
    assert settings_from(parse_flags()).upstream is None


def test_a_login_on_the_command_line_is_refused_and_not_repeated() -> None:
    errors = io.StringIO()
    with redirect_stderr(errors), pytest.raises(SystemExit) as stop:
        parse_flags("--upstream", LOGIN)
    assert stop.value.code == 2
    assert "NYMCONNECT_UPSTREAM_LOGIN" in errors.getvalue()
    assert "ss" not in errors.getvalue().rpartition("error:")[2].replace("password", "")


def test_a_login_is_shown_nowhere() -> None:
    upstream = option("upstream").parse(LOGIN)
    assert isinstance(upstream, Upstream)
    for text in (repr(upstream), str(upstream), repr(Settings(upstream=upstream))):
        assert "p@ss" not in text
        assert "na:me" not in text


@pytest.mark.parametrize("broken", [LOGIN + "/x", LOGIN.replace("9050", "x"), LOGIN.replace("socks5", "socks9")])
def test_a_broken_upstream_is_not_repeated(broken: str) -> None:
    with pytest.raises(UserError) as caught:
        option("upstream").parse(broken)
    assert "ss@" not in str(caught.value)
    assert "p%40" not in str(caught.value)


def test_settings_made_by_code_are_checked_too() -> None:
    with pytest.raises(UserError, match="per_request_surbs: must be at most 50"):
        Settings(per_request_surbs=51)


def test_a_changed_traffic_parameter_replaces_the_presets() -> None:
    settings = Settings(preset="high", packet_size="extended8", average_packet_delay=0.07, max_retransmissions=3)
    traffic = settings.traffic(own_network=True)
    assert traffic.packet_size is PacketSize.EXTENDED8
    assert traffic.average_packet_delay == traffic.average_ack_delay == 0.07
    assert traffic.max_retransmissions == 3
    assert traffic.downlink is Downlink.GATEWAY


def test_a_rate_for_loops_brings_them_back_where_the_preset_has_none() -> None:
    assert not Settings(preset="fast").traffic(own_network=False).loop_cover
    assert Settings(preset="fast", loop_cover_average_delay=5.0).traffic(own_network=False).loop_cover


def test_a_chosen_preset_does_not_ask_whose_the_network_is() -> None:
    settings = Settings(preset="bulk")
    assert settings.chosen_preset(own_network=False) is settings.chosen_preset(own_network=True) is PRESETS["bulk"]


def test_a_settings_file_from_before_the_other_presets_still_reads(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", '[traffic]\npreset = "nym-compatible"\nmax_retransmissions = 5\n')
    traffic = read_settings(path).traffic(own_network=True)
    assert traffic == replace(PRESETS["nym-compatible"].traffic, max_retransmissions=5)


def test_an_absent_file_means_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "settings.toml") == Settings()
    (tmp_path / "in the way").touch()
    assert read_settings(tmp_path / "in the way" / "settings.toml") == Settings()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[proxy\n", "Expected"),
        ("[prxy]\n", "no section is named 'prxy'"),
        ("socks = '127.0.0.1:1'\n", "no section is named 'socks'"),
        ("[proxy]\nsock = 1\n", "section proxy has no option 'sock'"),
        ("[traffic]\nsocks = '127.0.0.1:1'\n", "section traffic has no option 'socks'"),
        ("[proxy]\nper_request_surbs = 1000\n", "per_request_surbs: must be at most 50"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path / "settings.toml", text)
    with pytest.raises(UserError) as caught:
        read_settings(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


def test_a_file_that_is_no_text_or_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    for content in (b"\xff\xfe", b"#" * 300_000):
        path.write_bytes(content)
        with pytest.raises(UserError):
            read_settings(path)
    with pytest.raises(UserError):
        read_settings(tmp_path)


def test_settings_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.toml"
    settings = Settings(**OTHER)  # type: ignore[arg-type]  # one type per key
    write_settings(path, settings)
    assert read_settings(path) == settings


def test_defaults_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    write_settings(path, Settings(log_level="error"))
    assert path.read_text() == 'version = 1\n\n[log]\nlog_level = "error"\n'


def test_comments_and_order_of_a_file_are_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path / "settings.toml",
        "# mine\n[traffic]\nmax_retransmissions = 5\n\n"
        "[proxy]  # here\n# the port of my wallet\nsocks = '127.0.0.1:9'\n",
    )
    write_settings(path, Settings(socks=Endpoint("127.0.0.1", 1080), per_request_surbs=4))
    text = path.read_text()
    assert text.startswith("# mine\nversion = 1\n\n[traffic]\n")
    assert "[proxy]  # here\n# the port of my wallet\n" in text
    assert "max_retransmissions" not in text
    assert read_settings(path) == Settings(per_request_surbs=4)


def test_a_broken_file_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", "[proxy\n")
    with pytest.raises(UserError):
        write_settings(path, Settings(log_level="error"))
    assert path.read_text() == "[proxy\n"


def test_inline_tables_and_dotted_keys_are_updated_in_place(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", "log = {log_level = 'debug'}\nproxy.per_request_surbs = 5\n")
    write_settings(path, Settings(log_level="error", connection_start_surbs=1))
    assert read_settings(path) == Settings(log_level="error", connection_start_surbs=1, per_request_surbs=3)


def test_a_file_whose_section_is_no_table_is_refused_when_written(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", "log = 1\n")
    with pytest.raises(UserError, match="no section is named 'log'"):
        write_settings(path, Settings(log_level="error"))


def test_the_manual_is_current() -> None:
    written = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == manual(), "run `make docs`"


def test_the_manual_describes_every_option() -> None:
    assert all(f"| `{row.name}` |" in manual() for row in OPTIONS)
    assert all(row.help.endswith(".") for row in OPTIONS)
