"""What counting costs beside what is counted: runs in the process of `bench.tallies`."""

from __future__ import annotations

import datetime as dt
import random
import time
import uuid
from pathlib import Path
from typing import Any
from unittest import mock

#: Minutes that are played, and questions of each.
MINUTES, PER_MINUTE = 5, 1_200
#: Messages of one webhook flush.
FLUSH = 20
#: Nights that are played: one of each day of the week, whose traffic differs.
NIGHTS = 7
DAY = dt.timedelta(days=1)


class Cpu:
    """Processor seconds of this process and of its database connection."""

    def __init__(self) -> None:
        from core import store

        pid = store.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"]
        self._path = Path(f"/proc/{pid}/schedstat")
        self._start = self._read()

    def _read(self) -> float:
        server = int(self._path.read_text(encoding="ascii").split()[0]) / 1e9
        return time.process_time() + server

    def spent(self) -> float:
        """Since the last look."""
        before, self._start = self._start, self._read()
        return self._start - before


class Arrivals:
    """Questions and their answers as they come in life: spread over the businesses.

    Most belong to a conversation that is there already. Model and search are left out.
    """

    def __init__(self) -> None:
        from bench.history import shares_of
        from integrations.facts import facts_of
        from integrations.models import Channel

        channels = Channel.objects.filter(provider="web").order_by("account")
        self._facts = [facts_of(each) for each in channels]
        self._shares = shares_of(len(self._facts)).tolist()
        self._names: list[list[str]] = [[] for _ in self._facts]
        self._chance = random.Random(1)  # noqa: S311 (a made-up day)
        self.messages = 0

    def draw(self, count: int) -> list[Any]:
        """So many questions, but one of a conversation."""
        return list(dict(self._arrival() for _ in range(count)).values())

    def exchange(self, arrivals: list[Any]) -> None:
        """These questions at once, and then their answers."""
        from ai_model import claiming, turns
        from ai_model.exchange import Answer
        from conversations import intake
        from conversations.models import Message

        intake.receive(arrivals)
        claims, _ = claiming.claim(1, len(arrivals))
        assert len(claims) == len(arrivals), (len(claims), len(arrivals))
        sources = [{"entry_id": "entry-1", "title": "Entry 1", "confidence": 0.9}]
        answer = Answer(
            "It is on its way.", Message.State.ANSWERED, "answered", "en",
            confidence=0.93, sources=sources,
        )  # fmt: skip
        turns.settle([(each, answer, True) for each in claims])
        self.messages += 2 * len(claims)

    def _arrival(self) -> tuple[str, Any]:
        from bench.history import GOES_ON
        from integrations.adapters.inbound import InboundMessage

        [owner] = self._chance.choices(range(len(self._facts)), self._shares)
        names = self._names[owner]
        if not names or self._chance.random() >= GOES_ON:
            names.append(str(uuid.uuid4()))
        name = self._chance.choice(names[-400:])
        message = InboundMessage(name, name, str(uuid.uuid4()), "Where is my parcel?")
        return name, (self._facts[owner], message)


def upkeep() -> dict[str, Any]:
    """What counting costs beside what is counted, in processor time."""
    from ai_model.analytics import feeding, settling, spans
    from ai_model.models import TallyFeed
    from conversations.models import Message
    from core import store

    # Workers of a parallel query are processes of their own, whose time nobody reads.
    store.execute("SET max_parallel_workers_per_gather = 0")
    arrivals = Arrivals()
    arrivals.exchange(arrivals.draw(1))
    feeding.feed()
    arrivals.messages = 0
    ingest = counting = 0.0
    cpu = Cpu()
    for _ in range(MINUTES):
        drawn = [arrivals.draw(FLUSH) for _ in range(PER_MINUTE // FLUSH)]
        cpu.spent()
        for each in drawn:
            arrivals.exchange(each)
        ingest += cpu.spent()
        feeding.feed()
        counting += cpu.spent()
    messages = arrivals.messages
    settling.settle()
    mark = TallyFeed.objects.get()
    assert mark.settled_until is not None
    nights = _nights(mark.settled_until)
    end = spans.start_of(mark.settled_until)
    of_nights = Message.objects.filter(
        created_at__gte=end - dt.timedelta(days=NIGHTS), created_at__lt=end
    ).count()
    per_message = ingest / messages
    per_night = {name: nights[name] / of_nights for name in ("judging", "comparing")}
    return {
        "ingest_us": per_message * 1e6,
        "feed_us": counting / messages * 1e6,
        "judging_us": per_night["judging"] * 1e6,
        "comparing_us": per_night["comparing"] * 1e6,
        "night_us": sum(per_night.values()) * 1e6,
        "night_messages": of_nights / NIGHTS,
        "mended": nights["mended"],
        "share": (counting / messages + sum(per_night.values())) / per_message,
    }


def _nights(until: dt.date) -> dict[str, float]:
    """What the nights of a week cost, and how many numbers they found wrong.

    Seconds of judging, and of comparing with the rows: each business is compared once in
    a round of nights, so a night has an even part of comparing all. Played each with what
    was known at the time, and taken back.
    """
    from django.db import transaction
    from django.utils import timezone

    from accounts.models import Account
    from ai_model.analytics import feeding, nightly, settling, spans
    from ai_model.models import TallyFeed

    found = {"judging": 0.0, "comparing": 0.0, "mended": 0}
    first = until - dt.timedelta(days=NIGHTS)
    with transaction.atomic():
        _take_back(first, until)
        cpu = Cpu()
        for day in spans.days_between(first + dt.timedelta(days=1), until + DAY):
            at = spans.start_of(day) + dt.timedelta(hours=1, minutes=1)
            with mock.patch.object(timezone, "now", return_value=at):
                cpu.spent()
                feeding.feed()
                settling.settle()
                found["judging"] += cpu.spent()
                wrong = nightly.compare(Account.objects.order_by("pk"), day)
                found["comparing"] += cpu.spent() / nightly.ROUND
                found["mended"] += len(wrong)
        assert TallyFeed.objects.get().settled_until == until
        transaction.set_rollback(True)
    return found


def _take_back(since: dt.date, until: dt.date) -> None:
    """Let answers stand as they were judged on an earlier day."""
    from ai_model.analytics import feeding, settling
    from ai_model.analytics.sources import gather

    mark = feeding.hold()
    feeding.add(
        gather(
            (account, channel, day, name, -amount)
            for account, channel, day, name, amount in settling._changed(since, until)
        )
    )
    mark.settled_until = since
    mark.save(update_fields=["settled_until"])
