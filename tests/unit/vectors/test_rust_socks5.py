"""nym-socks5-requests, nym-service-providers-common, nym-ordered-buffer 1.21 and 2.0: client and requester."""

from typing import Any

import pytest

from nymconnect.errors import WireError
from nymconnect.packet.addressing import Recipient
from nymconnect_proxy.protocol import queries, requests, responses
from nymconnect_proxy.protocol.exit_policy import AddressPolicy
from nymconnect_proxy.protocol.versions import CURRENT, LEGACY, MIXED
from nymconnect_proxy.streams.ordering import ReorderBuffer
from tests.helpers.rust_vectors import cases, each_line, load, unhex

Vector = dict[str, Any]
VERSIONS = {"3/3": CURRENT, "3/legacy": MIXED, "legacy/legacy": LEGACY}
QUERIES = {
    "OpenProxy": queries.Query.OPEN_PROXY,
    "Description": queries.Query.DESCRIPTION,
    "ExitPolicy": queries.Query.EXIT_POLICY,
}


def request_of(content: Vector) -> requests.Request:
    if content["kind"] == "connect":
        address = content["return_address"]
        return requests.Connect(content["connection"], content["target"], Recipient.parse(address) if address else None)
    if content["kind"] == "send":
        return requests.Send(content["connection"], content["sequence"], unhex(content["data"]), content["closed"])
    return QUERIES[content["query"]]


@cases("socks5", "requests")
def test_a_request_is_read_and_written_as_by_the_crate(vector: Vector) -> None:
    versions, request = VERSIONS[vector["versions"]], request_of(vector["content"])
    assert requests.encode_request(request, versions).hex() == vector["bytes"]
    assert requests.decode_request(unhex(vector["bytes"])) == (versions, request)


# Our rule: nothing may follow a control request's tag.
STRICTER_REQUESTS = {"control, trailing bytes", "legacy outer, versioned inner"}


@cases("socks5", "bad_requests")
def test_a_request_is_read_where_the_crate_reads_it(vector: Vector) -> None:
    data = unhex(vector["bytes"])
    if vector["read"] is None or vector["name"] in STRICTER_REQUESTS:
        with pytest.raises(WireError):
            requests.decode_request(data)
        return
    _, request = requests.decode_request(data)
    if isinstance(request, requests.Connect):
        identified = str(request.return_address is not None).lower()
        assert f"connect {request.address} {identified}" == vector["read"]
    elif isinstance(request, requests.Send):
        closed = str(request.closed).lower()
        assert f"send {request.sequence} {closed} {request.data.hex()}" == vector["read"]
    else:
        pytest.fail(f"no other kind of request is expected: {request}")


def answer_of(content: Vector) -> responses.Response:
    if content["kind"] == "data":
        data = unhex(content["data"])
        return responses.NetworkData(content["connection"], content["sequence"], data, content["closed"])
    if content["kind"] == "error":
        return responses.ConnectionFailure(content["connection"], content["message"])
    if "open_proxy" in content:
        return queries.OpenProxyAnswer(content["open_proxy"])
    if "description" in content:
        return queries.DescriptionAnswer(content["description"])
    if "error" in content:
        return queries.QueryErrorAnswer(content["error"])
    policy = None if content["policy"] is None else AddressPolicy.parse(content["policy"])
    return queries.ExitPolicyAnswer(content["enabled"], content["upstream"], policy)


@cases("socks5", "responses")
def test_a_response_is_read_and_written_as_by_the_crate(vector: Vector) -> None:
    versions, answer = VERSIONS[vector["versions"]], answer_of(vector["content"])
    assert responses.encode_response(answer, versions).hex() == vector["bytes"]
    assert responses.decode_response(unhex(vector["bytes"])) == (versions, answer)


@cases("socks5", "bad_responses")
def test_a_response_is_read_where_the_crate_reads_it(vector: Vector) -> None:
    data = unhex(vector["bytes"])
    if vector["accepted"]:
        responses.decode_response(data)
    else:
        with pytest.raises(WireError):
            responses.decode_response(data)


@each_line
def test_control_requests_are_the_crates(line: str) -> None:
    for control, vector in zip(requests.ControlRequest, load("socks5", line)["control_requests"], strict=True):
        assert requests.encode_request(control).hex() == vector["bytes"]
        assert requests.decode_request(unhex(vector["bytes"])) == (responses.Versions(3), control)


@each_line
def test_control_responses_are_the_crates(line: str) -> None:
    health, info, supported = load("socks5", line)["control_responses"]
    build = responses.BuildInformation("b", "t", "1.2.3", "s", "ct", "cb", "rv", "rc", "cp", "ctr")
    answers = [responses.Healthy(), responses.BinaryInfo("nymconnect", build), responses.SupportedVersions.of(MIXED)]
    for answer, vector in zip(answers, (health, info, supported), strict=True):
        assert responses.encode_response(answer).hex() == vector["bytes"]
        assert responses.decode_response(unhex(vector["bytes"]))[1] == answer


@pytest.mark.parametrize("run", range(5))
@each_line
def test_messages_are_put_in_order_as_by_the_crate(run: int, line: str) -> None:
    buffer = ReorderBuffer()
    for step in load("socks5", line)["ordering"][run]:
        sequence = step["sequence"]
        beyond = run == 4 and not step["accepted"]
        if beyond:
            # Our rule: a message beyond the window ends the stream, as it would leave a hole for ever.
            with pytest.raises(WireError):
                buffer.insert(sequence, b"", False)
            return
        buffer.insert(sequence, bytes([sequence & 0xFF]), False)
        assert buffer.take().hex() == (step["read"] or "")
