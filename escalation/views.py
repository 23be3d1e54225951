"""The customer's page of a ticket, and what staff do with an escalation."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Message
from core.exceptions import AppError
from core.language import speaking
from escalation import handling, services
from escalation.models import Escalation, Ticket

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest

    from accounts.models import User

#: Newest messages that the page shows.
MOST_SAID = 100


@login_not_required
@never_cache
@require_safe
def ticket(request: HttpRequest, ticket: uuid.UUID) -> HttpResponse:
    """How a ticket stands, for whoever has its address, which cannot be guessed."""
    rows = Ticket.objects.select_related(
        "account", "escalation__question", "escalation__conversation"
    )
    row = get_object_or_404(rows, uuid=ticket)
    conversation = row.escalation.conversation
    messages = conversation.messages.exclude(state=Message.State.WITHHELD)
    said = messages.exclude(author=Message.Author.SYSTEM).order_by("-pk")[:MOST_SAID]
    with speaking(conversation.lang):
        response = render(
            request, "escalation/ticket.html", {"ticket": row, "said": reversed(said)}
        )
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
def take(request: HttpRequest, escalation: uuid.UUID) -> HttpResponse:
    """ "I take it": the link in an alert, its button, and the one on the desk.

    Only the button takes it: programs that read mail follow links.
    """
    rows = Escalation.objects.for_user(request.user).select_related(
        "conversation__contact", "question", "acknowledged_by"
    )
    row = get_object_or_404(rows, uuid=escalation)
    if request.method == "POST":
        handling.take(conversation=row.conversation, user=cast("User", request.user))
        return _back_to_desk(request, row)
    return render(request, "escalation/take.html", {"escalation": row})


@require_POST
def send_again(request: HttpRequest, ticket: uuid.UUID) -> HttpResponse:
    """Have a ticket that its desk refused made once more, from the live desk."""
    rows = Ticket.objects.for_user(request.user).select_related(
        "escalation__conversation"
    )
    row = get_object_or_404(rows, uuid=ticket)
    try:
        services.send_ticket_again(ticket=row)
    except AppError as exc:
        return HttpResponse(
            str(exc), status=exc.status_code, content_type="text/plain; charset=utf-8"
        )
    return _back_to_desk(request, row.escalation)


def _back_to_desk(request: HttpRequest, escalation: Escalation) -> HttpResponse:
    """As what happens on the desk itself: a part of the page, or the page."""
    page = "desk-thread" if "X-Partial" in request.headers else "desk-conversation"
    return redirect(page, conversation=escalation.conversation.uuid)
