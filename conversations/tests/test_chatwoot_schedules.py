"""Chatwoot and we, whatever happens in whatever order: over its stand-in.

Random schedules of customers, redelivered, late and lost webhooks, people who act over
there, slow models, faults and restarts, each from a seed that is the test's own name.
`CHATWOOT_SCHEDULES=10000` runs more of them, `CHATWOOT_SCHEDULES=4711-4799` those.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from typing import Any

import pytest
from django.utils import timezone

from ai_model import claiming, turns
from ai_model.exchange import Answer
from conversations import delivery, looking, services
from conversations.models import Conversation, Delivery, Message
from conversations.tests.workers import Worker
from integrations import receiving, syncing
from integrations.adapters.base import WebhookRequest
from integrations.facts import adapter_of
from integrations.models import Event
from integrations.rehearsal.chatwoot_account import BOT, PERSON
from integrations.tests.chatwoot import CREDENTIALS, Rehearsal
from integrations.tests.factories import ChatwootChannelFactory

STEPS = 40
TERMINAL = {"answered", "handed_over", "ignored", "failed"}
DONE = {"sent", "failed", "uncertain", "withheld"}
FAULTS = [
    "lost_before",
    "lost_after",
    "429",
    "500",
    "500_after",
    "504_after",
    "crowded",
]


class World:
    """A stand-in for Chatwoot, a channel of ours, and two workers."""

    def __init__(self, seed: int, rehearsal: Rehearsal) -> None:
        self.random = random.Random(seed)
        self.rehearsal = rehearsal
        self.chatwoot = rehearsal.account
        self.channel = ChatwootChannelFactory(credentials=dict(CREDENTIALS))
        self.workers = [Worker(), Worker()]
        self.delivered: list[Any] = []
        #: Conversations in which people have acted since the bot was last wanted.
        self.held: set[int] = set()
        self.problems: list[str] = []
        self._watch()

    def _watch(self) -> None:
        say, status = self.chatwoot.say, self.chatwoot.set_status

        def watched_say(
            number: int, text: Any, kind: str, sender: Any, **more: Any
        ) -> Any:
            is_public = kind == "outgoing" and not more.get("private")
            if is_public and sender == BOT and number in self.held:
                self.problems.append(f"the bot spoke in {number} after a person acted")
            if is_public and sender == PERSON:
                self.held.add(number)
            return say(number, text, kind, sender, **more)

        def watched_status(number: int, name: str) -> None:
            status(number, name)
            (self.held.discard if name == "pending" else self.held.add)(number)

        self.chatwoot.say = watched_say  # type: ignore[method-assign]
        self.chatwoot.set_status = watched_status  # type: ignore[method-assign]

    def close(self) -> None:
        for each in self.workers:
            each.lease.release()

    # -- over there

    def number(self) -> int | None:
        numbers = list(self.chatwoot.conversations)
        return self.random.choice(numbers) if numbers else None

    def customer_writes(self) -> None:
        number = self.number()
        if number is None or (
            len(self.chatwoot.conversations) < 3 and self.chance(0.3)
        ):
            number = None
        text = self.random.choice(["hello", "How long?", "and", "x" * 130])
        self.chatwoot.customer_writes(text, number)

    def person_acts(self) -> None:
        number = self.number()
        if number is None:
            return
        match self.random.choice(
            ["reply", "assign", "note", "open", "back", "end", "sleep"]
        ):
            case "reply":
                self.chatwoot.person_writes(number, "I do it.")
            case "assign":
                # As newer versions do.
                self.chatwoot.set_status(number, "open")
                self.chatwoot.assign(number, PERSON)
            case "note":
                self.chatwoot.person_writes(number, "Careful.", private=True)
            case "open":
                self.chatwoot.set_status(number, "open")
            case "back":
                self.gives_back(number)
            case "end":
                self.chatwoot.set_status(number, "resolved")
            case "sleep":
                self.chatwoot.set_status(number, "snoozed")

    def gives_back(self, number: int) -> None:
        if self.chatwoot.conversations[number]["status"] == "open":
            self.chatwoot.set_status(number, "pending")

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # -- on the way

    def event_arrives(self) -> None:
        if not self.rehearsal.events:
            return
        place = self.random.randrange(min(3, len(self.rehearsal.events)))
        event = self.rehearsal.events[place]
        del self.rehearsal.events[place]
        if self.chance(0.05):
            return  # lost: Chatwoot does not repeat it
        delivery_id = f"{self.random.random()}"
        self.delivered.append((event, delivery_id))
        self.take(event, delivery_id)

    def event_is_redelivered(self) -> None:
        if self.delivered:
            event, delivery_id = self.random.choice(self.delivered)
            if event["event"].startswith("message"):
                delivery_id = f"{self.random.random()}"  # as seen in the wild
            self.take(event, delivery_id)

    def take(self, event: Any, delivery_id: str) -> None:
        """What the inbox does, and the step after it."""
        body = json.dumps(event)
        headers = {"x-chatwoot-delivery": delivery_id}
        request = WebhookRequest(headers, {}, body.encode())
        key = adapter_of(self.channel).delivery_key(request, json.loads(body))
        if key:
            Event.objects.get_or_create(
                channel=self.channel,
                delivery_key=key,
                defaults={"body": body, "received_at": timezone.now()},
            )
            receiving.work_off()
            assert not Event.objects.exclude(state__in=["done", "ignored"]).exists()

    # -- here

    def worker(self) -> Worker:
        return self.random.choice(self.workers)

    def turns_begin(self, worker: Worker | None = None) -> None:
        worker = worker or self.worker()
        Conversation.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        worker.turns += claiming.claim(worker.number, 10)[0]

    def model_answers(self, worker: Worker | None = None) -> None:
        worker = worker or self.worker()
        if not worker.turns:
            return
        claimed = worker.turns.pop(self.random.randrange(len(worker.turns)))
        hands_off = self.chance(0.15)
        answer = Answer(
            "It takes three days, dear customer.",
            Message.State.HANDED_OVER if hands_off else Message.State.ANSWERED,
            "asked_for_person" if hands_off else "answered",
            "en",
            hands_off=hands_off,
        )
        (result,) = turns.settle([(claimed, answer, self.chance(0.7))])
        if result.verdict == "more_words":
            more = claiming.reread(claimed)
            worker.turns += [more] if more else []

    def parts_are_claimed(self, worker: Worker | None = None) -> None:
        worker = worker or self.worker()
        Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
        worker.parts += delivery.claim(worker.number, 10)

    def part_leaves(
        self, worker: Worker | None = None, *, is_well: bool = False
    ) -> None:
        worker = worker or self.worker()
        if not worker.parts:
            return
        claimed = worker.parts.pop(self.random.randrange(len(worker.parts)))
        if not is_well and self.chance(0.25):
            self.rehearsal.api.faults.append(self.random.choice(FAULTS))
        outcome = asyncio.run(worker.deliver._attempt(claimed))  # noqa: SLF001
        self.rehearsal.api.faults.clear()
        if not is_well and self.chance(0.1):
            self.restart(worker)  # before it has written down what it did
        elif outcome is not None:
            delivery.record([delivery.replace(outcome, worker=claimed.worker)])

    def desk_acts(self) -> None:
        row = self.random.choice(list(Conversation.objects.all()) or [None])
        if row is None:
            return
        act = self.random.choice(["hand_off", "hand_back"])
        if act == "hand_off":
            services.hand_off(conversation=row, reason="taken_over")
        else:
            # Staff over here decide it, whatever staff over there have said.
            if row.status != Conversation.Status.ACTIVE:
                self.held.discard(int(row.external_id))
            services.hand_back(conversation=row, reason="handed_back")

    def restart(self, worker: Worker | None = None) -> None:
        worker = worker or self.worker()
        worker.lease.release()
        self.workers[self.workers.index(worker)] = Worker()

    def recover(self, worker: Worker | None = None) -> None:
        worker = worker or self.worker()
        turns.recover(worker.number)
        delivery.recover(worker.number)

    def look(self, worker: Worker | None = None) -> None:
        worker = worker or self.worker()
        for each in looking.claim():
            asyncio.run(worker.look._look(each))  # noqa: SLF001

    def sync(self) -> None:
        self.channel.refresh_from_db()
        syncing.sync(self.channel)

    # -- the schedule

    def run(self) -> None:
        actions = [
            (self.customer_writes, 10),
            (self.person_acts, 5),
            (self.event_arrives, 22),
            (self.event_is_redelivered, 3),
            (self.turns_begin, 10),
            (self.model_answers, 10),
            (self.parts_are_claimed, 10),
            (self.part_leaves, 14),
            (self.desk_acts, 2),
            (self.restart, 1),
            (self.recover, 3),
            (self.look, 4),
            (self.sync, 1),
        ]
        weights = [weight for _, weight in actions]
        for action, _ in self.random.choices(actions, weights, k=STEPS):
            action()
            assert not self.problems, self.problems

    def drain(self) -> None:
        """Nothing more happens but work, and the sync that finds what was lost."""
        while self.rehearsal.events:
            self.event_arrives()
        self.sync()
        for _ in range(100):
            Conversation.objects.filter(look_at__isnull=False).update(
                look_at=timezone.now()
            )
            for worker in self.workers:
                self.recover(worker)
                self.look(worker)
                self.turns_begin(worker)
                while worker.turns:
                    self.model_answers(worker)
                self.parts_are_claimed(worker)
                while worker.parts:
                    self.part_leaves(worker, is_well=True)
            while self.rehearsal.events:
                self.event_arrives()
            if not self.is_busy():
                # The last thing that happened may have been ours.
                self.sync()
                if not self.is_busy():
                    break
        else:
            raise AssertionError("the work never ends")
        assert not self.problems, self.problems

    def is_busy(self) -> bool:
        waiting = Conversation.objects.filter(due_at__isnull=False)
        looks = Conversation.objects.filter(look_at__isnull=False)
        parts = Delivery.objects.exclude(state__in=DONE)
        return waiting.exists() or looks.exists() or parts.exists()

    def check(self) -> None:
        for number, messages in self.chatwoot.messages.items():
            written = [each["id"] for each in messages if each["message_type"] == 0]
            row = Conversation.objects.get(external_id=str(number))
            kept = row.messages.filter(author="contact")
            names = sorted(int(each.external_id) for each in kept)
            assert names == written, "a message was lost or doubled"
            assert set(kept.values_list("state", flat=True)) <= TERMINAL
            said = self.chatwoot.said_by_bot(number)
            references = [each["content_attributes"]["reference"] for each in said]
            assert len(references) == len(set(references)), "a part arrived twice"
            replies = row.messages.filter(author="assistant").order_by("id")
            read_up_to = [each.answers_up_to for each in replies]
            assert read_up_to == sorted(set(read_up_to)), "two replies to one message"
            self.check_hands(number, row)

    def check_hands(self, number: int, row: Conversation) -> None:
        """At rest both sides agree on who replies."""
        status = self.chatwoot.conversations[number]["status"]
        expected = {"pending": "active", "resolved": "closed"}.get(
            status, "support_active"
        )
        assert row.status == expected, f"{status} there, {row.status} here"


def seeds() -> range:
    """The first so many, or from one to another."""
    first, dash, last = os.environ.get("CHATWOOT_SCHEDULES", "60").partition("-")
    return range(int(first), int(last) + 1) if dash else range(int(first))


@pytest.mark.parametrize("seed", seeds())
def test_every_schedule_ends_well(db: None, seed: int, monkeypatch: Any) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    monkeypatch.setattr("integrations.adapters.chatwoot.ChatwootAdapter.max_length", 12)
    with Rehearsal() as rehearsal:
        world = World(seed, rehearsal)
        try:
            world.run()
            world.drain()
            world.check()
        finally:
            world.close()
