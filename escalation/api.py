"""Failures and tickets, as CRMs report and ask for them. The paths are a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt

from conversations import limits, live, sessions
from conversations.api import NAMES_CHANNEL, channel_of, validated
from conversations.identity import Person, identify
from core.api import error_response, json_body, method_not_allowed
from core.exceptions import AppError
from core.openapi import DoneSerializer, describe
from core.text import isoformat
from escalation import failures, letters, services
from escalation.models import Escalation, Ticket
from escalation.reasons import Reason
from escalation.serializers import (
    CreatedSerializer,
    FailureSerializer,
    RecordedSerializer,
    TicketSerializer,
)

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from conversations.models import Conversation
    from integrations.models import Channel

#: How these calls may be refused, for the document.
ERRORS = (400, 401, 403, 404, 405, 409, 413, 415, 429)
#: Seconds for which a client waits for the number that the desk gives a ticket.
DESK_WAIT_S = 6.0


class UnknownFailure(AppError):
    """No such failure on this channel; the same for one that belongs to others."""

    code = "unknown_failure"
    status_code = 404


@describe(
    "post",
    takes=FailureSerializer,
    gives=RecordedSerializer,
    errors=ERRORS,
    **NAMES_CHANNEL,
)
@csrf_exempt
@login_not_required
def record_failure(request: HttpRequest) -> JsonResponse:
    """`POST /api/agent-failure/`: a reply did not help."""

    def act() -> dict[str, Any]:
        data = validated(FailureSerializer, json_body(request))
        channel = channel_of(request)
        person = identify(channel, data["agent_id"], data.get("signature", ""))
        limits.admit(request, channel, person, "escalate")
        row = failures.record(channel=channel, failure=_failure(channel, person, data))
        return {"failure_id": str(row.uuid), "id": str(row.uuid)}

    return _answer(request, act)


@describe(
    "post",
    takes=TicketSerializer,
    gives=CreatedSerializer,
    errors=ERRORS,
    **NAMES_CHANNEL,
)
@csrf_exempt
@login_not_required
async def create_ticket(request: HttpRequest, failure: uuid.UUID) -> JsonResponse:
    """`POST /api/agent-failure/{id}/create-ticket`: the contact wants one.

    Waits a while for the desk's number, and holds no thread meanwhile.
    """
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        data = validated(TicketSerializer, json_body(request))
        row = await sync_to_async(_find)(request, failure)
        conversation = row.conversation
        ticket = await sync_to_async(services.create_ticket)(
            escalation=row, history=_history(data)
        )
        await _wait_for_desk(conversation, ticket)
        return JsonResponse(await sync_to_async(_told)(ticket))
    except AppError as exc:
        return error_response(exc)


@describe("post", gives=DoneSerializer, errors=ERRORS, **NAMES_CHANNEL)
@csrf_exempt
@login_not_required
def decline(request: HttpRequest, failure: uuid.UUID) -> JsonResponse:
    """`POST /api/agent-failure/{id}/decline`: the contact wants no ticket."""

    def act() -> dict[str, Any]:
        services.decline(escalation=_find(request, failure))
        return {"success": True}

    return _answer(request, act)


def _answer(request: HttpRequest, act: Callable[[], dict[str, Any]]) -> JsonResponse:
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        return JsonResponse(act())
    except AppError as exc:
        return error_response(exc)


def _failure(
    channel: Channel, person: Person, data: dict[str, Any]
) -> failures.Failure:
    session = sessions.find(channel, data["agent_type"], person, data["session_id"])
    return failures.Failure(
        session=session,
        agent_type=data["agent_type"],
        query=data["query"],
        response=data["agent_response"],
        reason=Reason(data["escalation_reason"]),
        confidence=data["confidence_score"],
        person=person,
        name=data["user_name"],
        email=data["user_email"],
        agency=data["user_agency"],
        office=data["user_office"],
    )


def _history(data: dict[str, Any]) -> list[dict[str, str]]:
    said = data["conversation_history"]
    return [{**each, "timestamp": isoformat(each["timestamp"])} for each in said]


async def _wait_for_desk(conversation: Conversation, ticket: Ticket) -> None:
    """Until the desk has made the ticket or refused it, or the time is up."""

    async def look() -> bool | None:
        row = await Ticket.objects.aget(pk=ticket.pk)
        return None if row.is_under_way else True

    group = live.conversation_group(conversation.channel_id, conversation.external_id)
    await live.wait_until(group, look, timeout_s=DESK_WAIT_S)


def _told(ticket: Ticket) -> dict[str, Any]:
    ticket = services.tell(ticket=ticket)
    return {
        "ticket_id": ticket.told,
        "id": ticket.told,
        "number": ticket.number,
        "message": letters.sentence(ticket),
    }


def _find(request: HttpRequest, name: uuid.UUID) -> Escalation:
    channel = channel_of(request)
    rows = Escalation.objects.select_related("conversation")
    found = rows.filter(conversation__channel=channel, uuid=name).first()
    if found is None:
        raise UnknownFailure(gettext("There is no such failure."))
    # Apart from failures: whoever was let in to tell of one may decide about it.
    limits.admit(request, channel, Person(found.agent_id), "decide")
    return found
