"""The six states of a session and what moves it between them, as one table.

====================  =============  ==========  =========  ============  ===========  ============  ======  ==========
state                 SOCKS port     connect     stand by   disconnect    link ready   link lost     fatal   others
====================  =============  ==========  =========  ============  ===========  ============  ======  ==========
Disconnected          closed         Connecting  Waiting    –             –            –             –
Waiting               holds          –           –          Disconnecting –            –             Failed  wanted:
                                                                                                             Connecting
Connecting            refuses        –           –          Disconnecting Connected    stays         Failed
Connected             serves         –           –          Disconnecting –            Connecting    Failed  idle:
                                                                                                             Waiting
Disconnecting         refuses        –           –          –             –            Disconnected  Failed
Failed                refuses        Connecting  Waiting    Disconnected  –            –             –
====================  =============  ==========  =========  ============  ===========  ============  ======  ==========

A dash, and every pair that is not in the table, leaves the state as it is. Only *Connected* serves: whatever else
happens, the port refuses, so that nothing ever leaves around the mixnet. *Disconnecting* ends when the link is gone.

*Waiting* exists on demand only: the mixnet is left alone until a program asks. Its request, and others while a session
on demand is *Connecting*, are held until the session is *Connected* or a time-out has passed, and are then served or
refused by the same rule.
"""

from enum import Enum


class State(Enum):
    """What a session is doing; the value is its name in JSON."""

    DISCONNECTED = "disconnected"
    WAITING = "waiting"
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
    STAND_BY = "stand by"
    WANTED = "wanted"
    IDLE = "idle"
    DISCONNECT = "disconnect"
    LINK_READY = "link ready"
    LINK_LOST = "link lost"
    FATAL = "fatal"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.DISCONNECTED, Event.CONNECT): State.CONNECTING,
    (State.DISCONNECTED, Event.STAND_BY): State.WAITING,
    (State.WAITING, Event.WANTED): State.CONNECTING,
    (State.WAITING, Event.DISCONNECT): State.DISCONNECTING,
    (State.WAITING, Event.FATAL): State.FAILED,
    (State.CONNECTING, Event.DISCONNECT): State.DISCONNECTING,
    (State.CONNECTING, Event.LINK_READY): State.CONNECTED,
    (State.CONNECTING, Event.FATAL): State.FAILED,
    (State.CONNECTED, Event.DISCONNECT): State.DISCONNECTING,
    (State.CONNECTED, Event.LINK_LOST): State.CONNECTING,
    (State.CONNECTED, Event.IDLE): State.WAITING,
    (State.CONNECTED, Event.FATAL): State.FAILED,
    (State.DISCONNECTING, Event.LINK_LOST): State.DISCONNECTED,
    (State.DISCONNECTING, Event.FATAL): State.FAILED,
    (State.FAILED, Event.CONNECT): State.CONNECTING,
    (State.FAILED, Event.STAND_BY): State.WAITING,
    (State.FAILED, Event.DISCONNECT): State.DISCONNECTED,
}


def after(state: State, event: Event) -> State:
    """The state that `event` leads to from `state`."""
    return TRANSITIONS.get((state, event), state)
