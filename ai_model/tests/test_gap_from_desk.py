"""What settled a ticket at the help desk becomes the draft that closes the gap."""

from __future__ import annotations

from typing import Any

import pytest

from ai_model.models import Gap, Turn
from ai_model.tests.unanswered import look
from conversations.models import Message
from core.tests.network import eventually
from escalation.tests.crm import act, ask, report
from integrations import following
from knowledge.models import Entry
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Do you rent out tents for a weekend?"
SOLUTION = "Yes, we rent out tents for a weekend, from 25 dollars a day."


def test_the_solution_of_a_ticket_is_drafted_as_an_entry(
    engine: Any, channel: Any, desk: Any, freshdesk: Any
) -> None:
    EntryFactory(
        account=channel.account,
        title="Gift cards",
        body="Gift cards are valid for two years and cannot be paid out.",
    )
    reply = ask(QUESTION)
    failure = report(reply, query=QUESTION).json["failure_id"]
    act(failure, "create-ticket", {"conversation_history": []})
    freshdesk.tickets.say(101, "Customer is a member since 2019.", private=True)
    freshdesk.tickets.say(101, f"Hello Jane, {SOLUTION}\nBest regards\nBob")
    freshdesk.tickets.change(101, status=4)

    following.notice(desk, ["101"])
    eventually(lambda: Message.objects.filter(author="support").exists())
    look()

    assert reply["requires_escalation"]
    assert Turn.objects.get().state == Turn.State.HANDED_OVER
    gap = Gap.objects.get()
    assert (gap.question, gap.status) == (QUESTION, Gap.Status.DRAFTED)
    entry = gap.entry
    assert entry is not None
    assert (entry.status, entry.title) == (Entry.Status.DRAFT, QUESTION)
    assert entry.body == SOLUTION
