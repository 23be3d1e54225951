"""Which conversations are done with, so that they may be closed or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, Subquery

from conversations.models import Conversation, Delivery, Message
from conversations.signals import unfinished_wanted
from core import store

if TYPE_CHECKING:
    import datetime as dt

    from accounts.models import Account
    from conversations.models import ConversationQuerySet

_STATES = Message.State


def quiet(account: Account, before: dt.datetime) -> ConversationQuerySet:
    """The account's conversations in which nothing was said since, and nothing waits."""
    is_quiet = Q(last_message_at__lt=before) | Q(
        last_message_at=None, created_at__lt=before
    )
    said = Message.objects.filter(conversation=OuterRef("pk"))
    newest = said.exclude(author=Message.Author.SYSTEM).order_by("-pk")
    rows: ConversationQuerySet = (
        Conversation.objects.for_account(account)
        .filter(is_quiet, due_at=None, worker=None, needs_person=False)
        .alias(newest_author=Subquery(newest.values("author")[:1]))
        # The contact spoke last, and people have not answered.
        .exclude(
            status=Conversation.Status.SUPPORT_ACTIVE,
            newest_author=Message.Author.CONTACT,
        )
        .exclude(Exists(said.filter(state__in=[_STATES.WAITING, _STATES.SENDING])))
        .exclude(
            Exists(
                Delivery.objects.filter(
                    conversation=OuterRef("pk"),
                    state__in=["waiting", "claimed", "sending"],
                )
            )
        )
    )
    return rows


def held(keys: list[int]) -> set[int]:
    """Those of the conversations that apps above are not done with.

    Inside a transaction the conversations are locked first, so that it stays so.
    """
    rows = Conversation.objects.filter(pk__in=keys).order_by("pk")
    if store.is_postgresql() and connection.in_atomic_block:
        rows = rows.select_for_update(of=("self",))
    known = set(rows.values_list("pk", flat=True))
    found: set[int] = set()
    answers: list[Any] = unfinished_wanted.send(
        sender=Conversation, conversations=known
    )
    for _receiver, unfinished in answers:
        found |= unfinished
    return found
