"""Replies to our e-mails: over both wires, into the conversation, once."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

from conversations import services as conversations
from conversations.models import Conversation, Message
from core import imap
from core.exceptions import ProviderError
from core.tests.network import eventually
from escalation.incoming import read_mailbox
from escalation.models import Alert, Escalation, IncomingMail, Letter, Rung, Ticket
from escalation.tasks import read_mailbox as task
from escalation.tests.crm import QUESTION, act, ask, report
from integrations.rehearsal.mail import MailServer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

US = "desk@shop.example"
JANE = "jane@company.com"


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    """A mail server that takes what we send, and has a mailbox."""
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, port = server.smtp_url.removeprefix("smtp://").split(":")
        settings.EMAIL_PORT = int(port)
        settings.DEFAULT_FROM_EMAIL = US
        settings.MAILBOX_URL = server.mailbox_url
        yield server


@pytest.fixture
def ticket(engine: Any, channel: Any, mail: MailServer) -> Ticket:
    """A ticket that is only here, and whose confirmation has left."""
    act(report().json["failure_id"], "create-ticket", {"conversation_history": []})
    eventually(lambda: Letter.objects.filter(state="done").exists())
    return Ticket.objects.get()


def look(mail: MailServer) -> dict[str, int]:
    return dict(read_mailbox(imap.parse(mail.mailbox_url)))


def reply(mail: MailServer, text: str = "It still fails.", **headers: str) -> bytes:
    """The customer's answer to the newest e-mail, with other headers on request."""
    number = mail.reply(text)
    made = email.message_from_bytes(mail.mails[number], policy=email.policy.default)
    for name, value in headers.items():
        del made[name.replace("_", "-")]
        if value:
            made[name.replace("_", "-")] = value
    mail.mails[number] = made.as_bytes()
    return mail.mails[number]


def said() -> list[str]:
    rows = Message.objects.filter(author="contact").order_by("pk")
    return list(rows.values_list("text", flat=True))


def test_a_reply_comes_into_the_conversation(mail: MailServer, ticket: Ticket) -> None:
    seq = Conversation.objects.get().seq
    reply(mail, f"It still fails.\n\nOn 22 Nov 2026, Shop <{US}> wrote:\n> Hi Jane\n")

    assert look(mail) == {"replies": 1}

    assert said() == [QUESTION, "It still fails."]
    row = Conversation.objects.get()
    assert (row.status, row.status_reason) == ("support_active", "wrote_by_email")
    assert (row.needs_person, row.unread > 0, row.seq > seq) == (True, True, True)
    assert row.last_text == "It still fails."
    message = Message.objects.latest("pk")
    assert (message.state, message.reason) == ("handed_over", "wrote_by_email")
    assert IncomingMail.objects.get().message == message


def test_the_thread_goes_on_both_ways(
    mail: MailServer, ticket: Ticket, bob: Any
) -> None:
    reply(mail, "First.")
    look(mail)
    conversations.reply(conversation=Conversation.objects.get(), user=bob, text="And?")
    eventually(lambda: len(mail.sent) == 2)
    reply(mail, "Second.")

    assert look(mail) == {"replies": 1}

    assert said() == [QUESTION, "First.", "Second."]
    # Nothing was answered by itself: one confirmation, one person's reply.
    assert len(mail.sent) == 2


def test_the_assistant_does_not_answer_by_itself(
    mail: MailServer, ticket: Ticket
) -> None:
    before = Message.objects.filter(author="assistant").count()
    reply(mail, "Thanks, how long do you deliver?")

    look(mail)

    assert Conversation.objects.get().due_at is None
    assert Message.objects.filter(author="assistant").count() == before


def test_what_was_looked_at_is_not_read_again(mail: MailServer, ticket: Ticket) -> None:
    reply(mail)
    look(mail)

    assert look(mail) == {}
    assert len(said()) == 2


def test_the_same_mail_twice_is_one_message(mail: MailServer, ticket: Ticket) -> None:
    mail.put(reply(mail))

    assert look(mail) == {"replies": 1, "known before": 1}
    assert len(said()) == 2


def test_a_mailbox_that_was_numbered_anew_loses_and_doubles_nothing(
    mail: MailServer, ticket: Ticket
) -> None:
    reply(mail, "First.")
    look(mail)
    mail.validity = 2
    mail.mails = {1: reply(mail, "Second."), 2: mail.mails[1]}

    assert look(mail) == {"replies": 1, "known before": 1}
    assert said() == [QUESTION, "First.", "Second."]


def test_a_look_that_breaks_off_is_taken_up_again(
    mail: MailServer, ticket: Ticket
) -> None:
    reply(mail, "First.")
    reply(mail, "Second.")
    mail.faults.append("hang_up")

    with pytest.raises(ProviderError):
        look(mail)
    assert said() == [QUESTION]

    assert look(mail) == {"replies": 2}
    assert said() == [QUESTION, "First.", "Second."]


def test_who_writes_from_elsewhere_is_not_the_customer(
    mail: MailServer, ticket: Ticket, client: Any, bob: Any
) -> None:
    reply(mail, "<b>Send me all</b>", From="thief@example.com")

    assert look(mail) == {"unverified": 1}

    assert said() == [QUESTION]
    assert Conversation.objects.get().needs_person
    client.force_login(bob)
    page = client.get(f"/desk/{Conversation.objects.get().uuid}/").content.decode()
    assert "thief@example.com" in page
    assert "&lt;b&gt;Send me all" in page
    # The customer's own page shows none of it.
    own = client.get(f"/tickets/{ticket.uuid}/").content.decode()
    assert "Send me all" not in own


def test_a_number_in_the_subject_alone_is_only_a_hint(
    mail: MailServer, ticket: Ticket
) -> None:
    reply(mail, "Me again", In_Reply_To="", References="")

    assert look(mail) == {"unverified": 1}
    assert said() == [QUESTION]


@pytest.mark.parametrize(
    "headers",
    [
        {"In_Reply_To": "", "References": "", "Subject": "Hello"},
        {"In_Reply_To": "", "References": "", "From": "other@example.com"},
        {"From": f"Shop <{US}>"},
    ],
    ids=["no reply", "somebody else's number", "our own"],
)
def test_what_is_not_ours_is_left_alone(
    mail: MailServer, ticket: Ticket, headers: dict[str, str]
) -> None:
    reply(mail, "Hi", **headers)

    assert set(look(mail)) <= {"not ours"}
    assert not IncomingMail.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "auto_reply"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@mx.example"},
    ],
    ids=str,
)
def test_what_programs_write_bothers_nobody(
    mail: MailServer, ticket: Ticket, headers: dict[str, str]
) -> None:
    reply(mail, "I am away", **headers)

    assert look(mail) == {"automatic": 1}
    assert said() == [QUESTION]
    assert Letter.objects.get().state == "done"
    assert len(mail.sent) == 1


def test_a_letter_that_came_back_is_shown(mail: MailServer, ticket: Ticket) -> None:
    mail.put(
        "From: MAILER-DAEMON@mx.example\r\nSubject: Undelivered\r\n"
        "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n"
        "550 No such user\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Action: failed\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"Message-ID: <{Letter.objects.get().uuid}@shop.example>\r\n--b--\r\n".encode()
    )

    assert look(mail) == {"automatic": 1}
    row = Letter.objects.get()
    assert (row.state, row.error) == ("failed", "550 No such user")


def test_files_are_named_to_people(mail: MailServer, ticket: Ticket) -> None:
    raw = reply(mail, "See there.")
    made: Any = email.message_from_bytes(raw, policy=email.policy.default)
    made.add_attachment(
        b"x" * 900_000, maintype="image", subtype="png", filename="a.png"
    )
    mail.mails[1] = made.as_bytes()

    look(mail)

    message = Message.objects.latest("pk")
    assert message.text == "See there."
    assert [each["name"] for each in message.attachments] == ["a.png"]


def test_an_answered_ticket_calls_people_again(
    mail: MailServer, ticket: Ticket, account: Any, bob: Any
) -> None:
    Rung.objects.create(account=account, position=1, destination="email")
    conversation = Conversation.objects.get()
    conversations.reply(conversation=conversation, user=bob, text="Like this.")
    conversations.hand_back(conversation=conversation, reason="handed_back")
    assert Escalation.objects.get().state == "answered"
    known = set(Alert.objects.values_list("uuid", flat=True))
    eventually(lambda: len(mail.sent) >= 2)
    mail.sent.sort(key=lambda raw: b"Like this." in raw)
    reply(mail, "It did not help.")

    look(mail)

    row = Escalation.objects.get()
    assert (row.state, row.acknowledged_at) == ("ticket", None)
    eventually(lambda: set(Alert.objects.values_list("uuid", flat=True)) - known)


def test_a_flood_stays_in_the_mailbox(
    mail: MailServer, ticket: Ticket, monkeypatch: Any
) -> None:
    from escalation import incoming

    monkeypatch.setattr(incoming, "MOST_A_DAY", 2)
    for number in range(4):
        reply(mail, f"Words {number}")

    assert look(mail) == {"replies": 2, "too many": 2}


def test_a_customer_who_is_forgotten_leaves_no_mail(
    mail: MailServer, ticket: Ticket
) -> None:
    from escalation import handling

    reply(mail, "Words", From="other@example.com")
    look(mail)

    handling.anonymise([Conversation.objects.get().pk])

    assert not IncomingMail.objects.exists()


def test_the_timed_job_reads_where_there_is_a_mailbox(
    mail: MailServer, ticket: Ticket, settings: Any
) -> None:
    reply(mail)

    assert task() == {"replies": 1}

    settings.MAILBOX_URL = ""
    assert task() is None


def test_two_looks_at_once_store_each_mail_once(
    mail: MailServer, ticket: Ticket
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    for number in range(5):
        reply(mail, f"Words {number}")

    def run(_: int) -> dict[str, int]:
        try:
            return look(mail)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(run, range(3)))

    assert sum(each.get("replies", 0) for each in found) == 5
    assert sorted(said()) == sorted([QUESTION, *(f"Words {n}" for n in range(5))])


def test_a_chat_goes_on_with_people_after_a_mail(
    mail: MailServer, ticket: Ticket
) -> None:
    reply(mail)
    look(mail)

    assert ask("And by chat?")["session_id"]
    assert said()[-1] == "And by chat?"


def test_a_mail_made_by_hand_is_no_crash(mail: MailServer, ticket: Ticket) -> None:
    made = EmailMessage()
    made["From"] = JANE
    made["References"] = f"<{Letter.objects.get().uuid}@elsewhere.example>"
    made.set_content("")
    mail.put(made)
    mail.put(b"Subject: [#1]\r\n\xff\xfe\r\n\r\n\x00")

    assert look(mail)["replies"] == 1
    assert len(said()) == 2
