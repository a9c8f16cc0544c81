from nymconnect.client.sending.lanes import Outgoing
from nymconnect.client.sending.pending_acks import PendingAcks, Sent
from nymconnect.packet.acks import FragmentId
from nymconnect.packet.chunking import Fragment, FragmentHeader


def sent(set_id: int, due: float, attempt: int = 0) -> Sent:
    return Sent(Outgoing(Fragment(FragmentHeader(set_id, 1, 1), b"x"), b"t" * 16, 0, attempt), (), 0.0, 0.0, due)


def test_an_ack_settles_its_fragment_once():
    pending = PendingAcks()
    pending.add(sent(5, 10.0))
    assert pending.acked(FragmentId(5, 1)) == sent(5, 10.0)
    assert pending.acked(FragmentId(5, 1)) is None
    assert pending.deadline is None


def test_only_what_is_due_expires():
    pending = PendingAcks()
    for set_id, due in ((1, 3.0), (2, 1.0), (3, 2.0)):
        pending.add(sent(set_id, due))
    assert pending.deadline == 1.0
    assert [late.due for late in pending.expired(2.0)] == [1.0, 2.0]
    assert pending.deadline == 3.0
    assert len(pending) == 1


def test_a_repeated_fragment_waits_until_its_new_due_time():
    pending = PendingAcks()
    pending.add(sent(1, 1.0))
    pending.add(sent(1, 5.0, attempt=1))
    assert pending.expired(2.0) == []
    assert pending.expired(5.0) == [sent(1, 5.0, attempt=1)]
