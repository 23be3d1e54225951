"""A contact who wants to be forgotten: what they said and who they are is erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from conversations import live
from conversations.models import Contact, Conversation, Delivery, Message, Portrait
from conversations.signals import contacts_anonymised, words_forgotten
from core import store
from integrations.models import Event

if TYPE_CHECKING:
    from collections.abc import Iterable


@transaction.atomic
def forget(contacts: Iterable[Contact]) -> None:
    """Erase words and names; that there was a conversation stays, for the figures."""
    people = list(contacts)
    if not people:
        return
    rows = Conversation.objects.filter(contact__in=people).order_by("id")
    if store.is_postgresql():
        rows = rows.select_for_update(of=("self",))
    conversations = list(rows)
    for row in conversations:
        if row.status != Conversation.Status.CLOSED:
            row.close("deleted")
        row.last_text, row.address = "", {}
        row.save(update_fields=[*row.TURNOVER_FIELDS, "last_text", "address"])
    messages = Message.objects.filter(conversation__in=conversations)
    messages.update(text="", attachments=[], preamble="")
    Delivery.objects.filter(conversation__in=conversations).update(text="")
    Contact.objects.filter(pk__in=[each.pk for each in people]).update(
        name="", email="", profile={}, portrait_at=None, profile_due_at=None
    )
    Portrait.objects.filter(contact__in=people).delete()
    _forget_events(people)
    keys = [each.pk for each in conversations]
    contacts_anonymised.send(sender=Contact, conversations=keys)
    words_forgotten.send(sender=Contact, conversations=keys)
    for row in sorted(conversations, key=lambda each: each.account_id):
        live.mark_changed(row)


def _forget_events(people: list[Contact]) -> None:
    """What providers sent, as it came; what nobody has read yet is read first."""
    read = Event.objects.filter(state__in=[Event.State.DONE, Event.State.IGNORED])
    for each in people:
        name = f'"{each.external_id}"'
        read.filter(channel_id=each.channel_id, body__contains=name).delete()
