"""The chat API that CRMs speak. Its paths and fields are a contract."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from conversations import asking
from conversations.models import Conversation, Message
from conversations.serializers import (
    AskSerializer,
    isoformat,
    public_message,
    public_source,
)
from core.api import error_response, json_body, method_not_allowed, refuse
from core.exceptions import AppError, InvalidPayload, InvalidSignature
from core.text import clean_text
from integrations.adapters.base import InboundMessage
from integrations.models import Channel

AGENT_TYPES = ("customer", "support", "test")
#: Messages that a page reads at once.
PAGE = 200


class UnknownChannel(AppError):
    """No channel answers to the given key, and none is the default."""

    code = "unknown_channel"
    status_code = 404


@csrf_exempt
@login_not_required
async def ask_agent(request: HttpRequest, agent_type: str) -> JsonResponse:
    """`POST /api/agent/{agent_type}/`: a question and its reply, in one call."""
    if agent_type not in AGENT_TYPES:
        return refuse(f"There is no agent {agent_type!r}.", "unknown_agent_type", 404)
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        data = _validated(json_body(request))
        channel = await sync_to_async(channel_of)(request)
        asked = await asking.ask(channel, _inbound(agent_type, data))
    except AppError as exc:
        return error_response(exc)
    return JsonResponse(_answer(asked, data["session_id"]))


def channel_of(request: HttpRequest) -> Channel:
    """The channel that a request names by its key, or the default one."""
    key = request.headers.get("X-Channel-Key") or request.GET.get("key")
    rows = Channel.objects.active().filter(provider="web")
    wanted = rows.filter(key=clean_text(key)) if key else rows.filter(is_default=True)
    row = wanted.first()
    if row is None:
        raise UnknownChannel("There is no channel with this key.")
    return row


def _validated(payload: dict[str, Any]) -> dict[str, Any]:
    serializer = AskSerializer(data=payload)
    if not serializer.is_valid():
        raise InvalidPayload(_first_error(serializer.errors))
    return dict(serializer.validated_data)


def _first_error(errors: Any, path: str = "") -> str:
    if isinstance(errors, dict):
        name, inner = next(iter(errors.items()))
        return _first_error(inner, f"{path}.{name}" if path else str(name))
    return f"{path}: {errors[0]}"


def _inbound(agent_type: str, data: dict[str, Any]) -> InboundMessage:
    person = data["user_info"]
    # One person's session is never another's, whatever id the other one sends.
    # Nobody can work it out either, and read it as a session of the chat page.
    names = asking.name_of(agent_type, person["agent_id"], data["session_id"])
    secret = settings.SECRET_KEY.encode()
    name = hmac.new(secret, f"crm:{names}".encode(), hashlib.sha256).hexdigest()
    profile = {
        name: person[name]
        for name in ("phone", "agency", "office", "company", "division", "user_type")
        if person.get(name)
    }
    return InboundMessage(
        conversation_id=f"crm:{name}",
        contact_id=f"crm:{person['agent_id']}",
        external_id="",
        text=data["message"],
        contact_name=person["name"],
        contact_email=person["email"],
        profile=profile,
        address={"agent_type": agent_type, "session_id": data["session_id"]},
        is_synchronous=True,
    )


def _answer(asked: asking.Asked, session_id: str) -> dict[str, Any]:
    reply = asked.reply
    confidence = reply.confidence if reply is not None else None
    if confidence is None:
        # Courtesies are not searched for, and a request for a person has no answer.
        confidence = 0.0 if asked.needs_person else 1.0
    return {
        "response": asked.text,
        "session_id": session_id,
        "timestamp": isoformat(reply.created_at if reply else timezone.now()),
        "requires_escalation": asked.needs_person,
        "classification_confidence": confidence,
        "sources": [public_source(each) for each in (reply.sources if reply else [])],
    }


@csrf_exempt  # it changes nothing; a POST is told so
@login_not_required
async def chat_messages(request: HttpRequest, channel: str) -> JsonResponse:
    """`GET /api/chat/{channel}/messages?after=`: what a session missed.

    The session id in `X-Session-Id` is the key to its conversation, and to no other.
    """
    if request.method != "GET":
        return method_not_allowed("GET")
    try:
        return JsonResponse(await sync_to_async(_read)(request, channel))
    except AppError as exc:
        return error_response(exc)


def _read(request: HttpRequest, channel: str) -> dict[str, Any]:
    named = channel_of(request)
    session = request.headers.get("X-Session-Id", "")
    if str(named.uuid) != str(channel):
        raise UnknownChannel("There is no channel with this key.")
    if len(session) < 16:
        raise InvalidSignature("X-Session-Id is missing.")
    after = request.GET.get("after", "0")
    if not after.isdecimal() or len(after) > 18:
        raise InvalidPayload("`after` must be a number.")
    row = Conversation.objects.filter(channel=named, external_id=session).first()
    if row is None:
        return {
            "status": Conversation.Status.ACTIVE,
            "epoch": 0,
            "seq": 0,
            "is_waiting": False,
            "has_offer": False,
            "messages": [],
        }
    messages = (
        row.messages.filter(seq__gt=int(after))
        .exclude(state=Message.State.WITHHELD)
        .order_by("seq", "id")[:PAGE]
    )
    return {
        "status": row.status,
        "epoch": row.epoch,
        "seq": row.seq,
        # The assistant is about to answer; its last words offered a person.
        "is_waiting": row.waiting_since is not None,
        "has_offer": row.has_offer,
        "messages": [public_message(message) for message in messages],
    }
