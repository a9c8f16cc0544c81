"""Reply SURBs in both directions: those that we owe are sent, those that we run out of are asked for.

Mirrors nym-client-core 1.21 (`replies/`). A message carries only the SURBs that fit into its last packet, the others
follow in messages of one packet each, so that a single loss delays none of the rest. `issued` and `received` keep the
books; this module says when which message leaves.
"""

from collections import Counter
from collections.abc import Iterable

from nymconnect.client.counters import ClientCount
from nymconnect.client.sending.lanes import SURB_REQUEST, SURB_SUPPLY, Answering
from nymconnect.client.sending.transmission import Transmission
from nymconnect.client.surbs.aliases import real
from nymconnect.directory.topology import RouteError
from nymconnect.packet import chunking, messages
from nymconnect.packet.addressing import SENDER_TAG_LENGTH, Recipient
from nymconnect.packet.replies import REPLY_KEY_LENGTH, V2_HEADER_LENGTH, ReplySurb
from nymconnect.packet.sphinx import DEFAULT_VERSION, surb_length

_HOPS = 4
# Message type, sender tag, content tag and the head of an empty batch.
_REPLIABLE_OVERHEAD = 1 + SENDER_TAG_LENGTH + 1 + V2_HEADER_LENGTH
_SURB_LENGTH = REPLY_KEY_LENGTH + surb_length(_HOPS, DEFAULT_VERSION)


class SurbController:
    """Our SURBs that others hold, and their SURBs that we hold; what is sent for them goes through the `transmission`.

    `fragment_length` is what a packet carries, in bytes.
    """

    def __init__(
        self,
        address: Recipient,
        answering: Answering,
        transmission: Transmission,
        fragment_length: int,
        counters: Counter[ClientCount],
    ) -> None:
        self._address, self._fragment_length, self._counters = address, fragment_length, counters
        self._issued, self._received, self._replying = answering.issued, answering.received, answering.replying
        self._transmission = transmission

    # --- ours, with others -----------------------------------------------------------------------------------------

    def beside(self, length: int, to: Recipient, surbs: int, now: float) -> tuple[ReplySurb, ...]:
        """Of `surbs` for `to`, those that go with a message of `length` data bytes; the rest is owed from now on."""
        amount = min(surbs, self._surbs_to_go_with(length))
        given = self._issued.give(to, amount, now, self._transmission.suspects(now))
        self._issued.promise(to, surbs - amount)
        return given

    def grant(self, recipient: Recipient, amount: int, source: Recipient | None) -> None:
        """Owe what was asked for, if the request came over one of our SURBs, from the one to whom we gave it."""
        self._counters[ClientCount.SURB_REQUEST] += 1
        if source is None or real(source) != recipient or not self._issued.grant(source, amount):
            self._counters[ClientCount.REFUSED_SURB_REQUEST] += 1

    def pay(self, now: float) -> None:
        """Make one packet of owed SURBs for each correspondent that has none waiting."""
        whole = self._surbs_that_fit_beside(0)
        for to, owed in self._issued.debts:
            if self._transmission.lanes.length(to, SURB_SUPPLY):
                continue
            amount = min(owed, whole)
            if not self._give(to, amount, now):
                return
            self._issued.settle(to, amount)
        for to in self._issued.steadily_due(whole, now):
            if not self._transmission.lanes.length(to, SURB_SUPPLY) and self._give(to, whole, now):
                self._issued.settle_steadily(to, whole)

    def _give(self, to: Recipient, amount: int, now: float) -> bool:
        """Queue a packet of `amount` SURBs; False if there is no route for them."""
        try:
            content = messages.AdditionalSurbs(self._issued.give(to, amount, now, self._transmission.suspects(now)))
        except RouteError:
            return False
        self._transmission.put(messages.Repliable(self._issued.tag_for(to), content), to, SURB_SUPPLY)
        return True

    def _surbs_to_go_with(self, length: int) -> int:
        """SURBs for a message of `length` data bytes: at least one, if it takes another packet.

        An answer to a tag of which no SURB has come yet is dropped, and the message may be there before all others.
        """
        return self._surbs_that_fit_beside(length) or 1 + self._surbs_that_fit_beside(length + _SURB_LENGTH)

    def _surbs_that_fit_beside(self, length: int) -> int:
        """SURBs that a repliable message of `length` data bytes can carry without taking another packet."""
        used = _REPLIABLE_OVERHEAD + length + 1
        return (chunking.padded_length(used, self._fragment_length) - used) // _SURB_LENGTH

    # --- theirs, with us -------------------------------------------------------------------------------------------

    def ask(self, tags: Iterable[bytes], now: float) -> None:
        """Ask those of `tags` for SURBs from which we have too few; a tag that is answered at a rate supplies them."""
        for tag in tags:
            if tag in self._replying:
                continue
            amount = self._received.amount_to_request(tag, self._transmission.lanes.queued_for(tag), now)
            if amount:
                self._counters[ClientCount.SURBS_REQUESTED] += amount
                self._transmission.put(messages.Reply(messages.SurbRequest(self._address, amount)), tag, SURB_REQUEST)

    def maintain(self, now: float) -> None:
        """Once in a while: drop keys that are too old, and tags from which nothing comes any more.

        Strangers are asked for SURBs only when something waits for them: thousands of tags would mean thousands of
        requests.
        """
        self._issued.purge(now)
        self.ask(self._received.served_tags(), now)
        for tag in self._received.silent(now):
            self._received.drop(tag)
            self._replying.drop(tag)
            self._counters[ClientCount.STARVED] += self._transmission.drop(tag)
