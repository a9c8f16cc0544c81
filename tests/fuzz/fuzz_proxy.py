"""Coverage-guided fuzzing of everything in the proxy that reads bytes of others, with atheris. Not part of the tests.

atheris is no dependency of this project. In an environment of its own, with the runtime requirements::

    pip install atheris -r requirements/runtime.txt
    PYTHONPATH=.:proxy:resources python tests/fuzz/fuzz_proxy.py -max_total_time=600 -timeout=5 -rss_limit_mb=1024

The first byte of an input chooses the reader. `FUZZ_READERS=policy,texts` leaves the others out; of a reader alone the
input has no such byte. A reader may refuse in its own way; anything else it raises is a finding, as is a handshake that
is answered twice, keeps a buffer beyond its bound, or survives its deadline, and as is whatever
`tests/helpers/hostile_peers.py` says of streams.
"""

import contextlib
import os
import sys
from collections.abc import Callable

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports(
    include=["nymconnect_proxy", "nymconnect_proxy.settings.address_book", "nymconnect_proxy.settings.options"]
):
    from nymconnect.effects import Close
    from nymconnect.errors import UserError, WireError
    from nymconnect_proxy.protocol.exit_policy import AddressPolicy
    from nymconnect_proxy.protocol.requests import decode_request, encode_request
    from nymconnect_proxy.protocol.responses import decode_response
    from nymconnect_proxy.protocol.targets import Target
    from nymconnect_proxy.settings.options import Option, OptionKind
    from nymconnect_proxy.socks.dialect import Requested
    from nymconnect_proxy.socks.server_handshake import HANDSHAKE_TIMEOUT, MAX_BUFFERED, FrontDoor, FrontState
    from tests.helpers.hostile_peers import drive_client, drive_exit


def front_door(data: bytes) -> None:
    """A handshake in pieces whose lengths the input gives."""
    password = b"secret" if data[:1] == b"\x01" else None
    door, ends, position = FrontDoor(0.0, password=password), 0, 1
    while position < len(data):
        length = 1 + data[position]
        effects = door.feed(data[position + 1 : position + 1 + length], 1.0)
        ends += sum(isinstance(effect, Requested | Close) for effect in effects)
        position += 1 + length
    assert ends <= 1
    assert len(door._buffer) <= MAX_BUFFERED
    assert (door.state is FrontState.READING) == (door.deadline is not None)
    door.wake(HANDSHAKE_TIMEOUT)
    assert door.state is not FrontState.READING


def requests(data: bytes) -> None:
    """What is read is written, and read again, as the same."""
    try:
        versions, request = decode_request(data)
    except WireError:
        return
    assert decode_request(encode_request(request, versions)) == (versions, request)


def responses(data: bytes) -> None:
    try:
        decode_response(data)
    except WireError:
        return


def policy(data: bytes) -> None:
    """Text as a person writes it; a policy that is read is written and read again."""
    try:
        read = AddressPolicy.parse(data.decode(errors="replace"))
        assert AddressPolicy.parse(str(read)) == read
    except (WireError, UserError):
        return


def texts(data: bytes) -> None:
    """Targets, and the options that hold addresses and URLs."""
    text = data.decode(errors="replace")
    with contextlib.suppress(WireError):
        Target.parse(text)
    for kind in (OptionKind.REQUESTERS, OptionKind.SERVER, OptionKind.SECRET, OptionKind.UPSTREAM, OptionKind.ENDPOINT):
        try:
            Option("option", "section", kind, None, "").parse(text)
        except UserError:
            continue


READERS: tuple[Callable[[bytes], None], ...] = (
    front_door,
    requests,
    responses,
    policy,
    texts,
    drive_client,
    drive_exit,
)
CHOSEN = [reader for reader in READERS if reader.__name__ in os.environ.get("FUZZ_READERS", "").split(",")]


def one_input(data: bytes) -> None:
    if len(CHOSEN) == 1:
        CHOSEN[0](data)
    elif data:
        readers = CHOSEN or READERS
        readers[data[0] % len(readers)](data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
