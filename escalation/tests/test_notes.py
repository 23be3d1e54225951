"""What customers add later, on the ticket that the desk has: once, whatever goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import Message
from core.tests.network import eventually
from escalation import services
from escalation.models import Note, Ticket
from escalation.tests.crm import act, ask, report
from integrations.errands import Errand

pytestmark = pytest.mark.django_db(transaction=True)

EMPTY: dict[str, Any] = {"conversation_history": []}


@pytest.fixture
def working(engine: Any, desk: Any, failure_id: str) -> Any:
    """A desk that has the customer's ticket."""
    assert act(failure_id, "create-ticket", EMPTY).json["ticket_id"] == "101"
    return desk


def notes(freshdesk: Any) -> list[dict[str, Any]]:
    return list(freshdesk.tickets.rows[101]["conversations"])


def is_done() -> bool:
    return set(Note.objects.values_list("state", flat=True)) == {"done"}


def test_later_words_are_a_private_note(working: Any, freshdesk: Any) -> None:
    ask("It is <b>urgent</b>.\nPlease.")

    eventually(is_done)
    (note,) = notes(freshdesk)
    assert (note["private"], note["incoming"]) == (True, False)
    assert "It is &lt;b&gt;urgent&lt;/b&gt;.<br>Please." in note["body"]
    assert "Jane Smith" in note["body"]


def test_each_word_is_noted_once(working: Any, freshdesk: Any) -> None:
    for text in ("First.", "Second.", "Third."):
        ask(text)

    eventually(lambda: Note.objects.count() == 3 and is_done())
    bodies = [each["body"] for each in notes(freshdesk)]
    assert [sum(text in body for body in bodies) for text in ("First", "Third")] == [
        1, 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fault", ["lost_before", "lost_after", "500", "500_after", "504_after", "429"]
)
def test_a_note_is_there_once_whatever_goes_wrong(
    working: Any, freshdesk: Any, fault: str
) -> None:
    freshdesk.retry_after_s = 0
    freshdesk.note_faults.append(fault)

    ask("It is urgent.")

    eventually(lambda: Note.objects.exists() and is_done())
    assert len(notes(freshdesk)) == 1


def test_words_wait_for_a_ticket_that_the_desk_refused(
    engine: Any, desk: Any, failure_id: str, freshdesk: Any
) -> None:
    freshdesk.faults.append("400")
    act(failure_id, "create-ticket", EMPTY)
    ask("It is urgent.")
    eventually(lambda: Note.objects.filter(state=Errand.State.FAILED).exists())

    services.send_ticket_again(ticket=Ticket.objects.get())

    eventually(is_done)
    assert len(notes(freshdesk)) == 1


@pytest.mark.parametrize("status", ["solved", "closed", "gone"])
def test_a_ticket_that_is_over_gets_no_notes(
    working: Any, freshdesk: Any, status: str
) -> None:
    Ticket.objects.update(desk_status=status)

    ask("It is urgent.")

    assert not Note.objects.exists()


def test_without_a_desk_there_is_nothing_to_note(failure_id: str, engine: Any) -> None:
    act(failure_id, "create-ticket", EMPTY)

    ask("It is urgent.")

    assert Message.objects.filter(text="It is urgent.").exists()
    assert not Note.objects.exists()


def test_words_of_other_conversations_stay_out(working: Any, freshdesk: Any) -> None:
    ask("Somebody else's", session="another-session")

    assert not Note.objects.exists()


def test_a_note_of_ours_is_no_reply_of_staff(working: Any, freshdesk: Any) -> None:
    from integrations import following

    ask("It is urgent.")
    eventually(lambda: Note.objects.exists() and is_done())
    freshdesk.tickets.say(101, "We look at it.")

    following.notice(working, ["101"])

    eventually(lambda: Message.objects.filter(author="support").exists())
    assert [each.text for each in Message.objects.filter(author="support")] == [
        "We look at it."
    ]


def test_a_question_that_was_reported_late_is_noted_too(
    working: Any, freshdesk: Any
) -> None:
    report(query="And this did not arrive?")

    eventually(lambda: Note.objects.exists() and is_done())
    assert "And this did not arrive?" in notes(freshdesk)[0]["body"]
