"""Whatever happens in whatever order: nothing is lost, nothing is said twice.

Random schedules of contacts, people, workers and their deaths, each from a seed that
the failing test names. `SCHEDULES=5000` runs more of them.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from typing import Any

import pytest
from django.utils import timezone

from ai_model import claiming, turns
from ai_model.exchange import Answer
from ai_model.models import Turn
from conversations import delivery, services
from conversations.delivery import Outcome
from conversations.models import Conversation, Delivery, Message
from conversations.replies import Verdict
from conversations.tests.acting import say, turn_over
from core import work
from core.lease import Lease
from core.tests.network import eventually
from integrations.adapters.inbound import Turnover
from integrations.tests.factories import ChatwootChannelFactory
from knowledge.tests.factories import EntryFactory

GROUPS = 10
SEEDS = int(os.environ.get("SCHEDULES", "150"))
STEPS = 45
TERMINAL = {"answered", "handed_over", "ignored", "failed"}
DONE = {"sent", "failed", "uncertain", "withheld"}


class Worker:
    """A worker process: its sign of life, its turns, its parts on the way."""

    def __init__(self) -> None:
        self.lease = Lease()
        self.number = self.lease.hold()
        self.turns: list[Any] = []
        self.parts: list[Any] = []
        #: What became of parts that left, and is not recorded yet.
        self.outcomes: list[Outcome] = []

    def die(self) -> None:
        self.lease.release()

    def lose_the_lease(self) -> None:
        """As when its session breaks: it works on, under a new number."""
        self.lease.release()
        self.number = self.lease.hold()


class World:
    """Two threads of one contact each, a desk, a provider, and three workers."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.channel = ChatwootChannelFactory()
        self.workers = [Worker() for _ in range(3)]
        self.said: list[tuple[str, str]] = []
        #: Parts that are with the provider, by conversation, in order of arrival.
        self.arrived: dict[int, list[int]] = defaultdict(list)

    def close(self) -> None:
        for each in self.workers:
            each.die()

    # -- contacts and people

    def contact_writes(self) -> None:
        thread = self.random.choice("ab")
        name = f"m{len(self.said)}"
        self.said.append((thread, name))
        text = self.random.choice(["hello", "How long?", "and", "x" * 130])
        say(self.channel, text, thread=thread, id_=name)

    def message_is_redelivered(self) -> None:
        if self.said:
            thread, name = self.random.choice(self.said)
            assert not say(self.channel, "again", thread=thread, id_=name).is_new

    def conversation(self) -> Conversation | None:
        rows = list(Conversation.objects.filter(channel=self.channel).order_by("id"))
        return self.random.choice(rows) if rows else None

    def person_acts(self) -> None:
        row = self.conversation()
        if row is None:
            return
        act = self.random.choice(["off", "off", "back", "back", "close", "reply"])
        if act == "off":
            services.hand_off(conversation=row, reason="taken_over")
        elif act == "back":
            services.hand_back(conversation=row, reason="handed_back")
        elif act == "close":
            services.close(conversation=row, reason="closed_by_person")
        else:
            services.reply(conversation=row, user=None, text="person speaking here")

    def person_acts_at_the_provider(self) -> None:
        thread = self.random.choice("ab")
        if self.random.random() < 0.5:
            number = f"s{self.random.randrange(10)}"
            say(self.channel, "I do it.", thread=thread, id_=number, author="support")
        else:
            turn_over(self.channel, self.random.choice(list(Turnover)), thread)

    # -- workers

    def worker_claims_turns(self, worker: Worker | None = None) -> None:
        worker = worker or self.random.choice(self.workers)
        Conversation.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        claims, _ = claiming.claim(worker.number, 10)
        worker.turns += claims

    def worker_answers(self, worker: Worker | None = None) -> None:
        worker = worker or self.random.choice(self.workers)
        if not worker.turns:
            return
        claimed = worker.turns.pop(self.random.randrange(len(worker.turns)))
        hands_off = self.random.random() < 0.1
        answer = Answer(
            "It takes three days, dear customer.",
            Message.State.HANDED_OVER if hands_off else Message.State.ANSWERED,
            "asked_for_person" if hands_off else "answered",
            "en",
            hands_off=hands_off,
        )
        before = Conversation.objects.get(pk=claimed.conversation_id)
        (result,) = turns.settle([(claimed, answer, self.random.random() < 0.7)])
        if result.verdict is Verdict.COMMITTED:
            assert before.epoch == claimed.epoch, "spoke although a person had acted"
            assert before.worker == claimed.worker, "spoke without a claim"
        elif result.verdict is Verdict.MORE_WORDS:
            more = claiming.reread(claimed)
            if more is not None:
                worker.turns.append(more)

    def turn_breaks(self) -> None:
        worker = self.random.choice(self.workers)
        if worker.turns:
            turns.release(worker.turns.pop(), "error")

    def worker_claims_parts(self, worker: Worker | None = None) -> None:
        worker = worker or self.random.choice(self.workers)
        Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
        worker.parts += delivery.claim(worker.number, 10)

    def worker_sends(
        self, worker: Worker | None = None, *, is_well: bool = False
    ) -> None:
        worker = worker or self.random.choice(self.workers)
        if not worker.parts:
            return
        claimed = worker.parts.pop(self.random.randrange(len(worker.parts)))
        row = Delivery.objects.select_related("conversation").get(pk=claimed.id)
        if claimed.must_look and row.pk in self.arrived[row.conversation_id]:
            self.keep(worker, claimed, Delivery.State.SENT)
            return
        if not delivery.start([claimed.id], worker.number):
            return
        conversation = Conversation.objects.get(pk=row.conversation_id)
        assert row.epoch in (None, conversation.epoch), "a part left into a new epoch"
        self.send(worker, claimed, row, is_well=is_well)

    def send(
        self, worker: Worker, claimed: Any, row: Delivery, *, is_well: bool
    ) -> None:
        fate = "sent" if is_well else self.random.choice(
            ["sent"] * 6 + ["busy", "refused", "lost", "doubtful", "dies", "dies late"]
        )  # fmt: skip
        if fate in ("sent", "doubtful", "dies late"):
            self.arrived[row.conversation_id].append(row.pk)
        if fate == "sent":
            self.keep(worker, claimed, Delivery.State.SENT)
        elif fate == "busy":
            look = claimed.must_look
            self.keep(worker, claimed, Delivery.State.WAITING, must_look=look)
        elif fate in ("lost", "doubtful"):
            self.keep(worker, claimed, Delivery.State.WAITING, must_look=True)
        elif fate == "refused":
            self.keep(worker, claimed, Delivery.State.FAILED)
        else:
            self.replace(worker)

    def keep(
        self, worker: Worker, claimed: Any, state: Any, *, must_look: bool = False
    ) -> None:
        worker.outcomes.append(
            Outcome(
                claimed.id,
                state,
                must_look=must_look,
                due_at=timezone.now(),
                worker=claimed.worker,
                attempts=claimed.attempts,
            )
        )

    def worker_records(self, worker: Worker | None = None) -> None:
        worker = worker or self.random.choice(self.workers)
        if worker.outcomes:
            delivery.record(worker.outcomes)
            # Else it does not hear of that, and will store them again.
            if self.random.random() < 0.8:
                worker.outcomes = []

    def worker_loses_its_lease(self) -> None:
        self.random.choice(self.workers).lose_the_lease()

    def worker_dies(self) -> None:
        self.replace(self.random.choice(self.workers))

    def replace(self, worker: Worker) -> None:
        worker.die()
        self.workers[self.workers.index(worker)] = Worker()

    def worker_recovers(self, worker: Worker | None = None) -> None:
        worker = worker or self.random.choice(self.workers)
        turns.recover(worker.number)
        delivery.recover(worker.number)

    # -- the schedule

    def run(self, steps: int) -> None:
        actions = [
            (self.contact_writes, 10),
            (self.message_is_redelivered, 2),
            (self.person_acts, 4),
            (self.person_acts_at_the_provider, 2),
            (self.worker_claims_turns, 10),
            (self.worker_answers, 10),
            (self.turn_breaks, 1),
            (self.worker_claims_parts, 10),
            (self.worker_sends, 12),
            (self.worker_records, 12),
            (self.worker_loses_its_lease, 1),
            (self.worker_dies, 1),
            (self.worker_recovers, 3),
        ]
        chosen = self.random.choices(
            [action for action, _ in actions],
            [weight for _, weight in actions],
            k=steps,
        )
        for action in chosen:
            action()
            self.check_always()

    def drain(self) -> None:
        """Nothing more happens but work."""
        for _ in range(200):
            for worker in self.workers:
                self.worker_recovers(worker)
                self.worker_claims_turns(worker)
                self.worker_claims_parts(worker)
                while worker.turns:
                    self.worker_answers(worker)
                while worker.parts:
                    self.worker_sends(worker, is_well=True)
                self.worker_records(worker)
            if not self.is_busy():
                return
        raise AssertionError("the work never ends")

    def is_busy(self) -> bool:
        waiting = Conversation.objects.filter(
            channel=self.channel, due_at__isnull=False
        )
        parts = Delivery.objects.exclude(state__in=DONE)
        return waiting.exists() or parts.exists()

    # -- what must hold

    def check_always(self) -> None:
        lost = Message.objects.filter(state="waiting", conversation__due_at=None)
        assert not lost.exists(), "a message waits where nobody looks"

    def check_at_the_end(self) -> None:
        contacts = Message.objects.filter(
            conversation__channel=self.channel, author="contact"
        )
        assert contacts.count() == len(self.said), "a message was lost or doubled"
        assert set(contacts.values_list("state", flat=True)) <= TERMINAL
        for row in Conversation.objects.filter(channel=self.channel):
            assert (row.due_at, row.waiting_since, row.worker) == (None, None, None)
            self.check_conversation(row)
        assert not Turn.objects.filter(state="running").exists()

    def check_conversation(self, row: Conversation) -> None:
        replies = row.messages.filter(author="assistant").order_by("id")
        read_up_to = [each.answers_up_to for each in replies]
        assert read_up_to == sorted(set(read_up_to)), "two replies to one message"
        arrived = self.arrived[row.pk]
        assert len(arrived) == len(set(arrived)), "a part arrived twice"
        assert arrived == sorted(arrived), "parts arrived out of order"
        sent = set(row.deliveries.filter(state="sent").values_list("pk", flat=True))
        assert sent <= set(arrived), "a part counts as sent and never left"
        names = list(row.messages.filter(author="contact").order_by("id"))
        order = [int(each.external_id[1:]) for each in names]
        assert order == sorted(order), "messages lost their order"
        # One that did not arrive is told once more, under a new number.
        told_once = row.messages.exclude(state="failed")
        numbers = list(told_once.order_by("id").values_list("seq", flat=True))
        assert numbers == sorted(numbers), "events lost their order"


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_schedule_ends_well(db: None, group: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("integrations.adapters.chatwoot.ChatwootAdapter.max_length", 12)
    for seed in range(group, SEEDS, GROUPS):
        world = World(seed)
        try:
            world.run(STEPS)
            world.drain()
            world.check_at_the_end()
        except AssertionError as exc:
            raise AssertionError(f"Seed {seed}: {exc}") from exc
        finally:
            world.close()


def test_a_running_service_is_stopped_and_started_in_the_middle(
    transactional_db: None, chatwoot: Any, network: Any, monkeypatch: Any
) -> None:
    """The real loop, with people who take over meanwhile."""
    monkeypatch.setattr("integrations.adapters.chatwoot.ChatwootAdapter.max_length", 12)
    chance = random.Random(1)
    EntryFactory(
        account=chatwoot.account,
        title="How long does delivery take?",
        body="Delivery takes three working days.",
    )
    EntryFactory(account=chatwoot.account, title="Gift cards", body="Two years.")
    try:
        for number in range(40):
            if number % 10 == 5:
                work.stop()
            if number % 10 == 0:
                work.start()
            thread = f"t{chance.randrange(12)}"
            say(
                chatwoot,
                "How long does delivery take?",
                thread=thread,
                id_=f"m{number}",
            )
            work.wake("turns")
            if chance.random() < 0.2:
                row = Conversation.objects.get(external_id=thread)
                services.hand_off(conversation=row, reason="taken_over")
        work.start()
        eventually(lambda: not Message.objects.filter(state="waiting").exists())
        eventually(lambda: not Delivery.objects.exclude(state__in=DONE).exists())
    finally:
        work.stop()

    assert Message.objects.filter(author="contact").count() == 40
    for row in Conversation.objects.all():
        replies = row.messages.filter(author="assistant").order_by("id")
        read_up_to = [each.answers_up_to for each in replies]
        assert read_up_to == sorted(set(read_up_to))
        assert row.worker is None
