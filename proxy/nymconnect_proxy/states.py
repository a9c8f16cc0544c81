"""The five states of a session and what moves it between them, as one table.

====================  =============  ==========  ============  ===========  ===========  ========
state                 SOCKS port     connect     disconnect    link ready   link lost    fatal
====================  =============  ==========  ============  ===========  ===========  ========
Disconnected          closed         Connecting  –             –            –            –
Connecting            refuses        –           Disconnecting Connected    stays        Failed
Connected             serves         –           Disconnecting –            Connecting   Failed
Disconnecting         refuses        –           –             –            Disconnected Failed
Failed                refuses        Connecting  Disconnected  –            –            –
====================  =============  ==========  ============  ===========  ===========  ========

A dash, and every pair that is not in the table, leaves the state as it is. Only *Connected* serves: whatever else
happens, the port refuses, so that nothing ever leaves around the mixnet. *Disconnecting* ends when the link is gone.
"""

from enum import Enum


class State(Enum):
    """What a session is doing; the value is its name in JSON."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTING = "disconnecting"
    FAILED = "failed"

    @property
    def serves(self) -> bool:
        """Whether the SOCKS port accepts requests."""
        return self is State.CONNECTED


class Event(Enum):
    """What can happen to a session."""

    CONNECT = "connect"
    DISCONNECT = "disconnect"
    LINK_READY = "link ready"
    LINK_LOST = "link lost"
    FATAL = "fatal"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.DISCONNECTED, Event.CONNECT): State.CONNECTING,
    (State.CONNECTING, Event.DISCONNECT): State.DISCONNECTING,
    (State.CONNECTING, Event.LINK_READY): State.CONNECTED,
    (State.CONNECTING, Event.FATAL): State.FAILED,
    (State.CONNECTED, Event.DISCONNECT): State.DISCONNECTING,
    (State.CONNECTED, Event.LINK_LOST): State.CONNECTING,
    (State.CONNECTED, Event.FATAL): State.FAILED,
    (State.DISCONNECTING, Event.LINK_LOST): State.DISCONNECTED,
    (State.DISCONNECTING, Event.FATAL): State.FAILED,
    (State.FAILED, Event.CONNECT): State.CONNECTING,
    (State.FAILED, Event.DISCONNECT): State.DISCONNECTED,
}


def after(state: State, event: Event) -> State:
    """The state that `event` leads to from `state`."""
    return TRANSITIONS.get((state, event), state)
