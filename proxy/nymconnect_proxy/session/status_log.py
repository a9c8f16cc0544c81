"""What the log says of a session beside its states: alarms that begin or end, and whether what comes in is hidden.

A status has everything that holds now. A line is due only for what is new in it.
"""

import logging

from nymconnect_proxy.session.alarms import AlarmNews, sentence
from nymconnect_proxy.session.downlink_report import DownlinkCause
from nymconnect_proxy.session.downlink_report import sentence as downlink_sentence
from nymconnect_proxy.session.status import Status

log = logging.getLogger(__name__)


class StatusLog:
    """Compares each status with the one before. `alarm_level` is the level of a line about an alarm."""

    def __init__(self, alarm_level: int) -> None:
        self._alarm_level = alarm_level
        self._alarms = AlarmNews()
        self._downlink: tuple[bool, DownlinkCause | None] = (False, None)

    def note(self, status: Status) -> None:
        """Write what is new."""
        begun, ended = self._alarms.look(status.alarms)
        for alarm in begun:
            log.log(self._alarm_level, "%s", sentence(alarm))
        for alarm in ended:
            log.info("no longer: %s", sentence(alarm))
        if status.state.serves and status.downlink is not None:
            before, self._downlink = self._downlink, (status.downlink.hidden, status.downlink.cause)
            if self._downlink != before:
                log.info("%s", downlink_sentence(status.downlink))
