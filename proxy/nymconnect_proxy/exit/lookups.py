"""Which name an exit looks up next, and whom the answer is for.

A lookup of a dead name takes its time, and cannot be called back: the place that it takes is free only when the system
has given up. So the places are shared (`shares`), those who ask take turns, and a question that is under way is not
asked again: others who ask it wait for the same answer. What had no answer is remembered for a moment, a positive
answer is not: how long it may be kept is known to the system's resolver alone.
"""

from dataclasses import dataclass, field

from nymconnect_proxy.exit.shares import Shares


@dataclass(frozen=True, slots=True)
class LookupLimits:
    """Lookups under way; askings that wait, per asker and in all; names without an answer, and seconds for each."""

    under_way: int = 256
    waiting: int = 512
    waiting_per_asker: int = 128
    dead_names: int = 1024
    dead_time: float = 10.0


@dataclass(frozen=True, slots=True)
class Ask:
    """Look `name` up; answer with `answered`, whatever comes of it."""

    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """For the asking `ticket`: the addresses of its name, none if it has none."""

    ticket: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """The asking `ticket` finds too many others waiting."""

    ticket: int


LookupEffect = Ask | Answer | Refuse


@dataclass(slots=True)
class _Question:
    """One name: who waits for it, and at whose expense it is under way."""

    askers: dict[int, bytes] = field(default_factory=dict)
    charged_to: bytes | None = None


class Lookups:
    """The questions of one exit. An asking is known by its ticket, an asker by the sender that streams count for."""

    def __init__(self, limits: LookupLimits = LookupLimits()) -> None:
        self._limits = limits
        self._places = Shares(limits.under_way)
        self._questions: dict[str, _Question] = {}
        self._names: dict[int, str] = {}
        # Of each asker the askings that wait, in order; the asker whose turn is next comes first.
        self._queues: dict[bytes, dict[int, str]] = {}
        self._waiting = 0
        self._dead: dict[str, float] = {}  # until when; the oldest first

    def __len__(self) -> int:
        return len(self._questions)

    def want(self, ticket: int, asker: bytes, name: str, now: float) -> list[LookupEffect]:
        """An asking with a ticket of its own; it ends with an Answer, a Refuse, or `leave`."""
        name = name.lower() if name.isascii() else name
        self._forget_dead(now)
        if name in self._dead:
            return [Answer(ticket, ())]
        question = self._questions.get(name)
        under_way = question is not None and question.charged_to is not None
        refused = [] if under_way else self._make_room(asker)
        if refused is None:
            return [Refuse(ticket)]
        if question is None:
            question = self._questions[name] = _Question()
        question.askers[ticket] = asker
        self._names[ticket] = name
        if not under_way:
            self._queues.setdefault(asker, {})[ticket] = name
            self._waiting += 1
        return [*refused, *self._begin()]

    def answered(
        self, name: str, addresses: tuple[str, ...], now: float, *, is_dead: bool = True
    ) -> list[LookupEffect]:
        """What came of an Ask; its place is free again. Without `is_dead` no addresses say nothing of the name."""
        question = self._questions.pop(name)
        assert question.charged_to is not None
        self._places.give_back(question.charged_to)
        for ticket in question.askers:
            del self._names[ticket]
        if is_dead and not addresses:
            self._forget_dead(now)
            if len(self._dead) >= self._limits.dead_names:
                del self._dead[next(iter(self._dead))]
            self._dead[name] = now + self._limits.dead_time
        return [*(Answer(ticket, addresses) for ticket in question.askers), *self._begin()]

    def leave(self, ticket: int) -> None:
        """Nobody waits for this asking any more. A question that is under way remains so."""
        name = self._names.pop(ticket, None)
        if name is None:
            return
        question = self._questions[name]
        asker = question.askers.pop(ticket)
        self._unqueue(asker, ticket)
        if not question.askers and question.charged_to is None:
            del self._questions[name]

    def _make_room(self, asker: bytes) -> list[LookupEffect] | None:
        """The one to refuse so that another may wait; None if that is the new one itself."""
        own = len(self._queues.get(asker, ()))
        if own >= self._limits.waiting_per_asker:
            return None
        if self._waiting < self._limits.waiting:
            return []
        longest = max(self._queues.values(), key=len, default={})
        if len(longest) <= own + 1:
            return None
        newest = next(reversed(longest))
        self.leave(newest)
        return [Refuse(newest)]

    def _begin(self) -> list[LookupEffect]:
        """Start what there are places for, one of each asker in turn."""
        begun: list[LookupEffect] = []
        more = True
        while more and self._places.free:
            more = False
            for asker in list(self._queues):
                queue = self._queues.get(asker)
                if queue is None or not self._places.take(asker):
                    continue
                begun.append(self._ask(asker, next(iter(queue.values()))))
                more = True
                if asker in self._queues:  # the others come first next time
                    self._queues[asker] = self._queues.pop(asker)
        return begun

    def _ask(self, charged_to: bytes, name: str) -> Ask:
        question = self._questions[name]
        question.charged_to = charged_to
        for ticket, asker in question.askers.items():
            self._unqueue(asker, ticket)
        return Ask(name)

    def _unqueue(self, asker: bytes, ticket: int) -> None:
        queue = self._queues.get(asker, {})
        if queue.pop(ticket, None) is not None:
            self._waiting -= 1
            if not queue:
                del self._queues[asker]

    def _forget_dead(self, now: float) -> None:
        while self._dead and next(iter(self._dead.values())) <= now:
            del self._dead[next(iter(self._dead))]
