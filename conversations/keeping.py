"""How long conversations, messages, attachments and contacts are kept."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.keeping import Kind, nothing_is_held, register
from accounts.models import Retention
from conversations import unfinished
from conversations.models import Contact, Conversation, Message, Portrait
from conversations.signals import contacts_anonymised
from core import ageing

if TYPE_CHECKING:
    import datetime as dt

    from django.db.models import QuerySet

    from accounts.models import Account

_OPEN = [Message.State.WAITING, Message.State.SENDING]


# -- conversations -----------------------------------------------------------------


def _old_conversations(account: Account, before: dt.datetime) -> QuerySet[Conversation]:
    rows = unfinished.quiet(account, before)
    return rows.filter(status=Conversation.Status.CLOSED)


def _forget_conversations(retention: Retention, keys: list[int]) -> None:
    Conversation.objects.filter(pk__in=keys).delete()


# -- messages ----------------------------------------------------------------------


def _old_messages(account: Account, before: dt.datetime) -> QuerySet[Message]:
    rows = ageing.older(Message.objects.for_account(account), before)
    waits = {"due_at": None, "worker": None, "needs_person": False}
    return rows.exclude(state__in=_OPEN).filter(
        **{f"conversation__{name}": value for name, value in waits.items()}
    )


def _held_messages(keys: list[int]) -> set[int]:
    rows = dict(
        Message.objects.filter(pk__in=keys).values_list("pk", "conversation_id")
    )
    held = unfinished.held(list(set(rows.values())))
    return {key for key, conversation in rows.items() if conversation in held}


def _forget_messages(retention: Retention, keys: list[int]) -> None:
    rows = Message.objects.filter(pk__in=keys)
    touched = set(rows.values_list("conversation_id", flat=True))
    rows.delete()
    left = Message.objects.filter(conversation=OuterRef("pk"))
    # Lists show the newest words.
    Conversation.objects.filter(~Exists(left), pk__in=touched).update(last_text="")


# -- attachments -------------------------------------------------------------------


def _old_attachments(account: Account, before: dt.datetime) -> QuerySet[Message]:
    return _old_messages(account, before).exclude(attachments=[])


def _forget_attachments(retention: Retention, keys: list[int]) -> None:
    Message.objects.filter(pk__in=keys).update(attachments=[])


# -- contacts ----------------------------------------------------------------------


def _old_contacts(account: Account, before: dt.datetime) -> QuerySet[Contact]:
    done = _old_conversations(account, before).values("pk")
    going_on = Conversation.objects.filter(contact=OuterRef("pk")).exclude(pk__in=done)
    return Contact.objects.for_account(account).filter(
        ~Exists(going_on), created_at__lt=before, anonymised_at=None
    )


def _held_contacts(keys: list[int]) -> set[int]:
    rows = dict(
        Conversation.objects.filter(contact__in=keys).values_list("pk", "contact_id")
    )
    return {rows[key] for key in unfinished.held(list(rows))}


def _forget_contacts(retention: Retention, keys: list[int]) -> None:
    rows = Contact.objects.filter(pk__in=keys)
    if retention.contacts_are == Retention.Forgetting.DELETE:
        rows.delete()
        return
    for row in rows:
        row.name = row.email = ""
        row.profile = {}
        row.portrait_at = None
        row.external_id = _nobody()
        row.anonymised_at = timezone.now()
        row.save()
    Portrait.objects.filter(contact__in=keys).delete()
    conversations = list(Conversation.objects.filter(contact__in=keys))
    for each in conversations:
        # Whoever writes from there again is somebody new.
        each.external_id = _nobody()
        each.address = {}
        each.save(update_fields=["external_id", "address"])
    contacts_anonymised.send(
        sender=Contact, conversations=[each.pk for each in conversations]
    )


def _nobody() -> str:
    return f"anonymous-{uuid.uuid4()}"


register(
    Kind(
        "attachments",
        _old_attachments,
        nothing_is_held,
        _forget_attachments,
        follows=("messages",),
    )
)
register(Kind("messages", _old_messages, _held_messages, _forget_messages))
register(
    Kind("conversations", _old_conversations, unfinished.held, _forget_conversations)
)
register(Kind("contacts", _old_contacts, _held_contacts, _forget_contacts))
