"""What is kept for how long: deleted when its time is over, never while it is open."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import keeping, tasks
from accounts.models import Retention, RetentionRun
from ai_model.models import Turn
from ai_model.tests.unanswered import ask
from conversations.models import Contact, Conversation, Message
from conversations.tests.acting import say
from conversations.tests.factories import ConversationFactory, MessageFactory
from escalation.models import Escalation, Ticket
from escalation.tests.factories import escalated
from feedback.models import Feedback
from integrations.models import Event
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db

OLD = dt.timedelta(days=100)


def keep(account: Any, **days: Any) -> Retention:
    found: Retention = Retention.objects.create(account=account, **days)
    return found


def old_conversation(channel: Any, status: str = "closed") -> Conversation:
    """One that ended long ago: a question with its answer."""
    row = ConversationFactory(
        channel=channel, status=status, last_text="Three days.", address={"chat": 1}
    )
    MessageFactory(conversation=row, attachments=[{"kind": "image", "url": "x"}])
    MessageFactory(conversation=row, author="assistant", state="sent")
    make_old(row)
    return row


def make_old(row: Conversation) -> None:
    then = timezone.now() - OLD
    Conversation.objects.filter(pk=row.pk).update(last_message_at=then, created_at=then)
    Contact.objects.filter(pk=row.contact_id).update(created_at=then)
    Message.objects.filter(conversation=row).update(created_at=then)
    Turn.objects.filter(conversation=row).update(created_at=then)


def test_by_default_all_is_kept_except_raw_events(channel: Any, settings: Any) -> None:
    settings.EVENT_RETENTION_DAYS = 30
    old_conversation(channel)
    for number, state in enumerate(Event.State.values):
        Event.objects.create(
            channel=channel,
            delivery_key=str(number),
            body="{}",
            state=state,
            received_at=timezone.now() - dt.timedelta(days=31),
        )

    assert tasks.forget_old() == {"events": 2}
    assert tasks.forget_old() == {"events": 0}

    assert {each.state for each in Event.objects.all()} == {"waiting", "failed"}
    assert Message.objects.count() == 2


def test_old_closed_conversations_go_with_all_that_belongs_to_them(
    channel: Any, account: Any
) -> None:
    keep(account, conversations_days=90)
    gone, kept = old_conversation(channel), ConversationFactory(status="closed")
    ask(channel, "How long?", conversation=gone)
    make_old(gone)
    open_ = old_conversation(channel, status="active")

    assert keeping.forget_old(account)["conversations"] == 1

    assert set(Conversation.objects.values_list("pk", flat=True)) == {kept.pk, open_.pk}
    assert not Message.objects.filter(conversation=gone.pk).exists()


@pytest.mark.parametrize("state", ["open", "acknowledged", "ticket"])
@pytest.mark.parametrize("kind", ["conversations", "messages", "contacts"])
def test_nothing_open_is_forgotten(
    channel: Any, account: Any, state: str, kind: str
) -> None:
    keep(account, **{f"{kind}_days": 1})
    row = ConversationFactory(channel=channel)
    escalated(MessageFactory(conversation=row))
    Escalation.objects.update(state=state)
    Conversation.objects.update(
        status="closed", needs_person=False, due_at=None, worker=None
    )
    make_old(row)
    before = Message.objects.count()

    dry = keeping.forget_old(account, is_dry=True)
    real = keeping.forget_old(account)

    assert dry[kind] == real[kind] == 0
    assert Message.objects.count() == before
    assert Contact.objects.get().anonymised_at is None


def test_words_that_wait_are_not_deleted(channel: Any, account: Any) -> None:
    keep(account, messages_days=1)
    say(channel, "Is anybody there?")
    make_old(Conversation.objects.get())

    assert keeping.forget_old(account)["messages"] == 0


def test_messages_go_while_their_conversation_stays(channel: Any, account: Any) -> None:
    keep(account, messages_days=90)
    row = old_conversation(channel, status="active")
    going_on = old_conversation(channel, status="active")
    ask(channel, "How long?", conversation=row)
    make_old(row)
    MessageFactory(conversation=going_on)

    counts = keeping.forget_old(account)

    row.refresh_from_db()
    going_on.refresh_from_db()
    assert counts["messages"] >= 4
    assert row.last_text == ""
    assert going_on.last_text == "Three days."
    assert going_on.messages.count() == 1
    # What repeats their words goes no later.
    assert not Turn.objects.exists()


def test_attachments_go_and_the_words_stay(channel: Any, account: Any) -> None:
    keep(account, attachments_days=90)
    row = old_conversation(channel)

    assert keeping.forget_old(account)["attachments"] == 1

    assert [each.attachments for each in row.messages.order_by("pk")] == [[], []]
    assert row.messages.first().text == "Where is my parcel?"


def personal(channel: Any) -> Conversation:
    row = ConversationFactory(channel=channel)
    escalated(MessageFactory(conversation=row))
    Escalation.objects.update(name="Bat", email="bat@x.mn", state="answered")
    Ticket.objects.update(email="bat@x.mn", history=[{"content": "I am Bat"}])
    Feedback.objects.create(
        account=row.account,
        conversation=row,
        message=row.messages.first(),
        rating="helpful",
        name="Bat",
        email="bat@x.mn",
    )
    Contact.objects.filter(pk=row.contact_id).update(
        name="Bat", email="bat@x.mn", external_id="+97699", profile={"phone": "+97699"}
    )
    Conversation.objects.filter(pk=row.pk).update(
        status="closed",
        needs_person=False,
        due_at=None,
        worker=None,
        external_id="+97699",
        address={"phone": "+97699"},
    )
    Message.objects.filter(state="waiting").update(state="handed_over")
    make_old(row)
    return row


def test_a_contact_is_made_nameless_everywhere(channel: Any, account: Any) -> None:
    keep(account, contacts_days=90)
    row = personal(channel)

    assert keeping.forget_old(account)["contacts"] == 1
    assert keeping.forget_old(account)["contacts"] == 0

    tables = (Contact, Conversation, Escalation, Ticket, Feedback)
    told = json.dumps([list(each.objects.values()) for each in tables], default=str)
    assert "Bat" not in told
    assert "bat@x.mn" not in told
    assert "97699" not in told
    assert Conversation.objects.get(pk=row.pk).messages.exists()


def test_a_contact_is_deleted_where_the_account_wants_that(
    channel: Any, account: Any
) -> None:
    keep(account, contacts_days=90, contacts_are="delete")
    personal(channel)

    assert keeping.forget_old(account)["contacts"] == 1

    assert not Contact.objects.exists()
    assert not Conversation.objects.exists()


def test_another_accounts_rows_stay(channel: Any, account: Any) -> None:
    keep(account, conversations_days=1, messages_days=1, contacts_days=1)
    foreign = old_conversation(ChannelFactory())

    tasks.forget_old()

    assert Message.objects.filter(conversation=foreign).count() == 2


def test_a_dry_run_tells_and_changes_nothing(
    channel: Any, account: Any, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(keeping, "BATCH", 2)
    keep(account, conversations_days=90)
    for _ in range(5):
        old_conversation(channel)

    call_command("retention", "--dry-run", "--json", "--account", account.name)
    rows = json.loads(capsys.readouterr().out)
    still_there = Conversation.objects.count()
    call_command("retention", "--account", account.name)

    told = {row["what"]: (row["after_days"], row["rows"]) for row in rows}
    assert told == {"events": (30, 0), "conversations": (90, 5)}
    assert not any(row["deleted"] for row in rows)
    assert still_there == 5
    assert not Conversation.objects.exists()


def test_what_was_deleted_stands_on_record(channel: Any, account: Any) -> None:
    keep(account, conversations_days=90)
    old_conversation(channel)

    keeping.forget_old(account, is_dry=True)
    keeping.forget_old(account)
    keeping.forget_old(account)

    run = RetentionRun.objects.get()
    assert run.counts == {"events": 0, "conversations": 1}
    assert run.days == {"events": 30, "conversations": 90}


def test_an_unknown_account_is_one_line(db: None) -> None:
    with pytest.raises(CommandError, match="no account with the name"):
        call_command("retention", "--account", "nobody")
