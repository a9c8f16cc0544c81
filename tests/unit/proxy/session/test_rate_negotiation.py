"""One requester that shall answer at a constant rate, in virtual time."""

from nymconnect_proxy.protocol.requests import ControlRequest, Pace
from nymconnect_proxy.protocol.responses import BINARY_NAME, BinaryInfo, BuildInformation, Healthy, Paced
from nymconnect_proxy.session.downlink_report import NoPromise
from nymconnect_proxy.session.rate_negotiation import DURATION, RENEWAL, SILENCE, TRIES, PromiseState, ReplyPromise

PATIENCE = 20.0
OURS = BinaryInfo(BINARY_NAME, BuildInformation())
OTHERS = BinaryInfo("nym-network-requester", BuildInformation())


def asked(now: float = 0.0) -> ReplyPromise:
    promise = ReplyPromise(50.0, PATIENCE, now)
    assert promise.wake(now) is ControlRequest.BINARY_INFO
    return promise


def promised(now: float = 1.0) -> ReplyPromise:
    promise = asked()
    promise.feed(OURS, now)
    assert promise.wake(now) == Pace(50.0, DURATION)
    promise.feed(Paced(50.0, DURATION), now)
    return promise


def test_a_requester_of_ours_is_asked_for_the_rate_again_and_again() -> None:
    promise = promised(1.0)
    assert promise.needs_supply
    assert promise.holds(1.0)
    assert promise.complaint(1.0) is None
    assert promise.wake(1.0 + RENEWAL - 0.1) is None
    assert promise.wake(1.0 + RENEWAL) == Pace(50.0, DURATION)


def test_a_foreign_requester_is_left_alone() -> None:
    promise = asked()
    promise.feed(OTHERS, 1.0)
    assert promise.state is PromiseState.FOREIGN
    assert promise.wake(1e9) is None
    assert not promise.needs_supply
    assert promise.complaint(1.0) is NoPromise.FOREIGN


def test_a_silent_requester_is_asked_a_few_times_and_later_once_more() -> None:
    promise = asked()
    now = 0.0
    for _ in range(TRIES - 1):
        now += PATIENCE
        assert promise.wake(now) is ControlRequest.BINARY_INFO
    now += PATIENCE
    assert promise.wake(now) is None
    assert promise.state is PromiseState.SILENT
    assert promise.complaint(now) is NoPromise.SILENT
    assert promise.wake(now + SILENCE) is ControlRequest.BINARY_INFO


def test_a_promise_that_is_not_renewed_ends() -> None:
    promise = promised(1.0)
    assert promise.holds(DURATION)
    assert not promise.holds(1.0 + DURATION)
    assert promise.complaint(1.0 + DURATION) is NoPromise.LAPSED


def test_nothing_is_no_promise() -> None:
    promise = promised()
    promise.feed(Paced(0.0, 0), 2.0)
    assert not promise.holds(2.0)
    assert promise.granted(2.0) == 0.0
    assert promise.complaint(2.0) is NoPromise.REFUSED
    promise.feed(Paced(50.0, DURATION), 3.0)
    assert promise.complaint(3.0) is None


def test_less_than_was_wanted_is_a_promise_of_that() -> None:
    promise = promised()
    assert promise.granted(2.0) == 50.0
    promise.feed(Paced(20.0, DURATION), 2.0)
    assert promise.complaint(2.0) is None
    assert promise.granted(2.0) == 20.0
    assert promise.granted(2.0 + DURATION) == 0.0
    assert promise.wake(1.0 + RENEWAL) == Pace(50.0, DURATION)


def test_an_answer_to_nothing_says_nothing() -> None:
    promise = asked()
    promise.feed(Paced(50.0, DURATION), 1.0)
    promise.feed(Healthy(), 1.0)
    assert promise.state is PromiseState.ASKING
    assert not promise.holds(1.0)


def test_another_rate_is_asked_for_at_once() -> None:
    promise = promised(1.0)
    promise.change(50.0, 2.0)
    assert promise.wake(2.0) is None
    promise.change(25.0, 2.0)
    assert not promise.holds(2.0)
    assert promise.wake(2.0) == Pace(25.0, DURATION)


def test_after_a_lost_link_the_promise_is_renewed_at_once() -> None:
    promise = promised(1.0)
    promise.hurry(2.0)
    assert promise.wake(2.0) == Pace(50.0, DURATION)
