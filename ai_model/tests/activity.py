"""Random traffic of many days, on a clock of its own."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from ai_model.analytics import feeding, nightly, settling
from ai_model.models import Turn
from ai_model.tests.factories import answered_turn
from conversations.models import Conversation, Message
from conversations.tests.factories import ConversationFactory, MessageFactory
from feedback.models import Feedback

if TYPE_CHECKING:
    import pytest

START = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)


class Clock:
    """What Django takes for the time."""

    def __init__(self, patch: pytest.MonkeyPatch, now: dt.datetime = START) -> None:
        self.now = now
        # It never stands still.
        patch.setattr(timezone, "now", lambda: self.pass_by(milliseconds=7))

    def pass_by(self, **span: float) -> dt.datetime:
        self.now += dt.timedelta(**span)
        return self.now


class Traffic:
    """What contacts, the assistant and people do, drawn by chance."""

    def __init__(self, clock: Clock, channels: list[Any], seed: int) -> None:
        self.clock = clock
        self.channels = channels
        self.chance = random.Random(seed)
        self.replies: list[Message] = []

    def step(self) -> None:
        """Something happens, or somebody counts."""
        self.clock.pass_by(minutes=self.chance.expovariate(1 / 90))
        act = self.chance.choices(
            [self.ask, self.rate, self.person, self.feed, self.night],
            weights=[10, 5, 2, 3, 1],
        )[0]
        act()

    def ask(self) -> None:
        conversation = self._conversation()
        reason = self.chance.choice(
            ["answered", "answered", "low_confidence", "no_results", "asked_for_person"]
        )
        turn = answered_turn(
            conversation,
            confidence=round(self.chance.random(), 6),
            reason=reason,
            finished_at=self.clock.now,
        )
        assert turn.reply is not None
        turn.reply.latency_ms = self.chance.randrange(100, 90_000)
        turn.reply.reason = reason
        turn.reply.confidence = turn.confidence
        turn.reply.sources = [{"entry_id": self.chance.choice("abc"), "title": "A"}]
        turn.reply.save()
        if self.chance.random() < 0.1:
            Turn.objects.filter(pk=turn.pk).update(state=Turn.State.DROPPED)
        self.replies.append(turn.reply)

    def rate(self) -> None:
        if not self.replies:
            return
        # Mostly of late, at times of long ago.
        newest = self.replies[-1 if self.chance.random() < 0.7 else 0 :]
        reply = self.chance.choice(newest)
        if not Feedback.objects.filter(message=reply).exists():
            Feedback.objects.create(
                account=reply.account,
                conversation=reply.conversation,
                message=reply,
                rating=self.chance.choice(
                    ["helpful", "helpful", "helpful", "unhelpful"]
                ),
            )

    def person(self) -> None:
        MessageFactory(
            conversation=self._conversation(),
            author=Message.Author.SUPPORT,
            state=Message.State.SENT,
        )

    def feed(self) -> None:
        feeding.feed()

    def night(self) -> None:
        self.clock.pass_by(hours=self.chance.uniform(6, 60))
        if self.chance.random() < 0.5:
            settling.settle()
        else:
            assert nightly.run() == 0

    def _conversation(self) -> Conversation:
        rows = list(Conversation.objects.order_by("pk"))
        if rows and self.chance.random() < 0.4:
            return self.chance.choice(rows)
        row: Conversation = ConversationFactory(
            channel=self.chance.choice(self.channels)
        )
        return row
