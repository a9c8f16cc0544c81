"""Mutations of the recorded inputs go to our decoders and to those of the published crates: both must read the same.

The crates of each line answer through their generator's `fuzz` mode (`make -C tests/vectors build` builds it).
NYMCONNECT_FUZZ_SEED, NYMCONNECT_FUZZ_COUNT (mutations per decoder) and NYMCONNECT_LINES
choose another run than the usual one.
"""

import hashlib
import json
import os
import random
import re
import subprocess
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from nymconnect.crypto import is_ed25519_point
from nymconnect.directory.assembly import is_host
from nymconnect.errors import WireError
from nymconnect.link.gateway.messages import CURRENT_VERSION, LOWEST_VERSION
from nymconnect.packet.framing import FRAME_V7
from nymconnect.packet.params import PacketSize
from nymconnect.packet.route import MAX_HOPS
from nymconnect.packet.sphinx.keys import is_legacy
from tests.helpers.mutations import mutate_bytes, mutate_json
from tests.helpers.rust_vectors import LINES, NEW, OLD
from tests.interop.fuzz_decoders import DECODERS
from tests.interop.fuzz_documents import Document
from tests.interop.fuzz_sources import ZERO_POINT, Source, seal_routing, sources

BUILT = Path.home() / ".cache/nymconnect/rust-target/debug"
GENERATORS = {
    OLD: os.environ.get("NYMCONNECT_VECTORS", str(BUILT / "nymconnect-vectors")),
    NEW: os.environ.get("NYMCONNECT_VECTORS_2", str(BUILT / "nymconnect-vectors-2")),
}
CHOSEN = os.environ.get("NYMCONNECT_LINES", " ".join(LINES)).split()
SEED = os.environ.get("NYMCONNECT_FUZZ_SEED", "1")
COUNT = int(os.environ.get("NYMCONNECT_FUZZ_COUNT", "300"))
SHOWN = 12
REFUSED = None


@dataclass(frozen=True)
class Case:
    """One input, before and after it was sealed, and what each side read: None where it refused."""

    line: str
    source: Source
    plain: bytes
    data: bytes
    ours: Any = REFUSED
    theirs: Any = REFUSED

    @property
    def we_refuse(self) -> bool:
        return self.ours is REFUSED and self.theirs is not REFUSED

    @property
    def we_take(self) -> bool:
        return self.ours is not REFUSED and self.theirs is REFUSED

    def __str__(self) -> str:
        shown = self.plain[:300] if self.source.mutate is not mutate_bytes else self.data[:120].hex()
        return f"{shown!r}\n    ours   {str(self.ours)[:300]}\n    theirs {str(self.theirs)[:300]}"


def cases_of(name: str, line: str) -> list[Case]:
    rng = random.Random(f"{SEED}/{name}")
    members = sources()[name]
    cases = []
    for number in range(COUNT):
        source = members[number % len(members)]
        plain = source.mutate(rng, source.seeds)
        data = source.seal(plain)
        cases.append(Case(line, source, plain, data, read(DECODERS[name], data)))
    theirs = ask_the_crates(GENERATORS[line], name, [case.data for case in cases])
    return [replace(case, theirs=answer) for case, answer in zip(cases, theirs, strict=True)]


def read(decode: Callable[[bytes], Any], data: bytes) -> Any:
    """What we read, as JSON would carry it. Any exception but WireError fails the test."""
    try:
        return json.loads(json.dumps(decode(data)))
    except WireError:
        return REFUSED


def ask_the_crates(generator: str, name: str, inputs: list[bytes]) -> list[Any]:
    if not Path(generator).exists():
        pytest.fail(f"{generator} is missing; make -C tests/vectors build makes it")
    lines = "".join(f"{name} {data.hex()}\n" for data in inputs)
    done = subprocess.run([generator, "fuzz"], input=lines, capture_output=True, text=True, check=True, timeout=300)
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    return [REFUSED if answer is None else answer["value"] for answer in answers]


Rule = tuple[Set[str], Callable[[Case], bool], str]

# --- where we differ on purpose ---------------------------------------------------------------------------------


def json_rule(names: Set[str], applies: Callable[[Case, Document], bool], rule: str) -> Rule:
    def check(case: Case) -> bool:
        return case.source.mutate is mutate_json and applies(case, Document(case.plain, case.source.seeds))

    return names, check, rule


def rest_of_stream(case: Case) -> bytes:
    """What follows the frames that both sides have found."""
    rest = case.data
    for _ in case.ours["frames"]:
        rest = rest[(3 if rest[0] == FRAME_V7 else 4) + PacketSize.from_tag(rest[1]).packet :]
    return rest


def has_an_outfox_header(frame: bytes) -> bool:
    return frame[1:2] in OUTFOX_SIZES or frame[2:3] == OUTFOX


def follows_the_terminator(case: Case) -> bool:
    return case.we_refuse and not case.data.rstrip(b"\0").endswith(b"\x01")


def starts_with_batch(case: Case) -> bool:
    return case.data[:1] == b"\x01" and case.data[17:18] in (b"\x03", b"\x04", b"\x05")


def impossible_id(theirs: Any) -> bool:
    """Whether an ack names a fragment that no client sends."""
    if not isinstance(theirs, str) or theirs == "cover":
        return False
    set_id, position = int.from_bytes(bytes.fromhex(theirs[:8]), "big", signed=True), int(theirs[8:], 16)
    return set_id < 0 or (set_id == 0) != (position == 0)


def is_outfox(plain: bytes, case: Case) -> bool:
    hop = len(bytes.fromhex(case.theirs["next_hop"]))
    return plain[:1] == OUTFOX or not any(len(plain) - hop - n in PACKET_LENGTHS for n in (1, 2))


ROLES = ("EntryGateway", "ExitGateway", "Standby", "Inactive", "entry", "gateway", "exit")
DECLARED = {"mixnode", "entry", "exit_nr", "exit_ipr"}


def rows(document: Document) -> list[dict[str, Any]]:
    """The skimmed rows of a page of either kind."""
    return document.objects_at("/nodes/data/*/basic") or document.objects_at("/nodes/data/*")


def entries(document: Document) -> list[dict[str, Any]]:
    return [row["entry"] for row in rows(document) if isinstance(row.get("entry"), dict)]


def port_ranges(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return re.findall(r":(\d+)-(\d+)$", str(answer.get("policy") or ""), re.MULTILINE)


def base64_texts(document: Document) -> list[str]:
    return [
        text for name in ("nonce", "addressCiphertext") for text in document.at(f"/{name}") if isinstance(text, str)
    ]


def is_no_host(name: Any) -> bool:
    return isinstance(name, str) and name != "" and not is_host(name)


def has_a_known_role(row: dict[str, Any]) -> bool:
    role = row.get("role", row.get("epoch_role"))
    return role in ROLES if isinstance(role, str) else isinstance(role, dict) and set(role) == {"Mixnode"}


DEEP = b"[" * 100
NOTHING = hashlib.sha256(b"").hexdigest()
FRAME_V8_HEADER = 4
PACKET_LENGTHS = {size.packet for size in PacketSize}
MESSAGE_LENGTHS = {size.message for size in PacketSize}
V1_CONTENTS = (0, 1, 2)
DATE_SEPARATORS = ("T", "t", " ")
OUTFOX = b"\x02"
OUTFOX_SIZES = (b"\x06", b"\x07")
JSON = {name for name, members in sources().items() if any(s.mutate is mutate_json for s in members)}
PAGES = {"node_list", "semi_skimmed_list"}
REFUSED_KINDS = {"EcashCredential", "UpgradeModeJWT", "Authenticate", "BandwidthCredential", "BandwidthCredentialV2"}

# Names of the decoders, whether a case is one of these, our rule.
RULES: list[Rule] = [
    (
        {"sphinx_packet"},
        lambda c: c.we_take and c.source.seal is seal_routing and c.plain[1] != 0,
        "the byte above the version is not looked at (nor is it in releases of the crate; here it is built for tests)",
    ),
    (
        {"sphinx_packet"},
        lambda c: c.we_refuse and is_legacy(c.theirs["version"]),
        "versions 1 and 257 are not relayed",
    ),
    (
        {"sphinx_packet", "content", "handshake_opening"},
        lambda c: c.we_refuse and ZERO_POINT in (c.data[:32], c.data[32:64]),
        "X25519 keys of low order are refused",
    ),
    ({"surb"}, lambda c: c.we_refuse and c.theirs["materials"] > MAX_HOPS, "a SURB has one to five key materials"),
    (
        {"surb"},
        lambda c: c.line == NEW and c.we_take and not c.ours["seeds"],
        "SURBs with full keys are still read",
    ),
    (
        {"message"},
        lambda c: c.line == NEW and c.we_take and c.data[:1] == b"\x01" and c.data[17] in V1_CONTENTS,
        "messages with batches V1 are still read",
    ),
    ({"message"}, follows_the_terminator, "only zeros follow the terminator of a message"),
    (
        {"message"},
        lambda c: c.we_refuse and c.theirs["kind"] in ("additional", "heartbeat"),
        "nothing follows a batch of SURBs that carries no data",
    ),
    (
        {"message"},
        lambda c: c.we_refuse and starts_with_batch(c) and not 1 <= c.data[20] <= MAX_HOPS,
        "the hop count of a batch V2 is one to five",
    ),
    (
        {"fragment"},
        lambda c: c.we_refuse and c.theirs["payload"] == NOTHING,
        "a fragment has at least one byte of payload",
    ),
    (
        {"ack", "content"},
        lambda c: c.we_refuse and impossible_id(c.theirs),
        "set ids are positive, and 0 only with position 0",
    ),
    ({"content"}, lambda c: c.we_refuse and len(c.data) not in MESSAGE_LENGTHS, "pushed content fills its size class"),
    ({"frames"}, lambda c: c.ours["error"] and has_an_outfox_header(rest_of_stream(c)), "Outfox is refused"),
    (
        {"frames"},
        lambda c: (
            c.ours["frames"] == c.theirs["frames"] and c.ours["error"] and len(rest_of_stream(c)) < FRAME_V8_HEADER
        ),
        "a bad header is refused at its first bad byte",
    ),
    ({"mix_packet_v1", "mix_packet_v2"}, lambda c: c.we_refuse and is_outfox(c.data, c), "Outfox is refused"),
    ({"forward_frame"}, lambda c: c.we_refuse and is_outfox(c.plain[2:], c), "Outfox is refused"),
    ({"push_frame", "forward_frame"}, lambda c: c.we_refuse and c.data[1] == 0, "binary frames are always sealed"),
    (
        {"socks5_request"},
        lambda c: c.we_refuse and c.theirs["kind"] == "control" and len(c.data) > 3,
        "nothing follows a control request",
    ),
    (
        {"socks5_response"},
        lambda c: c.we_refuse and c.theirs == {"kind": "health"} and len(c.data) > 3,
        "nothing follows a Health response",
    ),
    (
        {"sealed_request", "sealed_response"},
        lambda c: c.we_take and next(iter(c.ours)) in ("PaceDelivery", "PaceDeliveryAck"),
        "deliveries at a constant rate can be asked for",
    ),
    (
        {"socks5_request", "socks5_response"},
        lambda c: c.we_take and c.ours["kind"] in ("pace", "paced", "credit"),
        "answers at a constant rate can be asked for, and streams told to wait",
    ),
    (
        {"policy_text"},
        lambda c: c.we_take and re.search(r"[^\S \n]|  ", c.data.decode(errors="replace")) is not None,
        "the words of a line stand apart by any white space",
    ),
    (
        {"socks5_response"},
        lambda c: c.we_refuse and any(int(low) > int(high) for low, high in port_ranges(c.theirs)),
        "a range of ports runs upwards",
    ),
    (
        {"policy_text"},
        lambda c: c.we_refuse and re.search(rb"ExitPolicy\S", c.data) is not None,
        "the keyword stands apart from the action",
    ),
    (
        {"policy_text"},
        lambda c: c.we_refuse and re.search(rb"[:-]\+[0-9]", c.data) is not None,
        "numbers are digits only",
    ),
    json_rule(JSON, lambda c, d: c.we_take and d.repeats, "of a repeated JSON member the last one counts"),
    json_rule(
        JSON, lambda c, d: c.we_refuse and d.has_an_array_for_an_object, "JSON objects are not written as arrays"
    ),
    json_rule(JSON, lambda c, d: c.we_take and d.minus_zero, "the JSON number -0 is 0"),
    json_rule(
        JSON, lambda c, d: c.we_take and (d.huge or DEEP in c.plain), "members that we do not know are skipped unread"
    ),
    json_rule(
        JSON, lambda c, d: c.we_refuse and b"\\ud800" in c.plain, "half a surrogate pair is refused anywhere in a text"
    ),
    json_rule(
        {"client_text"},
        lambda c, d: c.we_take and c.ours["kind"] in REFUSED_KINDS,
        "requests that are refused anyway are told by their type alone",
    ),
    json_rule(
        {"client_text"},
        lambda c, d: c.line == NEW and c.we_refuse and any(len(text) % 4 for text in base64_texts(d)),
        "base64 is padded",
    ),
    json_rule(
        {"client_text", "server_text"},
        lambda c, d: c.we_take and c.ours.get("kind") == "handshake" and c.ours["data"] == "" and not d.at("/data"),
        "a handshake without data has empty data, and fails by its length",
    ),
    json_rule(
        {"server_text"},
        lambda c, d: c.we_take and c.ours.get("type") == "typedError" and isinstance(c.ours["error"], str),
        "a typed error that we do not know is kept as text",
    ),
    json_rule(
        {"socks5_response"},
        lambda c, d: c.we_take and "unknown" in c.ours.get("info", {}).get("build_information", {}).values(),
        "what BinaryInfo leaves out is unknown",
    ),
    json_rule(
        {"key_rotation_info"},
        lambda c, d: c.we_refuse and any(n >= 10**9 for n in d.at("/epoch_duration/nanos")),
        "nanos are below a second",
    ),
    json_rule(
        {"key_rotation_info"},
        lambda c, d: c.we_take and any(set(span) - {"secs", "nanos"} for span in d.objects_at("/epoch_duration")),
        "members that we do not know are ignored everywhere",
    ),
    json_rule(
        {"key_rotation_info"},
        lambda c, d: c.we_refuse and c.theirs["validity"] == 0,
        "a key rotation lasts at least one epoch",
    ),
    json_rule(JSON, lambda c, d: c.we_refuse and d.beyond_i64, "numbers end at 2⁶³−1"),
    json_rule(
        PAGES,
        lambda c, d: c.we_take and any(not is_ed25519_point(bytes.fromhex(row["identity"])) for row in c.ours["rows"]),
        "whether an identity is a curve point shows when its owner proves it",
    ),
    json_rule(
        {"client_text"},
        lambda c, d: c.we_take and "identity" in c.ours and not is_ed25519_point(bytes.fromhex(c.ours["identity"])),
        "whether an identity is a curve point shows when its owner proves it",
    ),
    json_rule(
        PAGES,
        lambda c, d: c.we_refuse and any(not row.get("ip_addresses") or not row.get("mix_port") for row in rows(d)),
        "a row without an address or a port is left out",
    ),
    json_rule(
        PAGES,
        lambda c, d: c.we_refuse and any(is_no_host(entry.get("hostname")) for entry in entries(d)),
        "a row whose host name is none is left out",
    ),
    json_rule(
        {"key_rotation_info"},
        lambda c, d: (
            c.we_refuse and any(str(start)[10:11] not in DATE_SEPARATORS for start in d.at("/current_epoch_start"))
        ),
        "a date and a time stand apart by T or a space",
    ),
    json_rule(
        PAGES,
        lambda c, d: c.we_refuse and any("+" in str(row.get("performance")) for row in rows(d)),
        "numbers are digits only",
    ),
    json_rule(
        PAGES,
        lambda c, d: c.we_take and any(not has_a_known_role(row) for row in rows(d)),
        "the role of a row is for people and not looked at",
    ),
    json_rule(
        PAGES,
        lambda c, d: c.we_take and any(not set(row.get("supported_roles", DECLARED)) >= DECLARED for row in rows(d)),
        "a role that a row leaves out is not declared",
    ),
    json_rule(
        PAGES,
        lambda c, d: c.we_take and any(each not in (None, "no-updates") for each in d.at("/metadata/status")),
        "the status of a list is only compared with that of its next page",
    ),
    json_rule(
        PAGES,
        lambda c, d: c.we_take and not d.at("/metadata/refreshed_at"),
        "the time at which a list was made is not looked at",
    ),
    json_rule(
        {"semi_skimmed_list"},
        lambda c, d: 0 in d.at("/nodes/data/*/x25519_noise_versioned_key/supported_version"),
        "a Noise key of version 0 is not used",
    ),
    json_rule(
        {"server_text"},
        lambda c, d: c.we_take and any(set(each) - {"out_of_bandwidth"} for each in d.objects_at("/error")),
        "members that we do not know are ignored everywhere",
    ),
    (
        {"authentication"},
        lambda c: c.we_refuse and not LOWEST_VERSION <= c.theirs["version"] <= CURRENT_VERSION,
        "authentication has a version from 4 to 6",
    ),
]


def explanations(name: str, case: Case) -> list[str]:
    return [rule for names, applies, rule in RULES if name in names and applies(case)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("line", CHOSEN)
@pytest.mark.parametrize("name", sources())
def test_both_sides_read_the_same(name: str, line: str) -> None:
    cases = cases_of(name, line)
    differing = [case for case in cases if case.ours != case.theirs]
    unexplained = [case for case in differing if not explanations(name, case)]
    accepted = sum(case.theirs is not REFUSED for case in cases)
    print(f"{line} {name}: {len(cases)} inputs, {accepted} accepted by the crate, {len(differing)} read differently")
    assert accepted > len(cases) // 50, "hardly anything is read at all"
    assert not unexplained, f"{len(unexplained)} of {len(cases)}\n" + "\n".join(map(str, unexplained[:SHOWN]))
