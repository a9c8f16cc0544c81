"""The command line as a shell sees it: what it prints, what it returns, what it leaves behind."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_socks.sync import Proxy

from nymconnect import __version__
from nymconnect.endpoints import Endpoint
from nymconnect.runtime.program import MAIN, own_command
from nymconnect_proxy.diagnostics.fetch_through import fetch_through
from tests.helpers.command import PATIENCE, Command, Watch, children_of, environment, run
from tests.helpers.mixnet_pair import make_recipient
from tests.helpers.targets import file_server, unused_port

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes as Linux shows them")

QUIET_SOCKS = ("--socks", "127.0.0.1:0")
ADDRESS = str(make_recipient(random.Random(1)))


# --- connect ---------------------------------------------------------------------------------------------------------


def test_connect_tells_its_states_and_counters_and_leaves_at_ctrl_c(tmp_path: Path) -> None:
    with Command(tmp_path, "connect", "--json", *QUIET_SOCKS) as command:
        first = command.line()
        assert first.startswith('{"event": "state", ')
        assert json.loads(first)["state"] == "connecting"
        connected = command.event("state", state="connected")
        assert list(connected)[:7] == ["event", "state", "socks", "network", "practice", "gateway", "gateway_port"]
        assert (connected["state"], connected["network"]) == ("connected", "embedded")
        assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", connected["socks"])
        assert re.fullmatch(r"[1-9A-HJ-NP-Za-km-z]{40,44}", connected["gateway"])
        assert 0 < connected["gateway_port"] < 65536

        while (stats := command.event("stats", state="connected"))["cover_sent"] <= 50:
            pass
        assert {"streams", "queued", "in_flight"} <= stats.keys()

        children = children_of(command.pid)
        assert children.keys() == {"network", "pacer"}
        watches = [Watch(child) for child in children.values()]
        command.interrupt()
        assert command.end() == (0, "")
        assert all(watch.ended() for watch in watches)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(connected["socks"].split(":")[1])))


def test_connect_tells_a_person_that_a_practice_network_hides_nothing(tmp_path: Path) -> None:
    with Command(tmp_path, "connect", *QUIET_SOCKS) as command:
        assert command.line() == "connecting\n"
        while (line := command.line()).startswith("connecting"):  # on a slow machine it has more to say of that
            pass
        assert re.match(r"connected: SOCKS5 proxy on 127\.0\.0\.1:\d+ \(.*gives no anonymity\)\n", line)
        command.signal(signal.SIGTERM)
        assert command.end() == (0, "")


def test_the_children_end_with_their_parent_however_that_ends(tmp_path: Path) -> None:
    with Command(tmp_path, "connect", "--json", *QUIET_SOCKS) as command:
        command.event("state", state="connected")
        watches = [Watch(child) for child in children_of(command.pid).values()]
        assert len(watches) == 2
        command.signal(signal.SIGKILL)
        command.end()
        assert all(watch.ended() for watch in watches)


@contextlib.contextmanager
def open_stream(socks: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The application's socket and the target's, with half an answer said and heard."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        proxy = Proxy.from_url(f"socks5://{socks}", rdns=True)
        with proxy.connect("localhost", server.getsockname()[1], timeout=PATIENCE) as application:
            target, _ = server.accept()
            with target:
                target.settimeout(PATIENCE)
                target.sendall(b"half")
                assert application.recv(4, socket.MSG_WAITALL) == b"half"
                yield application, target


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, "network"])
def test_however_it_ends_open_streams_are_reset_at_both_sides(tmp_path: Path, end: signal.Signals | str) -> None:
    with Command(tmp_path, "connect", "--json", *QUIET_SOCKS) as command:
        socks = command.event("state", state="connected")["socks"]
        with open_stream(socks) as (application, target):
            if isinstance(end, signal.Signals):
                command.signal(end)
            else:
                os.kill(children_of(command.pid)[end], signal.SIGKILL)
            with pytest.raises(ConnectionResetError):
                application.recv(1)
            with pytest.raises(ConnectionResetError):
                target.recv(1)
        command.end()


def test_an_open_stream_outlives_the_pacer(tmp_path: Path) -> None:
    with Command(tmp_path, "connect", "--json", *QUIET_SOCKS) as command:
        socks = command.event("state", state="connected")["socks"]
        with open_stream(socks) as (application, target):
            os.kill(children_of(command.pid)["pacer"], signal.SIGKILL)
            target.sendall(b"rest")
            assert application.recv(4, socket.MSG_WAITALL) == b"rest"


def test_connect_fails_with_its_network(tmp_path: Path) -> None:
    with Command(tmp_path, "connect", "--json", *QUIET_SOCKS) as command:
        command.event("state", state="connected")
        os.kill(children_of(command.pid)["network"], signal.SIGKILL)
        assert command.event("state", state="failed")["reason"] == "the practice network has ended"
        assert command.end() == (1, "nymconnect: the practice network has ended\n")


def test_interrupted_while_it_starts_connect_leaves_nothing(tmp_path: Path) -> None:
    with Command(tmp_path, "connect", "--json", *QUIET_SOCKS) as command:
        command.event("state", state="connecting")
        command.interrupt()
        assert command.end() == (0, "")


def test_a_reader_that_goes_away_does_no_harm(tmp_path: Path) -> None:
    shell = " ".join([*own_command(), "selftest"]) + " | true; exit ${PIPESTATUS[0]}"
    ended = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, timeout=PATIENCE, env=environment(tmp_path), check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


# --- network, and a client of it -------------------------------------------------------------------------------------


async def test_a_client_attaches_to_a_network_that_runs_elsewhere(tmp_path: Path) -> None:
    with Command(tmp_path, "network", "--api", "127.0.0.1:0", "--json") as network:
        at = network.event("network")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", at["api"])
        where = ("--network", at["api"], "--requester", at["requester"])
        with Command(tmp_path, "connect", "--json", *QUIET_SOCKS, *where) as command:
            connected = await asyncio.to_thread(command.event, "state", state="connected")
            assert connected["network"] == at["api"].rstrip("/")
            host, port = connected["socks"].split(":")
            async with file_server({"/file": b"content"}) as target:
                fetched = await fetch_through(Endpoint(host, int(port)), "localhost", target, "/file", PATIENCE)
            assert fetched.body == b"content"
            assert children_of(command.pid).keys() == {"pacer"}
            command.interrupt()
            assert command.end() == (0, "")
        network.signal(signal.SIGTERM)
        assert network.end() == (0, "")


def test_strangers_who_speak_no_http_cost_one_line_without_their_address(tmp_path: Path) -> None:
    with Command(tmp_path, "network", "--api", "127.0.0.1:0", "--json") as network:
        port = int(network.event("network")["api"].rstrip("/").split(":")[2])
        for data in (b"\x00\xff\r\n\r\n", b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n", b"POST /v1 HTTP/9.9\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall(data)
                stranger.shutdown(socket.SHUT_WR)
                while stranger.recv(4096):
                    pass
        network.interrupt()
        code, complaints = network.end()
        assert code == 0
        assert complaints.count("\n") == 1
        assert "a peer sent what is no HTTP request" in complaints
        assert "127.0.0.1" not in complaints


# --- failures: one clear line ----------------------------------------------------------------------------------------


def one_line(ended: subprocess.CompletedProcess[str]) -> str:
    """What a failed command says: exit code 1 and a single line on stderr."""
    assert ended.returncode == 1, ended
    assert re.fullmatch(r"nymconnect: [^\n]+\n", ended.stderr), ended.stderr
    return ended.stderr


@pytest.mark.parametrize("arguments", [("connect", "--socks"), ("network", "--api")])
def test_a_port_in_use_is_one_clear_line(tmp_path: Path, arguments: tuple[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaint = one_line(run(tmp_path, *arguments, f"127.0.0.1:{port}"))
    assert f"cannot listen on 127.0.0.1:{port}" in complaint
    assert "another program, perhaps NymConnect itself, uses it" in complaint
    assert f"choose another port with {arguments[1]}\n" in complaint


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_directory_that_cannot_be_reached_is_one_clear_line(tmp_path: Path, as_json: tuple[str, ...]) -> None:
    recipient = "x"
    with Command(tmp_path, "network", "--api", "127.0.0.1:0", "--json") as network:
        recipient = network.event("network")["requester"]
    url = f"http://127.0.0.1:{unused_port()}/"
    ended = run(tmp_path, "connect", *as_json, *QUIET_SOCKS, "--network", url, "--requester", recipient)
    assert f"directory {url} cannot be reached: connection refused" in one_line(ended)
    if as_json:
        states = [json.loads(line)["state"] for line in ended.stdout.splitlines()]
        assert states == ["connecting", "failed", "disconnected"]
    else:
        assert ended.stdout == "connecting\nfailed\ndisconnected\n"


def test_the_address_book_is_kept_and_used(tmp_path: Path) -> None:
    assert "is empty" in run(tmp_path, "requester", "list").stdout
    assert "1 to 40 letters" in one_line(run(tmp_path, "requester", "add", "a b", ADDRESS))
    assert "IDENTITY.ENCRYPTION@GATEWAY" in one_line(run(tmp_path, "requester", "add", "home", "nonsense"))
    assert run(tmp_path, "requester", "add", "home", ADDRESS).returncode == 0
    listed = run(tmp_path, "requester", "list", "--json")
    assert json.loads(listed.stdout) == {"event": "requester", "name": "home", "address": ADDRESS}
    assert "no requester is named 'work'" in one_line(run(tmp_path, "connect", *QUIET_SOCKS, "--requester", "work"))
    assert run(tmp_path, "requester", "remove", "home").returncode == 0
    assert "no requester is named 'home'" in one_line(run(tmp_path, "requester", "remove", "home"))


def test_a_requester_says_what_it_is(tmp_path: Path) -> None:
    with Command(tmp_path, "network", "--api", "127.0.0.1:0", "--json") as network:
        found = network.event("network")
        api = ("--network", found["api"])
        listed = run(tmp_path, "requester", "list", "--directory", *api, "--json")
        assert json.loads(listed.stdout)["address"] == found["requester"]
        assert run(tmp_path, "requester", "add", "home", found["requester"]).returncode == 0
        answer = json.loads(run(tmp_path, "requester", "query", "home", *api, "--json").stdout)
        assert (answer["name"], answer["address"]) == ("home", found["requester"])
        assert (answer["software"], answer["interface"], answer["protocol"]) == ("nymconnect-requester", "3", "3")
        assert answer["open_proxy"] is False
        assert answer["policy"][-1] == "ExitPolicy reject *:*"
        page = run(tmp_path, "requester", "query", *api).stdout
        assert "requester: home" in page
        assert "\nExitPolicy accept *:443\n" in page


@pytest.mark.parametrize("text", ["[socks]\nport = 1\n", "not toml", "\x00"])
def test_a_bad_settings_file_is_one_clear_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    assert str(path) in one_line(run(tmp_path, "connect", "--settings", str(path)))


def test_a_settings_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    assert "no such settings file" in one_line(run(tmp_path, "connect", "--settings", str(tmp_path / "absent")))


def test_a_bad_exit_policy_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.txt"
    path.write_text("# mine\nExitPolicy accept *:443\nExitPolicy accept *:http\n")
    told = one_line(run(tmp_path, "network", "--api", "127.0.0.1:0", "--exit-policy", str(path)))
    assert f"{path}: exit policy, line 3: not a port: 'http'" in told


def test_a_socks_port_for_the_whole_world_is_refused(tmp_path: Path) -> None:
    assert "reachable from other machines" in one_line(run(tmp_path, "connect", "--socks", "0.0.0.0:0"))


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("frobnicate",),
        ("connect", "--frobnicate"),
        ("connect", "--socks", "nonsense"),
        ("connect", "--socks", "127.0.0.1:70000"),
        ("connect", "--network", "gopher://example/"),
        ("connect", "--requester", "no body"),
        ("requester",),
        ("requester", "add", "home"),
        ("connect", "--average-packet-delay", "soon"),
        ("network", "--mixnodes", "0"),
        ("network", "--api", "nonsense"),
        ("bench", "--megabytes", "many"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    if arguments:
        assert re.fullmatch(r"nymconnect[^\n]*; see nymconnect[^\n;]* --help\n", ended.stderr)
    else:
        assert "usage: nymconnect" in ended.stdout


# --- the rest --------------------------------------------------------------------------------------------------------


def test_selftest_passes_and_prints_what_it_measured(tmp_path: Path) -> None:
    ended = run(tmp_path, "selftest", "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    (line,) = ended.stdout.splitlines()
    assert line.startswith('{"event": "selftest", ')
    measured = json.loads(line)
    assert measured["bytes"] == 256 * 1024
    assert 0 < measured["connected_s"] < measured["first_byte_s"] < measured["complete_s"]
    assert measured["ready_s"] + measured["complete_s"] < PATIENCE
    assert measured["data_sent"] > 0


def test_version_is_told(tmp_path: Path) -> None:
    ended = run(tmp_path, "--version")
    assert (ended.returncode, ended.stdout) == (0, f"nymconnect {__version__}\n")


def test_the_installed_program_is_the_same(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("nymconnect")
    if not program.exists():
        pytest.skip("not installed in this environment")
    ended = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"nymconnect {__version__}\n")


def test_the_command_line_loads_neither_qt_nor_an_http_library(tmp_path: Path) -> None:
    probe = "import sys, nymconnect_proxy.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    ended = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, env=environment(tmp_path), check=True
    )
    loaded = set(ended.stdout.split())
    assert "nymconnect_proxy" in loaded
    assert not loaded & {"PySide6", "qasync", "aiohttp", "rbloom", "nymconnect_gui"}


# --- the current folder -----------------------------------------------------------------------------------------------


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A folder in which modules lie that have the names of ours and of others', and leave a mark when they run."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name in (
        "blake3",
        "aiohttp",
        "msgspec",
        "platformdirs",
        "cryptography",
        "nymconnect",
        "json",
        "asyncio",
        "ssl",
    ):
        mark = f"import pathlib; pathlib.Path({str(folder / (name + '.ran'))!r}).touch()\n"
        (folder / f"{name}.py").write_text(mark)
    return folder


def test_nothing_that_lies_in_the_current_folder_runs(tmp_path: Path, trapped: Path) -> None:
    with Command(tmp_path, "connect", "--json", *QUIET_SOCKS, folder=trapped) as command:
        command.event("state", state="connected")
        assert children_of(command.pid).keys() == {"network", "pacer"}
    assert list(trapped.glob("*.ran")) == []


def test_nothing_there_runs_for_a_person_who_types_python_m_either(tmp_path: Path, trapped: Path) -> None:
    for name in ("json", "asyncio", "ssl"):  # Python's own modules it loads before we can say anything
        (trapped / f"{name}.py").unlink()
    typed = [sys.executable, "-m", MAIN, "requester", "list"]
    ended = subprocess.run(
        typed, capture_output=True, text=True, timeout=PATIENCE, env=environment(tmp_path), cwd=trapped, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(trapped.glob("*.ran")) == []
