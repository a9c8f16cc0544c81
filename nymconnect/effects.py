"""What a machine asks its driver to do.

Every machine of this project has the same shape: ``feed(data, now)`` takes bytes from the peer, verbs take
``(…, now)``, ``wake(now)`` is called once `deadline` (seconds on the driver's clock, or None) has come; each returns
a list of the frozen effects below. A machine never performs anything itself: no socket, no clock, no logger. So the
services, the tests and the privacy laboratory drive the same code. `runtime.drive` is the one performer.
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
