"""Errands of a worker that lives, but whose connection to the database broke."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError

from conversations.tests.factories import MessageFactory
from core.exceptions import TemporaryProviderError, UncertainProviderError
from core.tests.network import eventually
from escalation import ladder
from escalation.ladder import AlertStep
from escalation.letters import LetterStep
from escalation.models import Alert
from escalation.notes import NoteStep
from escalation.tests.factories import escalated
from escalation.tickets import TicketStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from integrations.errands import Errand, ErrandStep

pytestmark = pytest.mark.django_db(transaction=True)


def tried(monkeypatch: Any, step: type[ErrandStep], *faults: Exception) -> list[str]:
    """What a kind of errand does from now on; its first attempts end with faults."""
    events: list[str] = []
    left = [*faults]

    async def attempt(self: ErrandStep, row: Errand) -> dict[str, Any]:
        events.append("attempt")
        if left:
            raise left.pop(0)
        return {}

    monkeypatch.setattr(step, "attempt", attempt)
    return events


def once_lost(function: Callable[..., Any]) -> Callable[..., Any]:
    """It is done and committed, but its first answer never arrives."""
    lost: list[Any] = []

    def called(*args: Any) -> Any:
        found = function(*args)
        # A claim that found nothing is none.
        if found != [] and not lost:
            lost.append(found)
            raise OperationalError("the connection is lost")
        return found

    return called


@pytest.mark.parametrize("step", [AlertStep, LetterStep, NoteStep, TicketStep])
def test_what_was_claimed_without_hearing_of_it_is_done(
    step: type[ErrandStep], monkeypatch: Any, engine: Any
) -> None:
    events = tried(monkeypatch, step)
    monkeypatch.setattr(step, "_claim", once_lost(step._claim))

    row = escalated(MessageFactory())[step.model]

    eventually(lambda: step.model._default_manager.get(pk=row.pk).state == "done")
    row.refresh_from_db()
    assert (row.worker, row.attempts, row.must_look) == (None, 1, False)
    assert events == ["attempt"]


def test_what_runs_long_is_begun_once(monkeypatch: Any, engine: Any) -> None:
    begun: list[int] = []

    async def attempt(self: LetterStep, row: Errand) -> dict[str, Any]:
        begun.append(row.pk)
        # Several looks for errands long.
        await asyncio.sleep(1.2)
        return {}

    monkeypatch.setattr(LetterStep, "attempt", attempt)
    letter = escalated(MessageFactory())[LetterStep.model]

    eventually(lambda: type(letter).objects.get().state == "done")
    assert begun == [letter.pk]


def test_what_may_have_arrived_is_recorded_when_the_database_is_back(
    monkeypatch: Any, engine: Any
) -> None:
    doubt = UncertainProviderError("hung up", provider="email")
    events = tried(monkeypatch, LetterStep, doubt)
    # Breaks within the transaction that records, which is then rolled back.
    monkeypatch.setattr(LetterStep, "settled", once_lost(LetterStep.settled))

    letter = escalated(MessageFactory())[LetterStep.model]

    eventually(lambda: type(letter).objects.get().state == "uncertain")
    letter.refresh_from_db()
    assert (letter.worker, letter.error) == (None, "hung up")
    assert events == ["attempt"]


def test_an_errand_is_not_begun_again_before_its_record_was_heard_of(
    monkeypatch: Any, engine: Any
) -> None:
    """Else the record, stored once more, would end the attempt that is under way."""
    busy = TemporaryProviderError("busy", provider="email")
    events = tried(monkeypatch, LetterStep, busy)
    store = once_lost(LetterStep._store)

    def stored(*args: Any) -> None:
        events.append("record")
        store(*args)

    monkeypatch.setattr(LetterStep, "_store", stored)

    letter = escalated(MessageFactory())[LetterStep.model]

    eventually(lambda: events.count("record") == 3)
    assert events == ["attempt", "record", "record", "attempt", "record"]
    eventually(lambda: type(letter).objects.get().state == "done")


def test_an_alert_that_left_is_not_repeated(
    monkeypatch: Any, alice: Any, mailbox: Any, engine: Any, channel: Any
) -> None:
    """The database was away when it was to be noted that the service works."""
    alice.email = "alice@shop.example"
    alice.save()
    monkeypatch.setattr(ladder, "_note_success", once_lost(ladder._note_success))

    escalated(MessageFactory(conversation__channel=channel))

    eventually(lambda: Alert.objects.get().state == "done")
    alerts = [each for each in mailbox.messages if "needs a person" in each["Subject"]]
    assert len(alerts) == 1
