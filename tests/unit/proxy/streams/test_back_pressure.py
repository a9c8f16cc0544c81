"""How far a sender may run ahead, by rate."""

import math
import socket

import pytest

from nymconnect.client.parameters import TrafficParameters
from nymconnect.client.presets import PRESETS, Preset
from nymconnect_proxy.streams.back_pressure import LEAST_MESSAGE, Backlog, backlog_for, message_for, narrow_target
from nymconnect_proxy.streams.flow import READ_SIZE


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_what_waits_in_a_lane_leaves_within_two_seconds(preset: Preset) -> None:
    traffic = preset.traffic
    for promised in (None, traffic.reply_rate or None):
        rate = promised or 1 / traffic.message_sending_average_delay
        message = math.ceil(message_for(traffic.payload * rate) / traffic.payload)
        assert (traffic.lane_length(promised) - 1 + message) / rate < 2.0


def test_a_sender_without_a_rate_may_fill_its_lane_unless_its_answers_have_one() -> None:
    unpaced = TrafficParameters(paced=False, lane_limit=45)
    assert unpaced.lane_length() == 45
    assert unpaced.lane_length(4.0) == 2
    assert unpaced.lane_length(0.5) == 1


def test_a_message_is_never_empty_and_never_longer_than_one_read() -> None:
    assert [message_for(rate) for rate in (None, 1.0, 1e6)] == [READ_SIZE, LEAST_MESSAGE, READ_SIZE]


def test_a_slow_sender_gets_less_room_everywhere() -> None:
    slow, fast = backlog_for(4600.0), backlog_for(None)
    assert fast == Backlog()
    assert slow.receive_buffer < fast.receive_buffer
    assert slow.segment < fast.segment
    assert slow.reader_limit < fast.reader_limit


def test_a_target_that_has_reset_already_is_left_to_whoever_reads_it() -> None:
    connected, other = socket.socketpair()
    other.close()
    connected.close()
    narrow_target(connected)
