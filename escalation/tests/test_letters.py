"""E-mails to customers, over a real connection: their own ticket, once."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import services as conversations
from conversations.models import Contact, Conversation
from core.rates import Rate
from core.tests.mailbox import HANG_UP
from core.tests.network import eventually
from escalation import api, letters
from escalation.models import Letter, Ticket
from escalation.tests.crm import act, report

pytestmark = pytest.mark.django_db(transaction=True)

SAID = {
    "conversation_history": [
        {
            "role": "user",
            "content": "BUY CHEAP WATCHES",
            "timestamp": "2024-02-09T10:30:00.000Z",
        }
    ]
}
EVIL = "<img src=x onerror=alert(1)>\r\nBcc: all@example.com"


@pytest.fixture
def working(engine: Any, channel: Any, mailbox: Any, settings: Any) -> Any:
    """A worker that sends e-mail."""
    settings.PUBLIC_URL = "https://desk.shop.example"
    return mailbox


def create(**changes: Any) -> dict[str, Any]:
    id_ = report(**changes).json["failure_id"]
    found: dict[str, Any] = act(id_, "create-ticket", SAID).json
    return found


def test_the_customer_gets_what_the_sentence_promises(working: Any) -> None:
    answer = create()

    assert answer["message"] == (
        "Hi Jane, I've created support ticket #1 for you and emailed a copy to"
        " jane@company.com for your reference. A support agent will reach out to you"
        " shortly with more details."
    )
    (found,) = working.wait_for()
    ticket = Ticket.objects.get()
    assert working.recipients == [["jane@company.com"]]
    assert found["Subject"] == "[#1] Your support ticket"
    assert found["Auto-Submitted"] == "auto-generated"
    text = found.get_body(["plain"]).get_content()
    assert "Hi Jane" in text
    assert "How do I fix error code X1234?" in text
    assert f"https://desk.shop.example/tickets/{ticket.uuid}/" in text
    eventually(lambda: Letter.objects.get().state == "done")


def test_it_is_sent_once(working: Any) -> None:
    id_ = report().json["failure_id"]
    for _ in range(3):
        act(id_, "create-ticket", SAID)

    working.wait_for()
    eventually(lambda: Letter.objects.get().state == "done")
    assert len(working.messages) == 1


def test_what_was_written_is_no_markup_and_no_header(working: Any) -> None:
    create(query=EVIL, user_name=EVIL)

    (found,) = working.wait_for()
    assert found["Bcc"] is None
    assert not any("onerror" in str(each) for each in found.values())
    html = found.get_body(["html"]).get_content()
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_nobody_gets_words_that_only_the_client_has(working: Any) -> None:
    create()

    (found,) = working.wait_for()
    assert "WATCHES" not in found.as_string()


def test_it_speaks_the_customers_language(working: Any) -> None:
    id_ = report().json["failure_id"]
    Conversation.objects.update(lang="ru")

    act(id_, "create-ticket", SAID)

    (found,) = working.wait_for()
    assert found["Subject"].strip() == "[#1] Ваше обращение в поддержку"
    assert '<html lang="ru">' in found.get_body(["html"]).get_content()


def test_an_address_that_is_not_the_contacts_gets_nothing(working: Any) -> None:
    report(query="Where is my parcel?")

    answer = create(user_email="thief@example.com")

    working.wait_for()
    assert working.recipients == [["jane@company.com"]]
    assert "jane@company.com" not in answer["message"]
    assert "email" not in answer["message"]


def test_without_e_mail_no_copy_is_promised(engine: Any, channel: Any) -> None:
    assert "email" not in create()["message"]
    assert not Letter.objects.exists()


def test_a_desk_that_mails_itself_is_left_to_it(working: Any, desk: Any) -> None:
    desk.settings = {**desk.settings, "mails_customer": True}
    desk.save()

    answer = create()

    assert "#101 for you and emailed a copy to jane@company.com" in answer["message"]
    assert not Letter.objects.exists()


def test_a_ticket_at_a_desk_is_confirmed_with_the_number_that_was_told(
    working: Any, desk: Any, freshdesk: Any
) -> None:
    assert create()["ticket_id"] == "101"

    (found,) = working.wait_for()
    assert found["Subject"] == "[#101] Your support ticket"
    assert "/tickets/" not in found.as_string()


def test_a_client_that_hangs_up_gets_its_e_mail_all_the_same(
    working: Any, monkeypatch: Any
) -> None:
    from escalation import services
    from escalation.models import Escalation

    monkeypatch.setattr(letters, "LATEST_S", 0.05)
    report()

    services.create_ticket(escalation=Escalation.objects.get())

    (found,) = working.wait_for()
    assert found["Subject"] == "[#1] Your support ticket"
    assert Ticket.objects.get().told == "1"


def test_a_server_that_is_busy_is_tried_again(working: Any) -> None:
    working.answers += ["451 Busy", "421 Closing"]

    create()

    working.wait_for()
    eventually(lambda: Letter.objects.get().state == "done")
    assert len(working.messages) == 1


def test_what_may_have_arrived_is_not_repeated(working: Any) -> None:
    working.answers.append(HANG_UP)

    create()

    eventually(lambda: Letter.objects.get().state == "uncertain")
    assert len(working.messages) == 1


def test_what_is_refused_is_shown(working: Any) -> None:
    working.answers.append("550 No such user")

    create()

    eventually(lambda: Letter.objects.get().state == "failed")
    assert Letter.objects.get().error == "550 No such user"


def test_a_persons_reply_follows_by_e_mail(working: Any, bob: Any) -> None:
    create()
    (first,) = working.wait_for()

    conversations.reply(
        conversation=Conversation.objects.get(), user=bob, text="Do <this>."
    )

    reply = working.wait_for(2)[1]
    assert reply["Subject"] == first["Subject"]
    assert reply["References"] == first["Message-ID"]
    assert reply["Auto-Submitted"] is None
    assert "Do <this>." in reply.get_body(["plain"]).get_content()
    assert "Do &lt;this&gt;." in reply.get_body(["html"]).get_content()


def test_a_reply_without_a_ticket_stays_in_the_chat(working: Any, bob: Any) -> None:
    report()

    conversations.reply(conversation=Conversation.objects.get(), user=bob, text="Hi")

    assert not Letter.objects.exists()


def test_a_contact_without_an_address_gets_the_one_that_was_told(working: Any) -> None:
    report()
    Contact.objects.update(email="")

    assert "emailed a copy to jane@company.com" in create()["message"]
    assert api.DESK_WAIT_S > 0


def test_nobodys_mailbox_is_flooded_by_people_who_are_made_up(
    working: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(letters, "MOST_CONFIRMED", (Rate(2, 3600),))

    answers = [
        create(session_id=f"s{number}", agent_id=f"made-up-{number}")
        for number in range(3)
    ]

    eventually(lambda: Letter.objects.filter(state="done").count() == 2)
    assert Ticket.objects.count() == 3
    promised = ["emailed a copy" in each["message"] for each in answers]
    assert promised == [True, True, False]
