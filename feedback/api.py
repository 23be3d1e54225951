"""Ratings from CRMs and from the chat page. Paths and fields are a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from conversations import limits, sessions
from conversations.api import NAMES_CHANNEL, channel_of, session_of, validated
from conversations.finding import UnknownMessage
from conversations.identity import Person, identify
from conversations.models import Conversation
from core.api import error_body, error_response, json_body, method_not_allowed
from core.exceptions import AppError
from core.openapi import DoneSerializer, describe
from feedback import finding, services
from feedback.models import Feedback
from feedback.serializers import FeedbackSerializer, ThumbSerializer

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable


@describe(
    "post",
    takes=FeedbackSerializer,
    gives=DoneSerializer,
    errors=(400, 401, 403, 404, 405, 409, 413, 415, 429),
    **NAMES_CHANNEL,
)
@csrf_exempt
@login_not_required
def rate(request: HttpRequest) -> JsonResponse:
    """`POST /api/feedback`: what a CRM's user says of a reply."""
    return _answer(request, lambda: _rate(request))


@describe(
    "post",
    takes=ThumbSerializer,
    gives=DoneSerializer,
    errors=(400, 401, 403, 404, 405, 409, 413, 415, 429),
    query=NAMES_CHANNEL["query"],
    headers={**NAMES_CHANNEL["headers"], "X-Session-Id": {"type": "string"}},
)
@csrf_exempt
@login_not_required
def rate_on_page(
    request: HttpRequest, channel: uuid.UUID, message: uuid.UUID
) -> JsonResponse:
    """`POST /api/chat/{channel}/messages/{message}/feedback`: the page's thumbs."""
    return _answer(request, lambda: _rate_on_page(request, channel, message))


def _answer(request: HttpRequest, act: Callable[[], object]) -> JsonResponse:
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        act()
    except services.AlreadyRated as exc:
        body = {"success": False, **error_body(exc)}
        return JsonResponse(body, status=exc.status_code)
    except AppError as exc:
        return error_response(exc)
    return JsonResponse({"success": True})


def _rate(request: HttpRequest) -> Feedback:
    data = validated(FeedbackSerializer, json_body(request))
    conversation = _conversation_of(request, data)
    message = finding.reply_meant(
        conversation, query=data["query"], response=data["response"]
    )
    return services.rate(
        message=message,
        rating=Feedback.Rating(data["feedback_type"]),
        agent_type=data["agent_type"],
        external_id=data["message_id"],
        name=data["user_info"]["full_name"],
        email=data["user_info"]["email"],
        comment=data.get("comment", ""),
    )


def _conversation_of(request: HttpRequest, data: dict[str, Any]) -> Conversation:
    """The session that the CRM's user has on the channel; raises `UnknownMessage`."""
    channel, who = channel_of(request), data["user_info"]
    person = identify(channel, who["agent_id"], who.get("signature", ""))
    limits.admit(request, channel, person, "rate")
    session = sessions.find(channel, data["agent_type"], person, data["session_id"])
    rows = Conversation.objects.filter(channel=channel, external_id=session.thread)
    found = rows.first()
    if found is None:
        raise UnknownMessage
    return found


def _rate_on_page(
    request: HttpRequest, channel: uuid.UUID, name: uuid.UUID
) -> Feedback:
    data = validated(ThumbSerializer, json_body(request))
    conversation = session_of(request, channel)
    if conversation is None:
        raise UnknownMessage
    person = Person(conversation.external_id)
    limits.admit(request, conversation.channel, person, "rate")
    message = finding.reply_named(conversation, name)
    return services.rate(
        message=message,
        rating=Feedback.Rating(data["feedback_type"]),
        comment=data.get("comment", ""),
    )
