"""Rate a reply, once; what follows from it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext

from conversations.asking import requires_escalation
from conversations.learning import heed_rating
from conversations.models import Conversation
from core.exceptions import Conflict
from feedback.models import Feedback

if TYPE_CHECKING:
    from conversations.models import Message


class AlreadyRated(Conflict):
    """The contact has said something else of this message before."""

    code = "already_rated"


class NotRateable(Conflict):
    """The message asked for escalation: it gets no rating."""

    code = "not_rateable"


@transaction.atomic
def rate(
    *,
    message: Message,
    rating: Feedback.Rating,
    agent_type: str = Feedback.AgentType.CUSTOMER,
    external_id: str = "",
    name: str = "",
    email: str = "",
    comment: str = "",
) -> Feedback:
    """Keep what a contact says of a reply, and let it count.

    The same rating again, as by a client that tries once more, gives the first row.
    Raises `AlreadyRated` for another rating, `NotRateable` for what is escalated.
    """
    _hold(message)
    _refuse_unrateable(message)
    known = _known(message, external_id)
    if known is not None and known.rating != rating:
        raise AlreadyRated(gettext("This message was rated before."))
    if known is not None:
        return known
    row = Feedback.objects.create(
        account_id=message.account_id,
        conversation_id=message.conversation_id,
        message=message,
        rating=rating,
        agent_type=agent_type,
        external_id=external_id,
        name=name,
        email=email,
        comment=comment,
    )
    if agent_type != Feedback.AgentType.TEST:
        heed_rating(message=message, is_right=rating == Feedback.Rating.HELPFUL)
    return row


def rate_by_press(*, message: Message, is_helpful: bool) -> None:
    """Keep a press under a reply; one that cannot count changes nothing.

    Buttons stay under old replies, and who presses twice means the first.
    """
    rating = Feedback.Rating.HELPFUL if is_helpful else Feedback.Rating.UNHELPFUL
    with contextlib.suppress(AlreadyRated, NotRateable):
        rate(message=message, rating=rating)


def _hold(message: Message) -> None:
    """Let nobody else rate or escalate in this conversation until the transaction ends.

    Everywhere conversations come before accounts, which what follows may hold. Without
    this the new row would ask for its conversation only at the commit, after them.
    """
    rows = Conversation.objects.select_for_update(no_key=True)
    list(rows.filter(pk=message.conversation_id).values_list("pk"))


def _known(message: Message, external_id: str) -> Feedback | None:
    """What was said before: under this id of the CRM, else of this message."""
    rows = Feedback.objects.filter(conversation_id=message.conversation_id)
    named = rows.filter(external_id=external_id).first() if external_id else None
    return named or rows.filter(message=message).first()


def _refuse_unrateable(message: Message) -> None:
    # Rated or escalated, never both: escalation refuses what was rated, and holds the
    # conversation while it looks, as we do.
    if requires_escalation(message):
        raise NotRateable(
            gettext("This reply offered a person or a ticket; it cannot be rated.")
        )
