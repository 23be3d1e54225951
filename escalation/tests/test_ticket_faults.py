"""Whatever goes wrong on the way to the desk: no ticket twice, none lost.

`TICKET_FAULTS=1000 python -m pytest escalation/tests/test_ticket_faults.py` runs it with
as many tickets.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest

from conversations.tests.factories import ConversationFactory, MessageFactory
from core.tests.network import eventually
from escalation import services
from escalation.models import Escalation, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

TICKETS = int(os.environ.get("TICKET_FAULTS", "60"))
FAULTS = [
    "lost_before", "lost_after", "429", "500", "500_after", "504_after", "400",
    "nonsense_after", "", "",
]  # fmt: skip


def escalation(channel: Any, number: int) -> Escalation:
    conversation = ConversationFactory(channel=channel)
    question = MessageFactory(conversation=conversation, state="handed_over")
    return Escalation.objects.create(
        account=channel.account,
        conversation=conversation,
        question=question,
        state="offered",
        reason="no_results",
        # Some share an address, so that looking has to tell their tickets apart.
        email=f"person{number % 20}@company.com",
    )


def test_each_ticket_is_made_exactly_once(
    engine: Any, channel: Any, desk: Any, freshdesk: Any
) -> None:
    chance = random.Random(TICKETS)
    freshdesk.retry_after_s = 0
    freshdesk.faults.extend(chance.choice(FAULTS) for _ in range(2 * TICKETS))

    rows = [escalation(channel, number) for number in range(TICKETS)]
    for each in rows:
        services.create_ticket(escalation=each)

    def are_all_made() -> bool:
        for ticket in Ticket.objects.filter(state=Ticket.State.FAILED):
            assert ticket.error
            services.send_ticket_again(ticket=ticket)
        return not Ticket.objects.exclude(state=Ticket.State.DONE).exists()

    eventually(are_all_made, timeout_s=10 + TICKETS)
    made = {
        str(number): row["custom_fields"]["cf_conversation"]
        for number, row in freshdesk.tickets.rows.items()
    }
    assert Counter(made.values()) == Counter(str(each.uuid) for each in rows)
    told = Ticket.objects.values_list("external_id", "escalation__uuid")
    assert {number: str(name) for number, name in told} == made
    assert set(Escalation.objects.values_list("state", flat=True)) == {"ticket"}
