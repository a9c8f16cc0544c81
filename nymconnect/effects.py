"""What a machine asks its driver to do.

``feed(data, now)`` takes bytes or a message from the peer, verbs take ``(…, now)``, and ``wake(now)`` is called once
the machine's deadline (seconds on the driver's clock, or None) has come. Each returns a list of frozen effects: those
below, and effects of the machine's own, declared beside it. A machine performs nothing itself: it has no socket, no
clock and no logger. So the services, the tests and the privacy laboratory drive the same code.

There is no common driver. Each machine has one performer, a service that matches on its effects: `node.relay` and
`node.gateway.gateway` for `node.mixer`, `node.gateway.client_session` for `link.gateway.server`,
`client.gateway.connection` for `link.gateway.client`, `client.client` for `client.loopix`, `streams.pipe` for both ends
of a stream, `ingress.listener` for `socks.server_handshake`, `exit.resolver` for `exit.lookups`. `docs/architecture.md`
lists them, and the machines of other shapes.
"""

from dataclasses import dataclass

from nymconnect.packet.framing import MixPacket


@dataclass(frozen=True, slots=True)
class Write:
    """Send these bytes to the peer of this machine: stream bytes, or one binary websocket message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class WriteText:
    """Send this text to the peer as one websocket text message."""

    text: str


@dataclass(frozen=True, slots=True)
class SendTo:
    """Hand this packet to the node that it names."""

    packet: MixPacket


@dataclass(frozen=True, slots=True)
class Push:
    """Bytes for the client whose identity (32 bytes) is `destination`, as its gateway pushes them."""

    destination: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection to this machine's peer; `reason` is for our own log."""

    reason: str = ""


Effect = Write | WriteText | SendTo | Push | Close
