"""Nym's answer to a slow link: the main stream's gap grows while packets pile up in front of it.

Mirrors nym-client-core 1.21 (`real_traffic_stream/sending_delay_controller.rs`, `mix_traffic/mod.rs`): a queue of 32
packets lies between the streams and the gateway's socket, and the mean gap is multiplied by 1 to 6, in whole steps.
This tells of the link and not of what its owner does; but who can slow the link, slows the sender, so only the preset
that has to look like Nym's client does it.
"""

QUEUE_LIMIT = 32  # packets between the streams and the socket
PRESSURE = 10  # more waiting packets than this are a sign of pressure
RISE_AFTER, FALL_AFTER = 1.0, 2.0  # seconds since the last change
CALM = 2.0  # seconds without pressure before the gap shrinks again
HIGHEST = 6


class SendingDelay:
    """The whole number by which the mean gap is multiplied."""

    def __init__(self, now: float) -> None:
        self.value = 1
        self._changed_at = self._pressed_at = now

    def look(self, queued: int, now: float) -> int:
        """Take in how many packets wait, as often as the main stream is served; the number that holds from now on."""
        if queued > PRESSURE:
            self._pressed_at = now
        if queued >= QUEUE_LIMIT and now > self._changed_at + RISE_AFTER:
            self._change(min(self.value + 1, HIGHEST), now)
        if now >= self._pressed_at + CALM and now > self._changed_at + FALL_AFTER:
            self._change(max(self.value - 1, 1), now)
        return self.value

    def _change(self, value: int, now: float) -> None:
        if value != self.value:
            self.value, self._changed_at = value, now
