"""Messages between client and requester: known answers, the reference's own answers, and bad input."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nymconnect.errors import UsageError, WireError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.queries import (
    DescriptionAnswer,
    ExitPolicyAnswer,
    OpenProxyAnswer,
    Query,
    QueryAnswer,
    QueryErrorAnswer,
    decode_answer,
)
from nymconnect_proxy.protocol.requests import (
    Connect,
    ControlRequest,
    Pace,
    Request,
    Send,
    decode_request,
    encode_request,
)
from nymconnect_proxy.protocol.responses import (
    BinaryInfo,
    BuildInformation,
    ConnectionFailure,
    ControlError,
    Healthy,
    NetworkData,
    Paced,
    Response,
    SupportedVersions,
    decode_response,
    encode_response,
)
from nymconnect_proxy.protocol.versions import CURRENT, LEGACY, MIXED, Versions
from tests.helpers.decoding import check_decoder, refuses_or_decodes
from tests.helpers.mixnet_pair import make_recipient
from tests.helpers.rust_vectors import load_file

OURS = load_file("socks5-requests.json")
RUST = load_file("rust-socks5.json")
BY_NAME = {vector["name"]: bytes.fromhex(vector["hex"]) for vector in OURS["vectors"]}
RECIPIENT = Recipient.decode(bytes.fromhex(OURS["recipient"]))
ID = 0x0102030405060708
VERSIONS = {"3/3": CURRENT, "3/legacy": MIXED, "legacy/legacy": LEGACY}
# Where the reference reads what we refuse: our rule is that nothing follows a control request.
STRICTER = {"control, trailing bytes", "legacy outer, versioned inner"}

REQUESTS: dict[str, tuple[Versions, Request]] = {
    "connect, anonymous": (CURRENT, Connect(ID, "nymtech.net:443")),
    "connect, anonymous, legacy": (LEGACY, Connect(ID, "nymtech.net:443")),
    "connect, anonymous, versioned outside only": (MIXED, Connect(ID, "nymtech.net:443")),
    "connect, identified": (CURRENT, Connect(ID, "nymtech.net:443", RECIPIENT)),
    "first keep-alive": (CURRENT, Send(ID, 0)),
    "send 1": (CURRENT, Send(ID, 1, b"GET")),
    "close 2": (CURRENT, Send(ID, 2, closed=True)),
    "query open proxy": (CURRENT, Query.OPEN_PROXY),
    "query description": (CURRENT, Query.DESCRIPTION),
    "query exit policy": (CURRENT, Query.EXIT_POLICY),
    "health": (CURRENT, ControlRequest.HEALTH),
}
RESPONSES: dict[str, tuple[Versions, Response]] = {
    "network data 0": (CURRENT, NetworkData(ID, 0, b"OK")),
    "network data 0, legacy": (LEGACY, NetworkData(ID, 0, b"OK")),
    "connection error": (CURRENT, ConnectionFailure(ID, 'Domain "a:1" failed filter check')),
    "health answer": (CURRENT, Healthy()),
    "open proxy answer": (CURRENT, OpenProxyAnswer(True)),
    "description answer": (CURRENT, DescriptionAnswer("foo")),
    "error answer": (CURRENT, QueryErrorAnswer("something failed")),
    "exit policy answer": (CURRENT, ExitPolicyAnswer(False, "http://foo.bar", AddressPolicy.open())),
}
# Length from which a shorter input is another valid message: these end in free bytes.
SHORTEST = {
    "first keep-alive": 21,
    "send 1": 21,
    "close 2": 21,
    "network data 0": 21,
    "network data 0, legacy": 18,
}


def test_a_cut_is_a_closing_message_to_others() -> None:
    """For they take any value but 0 for closed; of 7 the vectors below say so."""
    whole, cut = Send(ID, 2, closed=True), Send(ID, 2, closed=True, cut=True)
    answer, broken = NetworkData(ID, 2, closed=True), NetworkData(ID, 2, closed=True, cut=True)
    for ours, theirs in (
        (encode_request(cut), encode_request(whole)),
        (encode_response(broken), encode_response(answer)),
    ):
        ((mine, other),) = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
        assert (mine, other) == (2, 1)
    assert decode_request(encode_request(cut))[1] == cut
    assert decode_response(encode_response(broken))[1] == broken


def test_every_vector_is_used() -> None:
    assert set(BY_NAME) == set(REQUESTS) | set(RESPONSES)


@pytest.mark.parametrize("name", REQUESTS)
def test_request_vectors(name: str) -> None:
    versions, request = REQUESTS[name]
    assert encode_request(request, versions) == BY_NAME[name]
    if name == "connect, identified":
        assert len(BY_NAME[name]) == 125
        assert decode_request(BY_NAME[name][:-96]) == (versions, Connect(ID, "nymtech.net:443"))
        for length in {*range(29), *range(30, 125)} - {29}:
            assert not refuses_or_decodes(decode_request, BY_NAME[name][:length])
    else:
        check_decoder(decode_request, BY_NAME[name], (versions, request), shortest=SHORTEST.get(name))


@pytest.mark.parametrize("name", RESPONSES)
def test_response_vectors(name: str) -> None:
    versions, response = RESPONSES[name]
    assert encode_response(response, versions) == BY_NAME[name]
    if name == "connection error":  # ends in free text, but in no free bytes
        for length in range(12):
            assert not refuses_or_decodes(decode_response, BY_NAME[name][:length])
        assert decode_response(BY_NAME[name]) == (versions, response)
        assert not refuses_or_decodes(decode_response, BY_NAME[name] + b"\xff")
    else:
        check_decoder(decode_response, BY_NAME[name], (versions, response), shortest=SHORTEST.get(name))


def rust_request(content: dict[str, Any]) -> Request:
    if content["kind"] == "connect":
        address = content["return_address"]
        return Connect(content["connection"], content["target"], Recipient.parse(address) if address else None)
    if content["kind"] == "send":
        return Send(content["connection"], content["sequence"], bytes.fromhex(content["data"]), content["closed"])
    return {"OpenProxy": Query.OPEN_PROXY, "Description": Query.DESCRIPTION, "ExitPolicy": Query.EXIT_POLICY}[
        content["query"]
    ]


def rust_response(content: dict[str, Any]) -> Response:
    if content["kind"] == "data":
        return NetworkData(
            content["connection"], content["sequence"], bytes.fromhex(content["data"]), content["closed"]
        )
    if content["kind"] == "error":
        return ConnectionFailure(content["connection"], content["message"])
    if "open_proxy" in content:
        return OpenProxyAnswer(content["open_proxy"])
    if "description" in content:
        return DescriptionAnswer(content["description"])
    if "error" in content:
        return QueryErrorAnswer(content["error"])
    policy = AddressPolicy.parse(content["policy"]) if content["policy"] is not None else None
    return ExitPolicyAnswer(content["enabled"], content["upstream"], policy)


@pytest.mark.parametrize("vector", RUST["requests"], ids=lambda vector: vector["name"])
def test_requests_of_the_reference(vector: dict[str, Any]) -> None:
    versions, request = VERSIONS[vector["versions"]], rust_request(vector["content"])
    data = bytes.fromhex(vector["bytes"])
    assert encode_request(request, versions) == data
    assert decode_request(data) == (versions, request)


@pytest.mark.parametrize("vector", RUST["responses"], ids=lambda vector: vector["name"])
def test_responses_of_the_reference(vector: dict[str, Any]) -> None:
    versions, response = VERSIONS[vector["versions"]], rust_response(vector["content"])
    data = bytes.fromhex(vector["bytes"])
    if versions.inner is None and not isinstance(response, NetworkData | ConnectionFailure):
        with pytest.raises(UsageError):
            encode_response(response, versions)
        return
    assert encode_response(response, versions) == data
    assert decode_response(data) == (versions, response)


@pytest.mark.parametrize("vector", RUST["bad_requests"], ids=lambda vector: vector["name"])
def test_odd_requests_are_read_as_the_reference_reads_them(vector: dict[str, Any]) -> None:
    accepted = vector["read"] is not None and vector["name"] not in STRICTER
    assert refuses_or_decodes(decode_request, bytes.fromhex(vector["bytes"])) == accepted


@pytest.mark.parametrize("vector", RUST["bad_responses"], ids=lambda vector: vector["name"])
def test_odd_responses_are_read_as_the_reference_reads_them(vector: dict[str, Any]) -> None:
    assert refuses_or_decodes(decode_response, bytes.fromhex(vector["bytes"])) == vector["accepted"]


@pytest.mark.parametrize("vector", RUST["control_requests"], ids=lambda vector: vector["name"])
def test_control_requests_of_the_reference(vector: dict[str, Any]) -> None:
    control = {
        "Health": ControlRequest.HEALTH,
        "BinaryInfo": ControlRequest.BINARY_INFO,
        "SupportedRequestVersions": ControlRequest.SUPPORTED_VERSIONS,
    }[vector["name"]]
    data = bytes.fromhex(vector["bytes"])
    assert encode_request(control) == data
    check_decoder(decode_request, data, (CURRENT, control))


@pytest.mark.parametrize("vector", RUST["control_responses"], ids=lambda vector: vector["name"])
def test_control_responses_of_the_reference(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["bytes"])
    _, response = decode_response(data)
    assert not isinstance(response, ConnectionFailure)
    assert encode_response(response) == data


def test_supported_versions_are_texts_of_json() -> None:
    answer = SupportedVersions.of(Versions(3, None))
    assert json.loads(answer.interface_version) == {"type": "Versioned", "version": 3}
    assert json.loads(answer.provider_version) == {"type": "Legacy"}


def test_an_outer_version_of_the_future_is_kept_and_echoed() -> None:
    versions, request = decode_request(encode_request(Send(1, 2), Versions(200, 3)))
    assert versions == Versions(200, 3)
    assert encode_response(NetworkData(1, 0), versions)[0] == 200
    assert isinstance(request, Send)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Versions(None, 3),
        lambda: Versions(2, 3),
        lambda: encode_request(ControlRequest.HEALTH, LEGACY),
        lambda: encode_response(Healthy(), LEGACY),
        lambda: encode_response(DescriptionAnswer("x"), MIXED),
        lambda: encode_request(Connect(1, "x" * 65536)),
    ],
)
def test_what_cannot_be_written_is_the_callers_fault(call: Any) -> None:
    with pytest.raises(UsageError):
        call()


def test_a_legacy_query_answer_is_not_taken_for_a_legacy_message() -> None:
    assert decode_response(bytes([3, 1, 3, 3, 0, 1]))[1] == OpenProxyAnswer(True)
    with pytest.raises(WireError):
        decode_response(bytes([3, 1, 3, 0, 1]))


IDS = st.integers(0, 2**64 - 1)
ANSWERS: st.SearchStrategy[QueryAnswer] = st.one_of(
    st.builds(OpenProxyAnswer, st.booleans()),
    st.builds(DescriptionAnswer, st.text(max_size=300)),
    st.builds(QueryErrorAnswer, st.text(max_size=20)),
    st.just(ExitPolicyAnswer(True, "", None)),
)
ANY_REQUEST = st.one_of(
    st.builds(Connect, IDS, st.text(max_size=60), st.sampled_from([None, make_recipient(random.Random(3))])),
    st.builds(Send, IDS, IDS, st.binary(max_size=50), st.booleans()),
    st.sampled_from(Query),
)
ANY_RESPONSE = st.one_of(
    st.builds(NetworkData, IDS, IDS, st.binary(max_size=50), st.booleans()),
    st.builds(ConnectionFailure, IDS, st.text(max_size=50)),
)
CONTROL_ANSWERS = st.one_of(
    st.just(Healthy()),
    st.builds(ControlError, st.text(max_size=20)),
    st.builds(BinaryInfo, st.text(max_size=20), st.just(BuildInformation())),
    st.just(SupportedVersions.of(CURRENT)),
)


@settings(max_examples=60)
@given(ANY_REQUEST, st.sampled_from([CURRENT, MIXED, LEGACY]))
def test_requests_survive_the_wire(request: Request, versions: Versions) -> None:
    assert decode_request(encode_request(request, versions)) == (versions, request)


@settings(max_examples=60)
@given(ANY_RESPONSE, st.sampled_from([CURRENT, MIXED, LEGACY]))
def test_responses_survive_the_wire(response: Response, versions: Versions) -> None:
    assert decode_response(encode_response(response, versions)) == (versions, response)


@settings(max_examples=40)
@given(st.one_of(ANSWERS, CONTROL_ANSWERS))
def test_answers_survive_the_wire(answer: Response) -> None:
    assert decode_response(encode_response(answer)) == (CURRENT, answer)


@settings(max_examples=60)
@given(st.binary(max_size=60), st.sampled_from([b"", b"\3\1\3", b"\3\0", b"\0", b"\3\1\3\3\2"]))
def test_random_bytes_raise_nothing_but_wire_errors(data: bytes, prefix: bytes) -> None:
    for decode in (decode_request, decode_response, decode_answer):
        refuses_or_decodes(decode, prefix + data)


@pytest.mark.parametrize("content", [b"{}", b"[", b'{"message": 1}', b"\xff", b"[" * 5000, b""])
@pytest.mark.parametrize("tag", [1, 2, 0xFF])
def test_bad_json_in_control_answers_is_a_wire_error(tag: int, content: bytes) -> None:
    with pytest.raises(WireError):
        decode_response(bytes([3, 0, tag]) + content)


@pytest.mark.parametrize("member", [b'"more":"\xfd"', b'"\xfd":1'])
def test_a_control_answer_is_text_even_where_it_is_not_read(member: bytes) -> None:
    assert decode_response(b'\3\0\xff{"message":"no","more":1}')[1] == ControlError("no")
    with pytest.raises(WireError):
        decode_response(b'\3\0\xff{"message":"no",' + member + b"}")


@pytest.mark.parametrize(("rate", "seconds"), [(0.0, 0), (0.4, 1), (44.0, 120), (4_294_967.295, 65_535)])
def test_a_promise_of_a_rate_goes_through_both_ways(rate: float, seconds: int) -> None:
    assert decode_request(encode_request(Pace(rate, seconds))) == (Versions(3), Pace(rate, seconds))
    assert decode_response(encode_response(Paced(rate, seconds))) == (Versions(3), Paced(rate, seconds))


def test_a_promise_of_a_rate_has_its_own_tag_and_one_length() -> None:
    wire = encode_request(Pace(50.0, 120))
    assert wire.hex() == "0300f00000c3500078"
    for broken in (wire[:-1], wire + b"\0", wire[:3]):
        for decode in (decode_request, decode_response):
            with pytest.raises(WireError):
                decode(broken)


@pytest.mark.parametrize(("rate", "seconds"), [(-1.0, 1), (5e6, 1), (1.0, 65_536), (1.0, -1)])
def test_a_promise_that_does_not_fit_is_not_written(rate: float, seconds: int) -> None:
    with pytest.raises(UsageError):
        encode_request(Pace(rate, seconds))
