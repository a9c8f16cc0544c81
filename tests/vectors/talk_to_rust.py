"""Speaks with the Rust crates live, as each side of a Noise link and of a gateway registration.

`make -C tests/vectors verify` runs it with the path of the generator, whose `peer` modes are the other side.
"""

import random
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import IO

from nymconnect.crypto import Ed25519Secret, X25519Secret
from nymconnect.link.gateway import messages
from nymconnect.link.gateway.handshake import ClientHandshake, GatewayHandshake
from nymconnect.link.noise import NoiseInitiator, NoiseResponder

RESPONDER, INITIATOR = (X25519Secret(bytes([byte]) * 32) for byte in (0x0C, 0x0D))
CLIENT, GATEWAY = (Ed25519Secret(bytes([byte]) * 32) for byte in (1, 2))
RNG = random.SystemRandom()
TIMEOUT = 20.0


def start(generator: str, *role: str) -> subprocess.Popen[str]:
    command = [generator, "peer", *role]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def pipes(peer: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert peer.stdin is not None
    assert peer.stdout is not None
    return peer.stdin, peer.stdout


# --- Noise ------------------------------------------------------------------------------------------------------


def initiate_noise(generator: str) -> None:
    """Our initiator, nym-noise's responder, which echoes."""
    peer = start(generator, "noise-responder")
    host, _, port = pipes(peer)[1].readline().strip().rpartition(":")
    data = random.Random(1).randbytes(150_000)
    with socket.create_connection((host, int(port)), TIMEOUT) as stream:
        link = NoiseInitiator(INITIATOR, RESPONDER.public, RNG)
        stream.sendall(link.start())
        while not link.established:
            stream.sendall(link.feed(stream.recv(65536))[1])
        for begin in range(0, len(data), 30_000):
            piece, echo = data[begin : begin + 30_000], b""
            stream.sendall(link.seal(piece))
            while len(echo) < len(piece):
                echo += link.feed(stream.recv(65536))[0]
            assert echo == piece
    peer.kill()
    peer.wait(TIMEOUT)


def respond_noise(generator: str) -> None:
    """nym-noise's initiator, our responder, which echoes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = start(generator, "noise-initiator", f"127.0.0.1:{server.getsockname()[1]}")
        stream, _ = server.accept()
    with stream:
        stream.settimeout(TIMEOUT)
        link = NoiseResponder(RESPONDER, RNG)
        while received := stream.recv(65536):
            plaintext, to_write = link.feed(received)
            stream.sendall(to_write + (link.seal(plaintext) if plaintext else b""))
    assert link.remote_public == INITIATOR.public
    assert pipes(peer)[1].read() == "ok\n"
    assert peer.wait(TIMEOUT) == 0


# --- registration -----------------------------------------------------------------------------------------------


def send(to: IO[str], data: bytes) -> None:
    to.write(messages.encode(messages.HandshakePayload(messages.CURRENT_VERSION, messages.octets(data))) + "\n")
    to.flush()


def receive(read: Callable[[str], messages.Request | messages.Response], source: IO[str]) -> bytes:
    message = read(source.readline())
    assert isinstance(message, messages.HandshakePayload), message
    return bytes(message.data)


def register(generator: str) -> None:
    """Our client at nym-gateway-requests' gateway."""
    peer = start(generator, "gateway")
    to, source = pipes(peer)
    client = ClientHandshake(CLIENT, GATEWAY.public, RNG)
    send(to, client.opening())
    send(to, client.answer(receive(messages.decode_response, source)))
    client.finish(receive(messages.decode_response, source))
    assert source.readline() == f"key {client.shared_key.hex()}\n"
    assert peer.wait(TIMEOUT) == 0


def take_registration(generator: str) -> None:
    """nym-gateway-requests' client at our gateway."""
    peer = start(generator, "client")
    to, source = pipes(peer)
    gateway = GatewayHandshake(GATEWAY, RNG)
    send(to, gateway.respond(receive(messages.decode_request, source)))
    send(to, gateway.confirm(receive(messages.decode_request, source)))
    assert gateway.client_identity == CLIENT.public
    assert source.readline() == f"key {gateway.shared_key.hex()}\n"
    assert peer.wait(TIMEOUT) == 0


def refuse_wrong_gateway(generator: str) -> None:
    """The crate's client refuses a gateway with another identity than it expects."""
    peer = start(generator, "client")
    to, source = pipes(peer)
    send(to, GatewayHandshake(CLIENT, RNG).respond(receive(messages.decode_request, source)))
    assert isinstance(messages.decode_request(source.readline()), messages.HandshakeError)
    assert source.readline().startswith("failed: ")
    assert peer.wait(TIMEOUT) == 0


if __name__ == "__main__":
    for talk in (initiate_noise, respond_noise, register, take_registration, refuse_wrong_gateway):
        talk(sys.argv[1])
        print(f"{talk.__name__}: agreed")
