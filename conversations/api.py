"""The chat API that CRMs speak. Its paths and fields are a contract."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import get_language_from_request
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import ValidationError

from conversations import asking, limits, sessions
from conversations.identity import identify
from conversations.models import Conversation, Message
from conversations.serializers import (
    AnswerSerializer,
    AskSerializer,
    ThreadSerializer,
    public_message,
    public_source,
)
from core.api import error_response, json_body, method_not_allowed, refuse
from core.exceptions import AppError, InvalidPayload, InvalidSignature
from core.groups import ThreadedCommit
from core.openapi import describe
from core.text import clean_text, isoformat
from integrations.adapters.inbound import InboundMessage
from integrations.facts import facts_of
from integrations.models import Channel

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from rest_framework.serializers import BaseSerializer

    from conversations.identity import Person
    from conversations.sessions import Session

#: The request, its agent, and what it says.
Call = tuple[HttpRequest, str, dict[str, Any]]
Admitted = tuple[Channel, "Person", "Session"]
#: Channel, what was said there, and the id of its message.
Stored = tuple[Channel, InboundMessage, int]

AGENT_TYPES = ("customer", "support", "test")
#: How a request names its channel, for the document.
NAMES_CHANNEL: dict[str, dict[str, Any]] = {
    "query": {"key": {"type": "string"}},
    "headers": {"X-Channel-Key": {"type": "string"}},
}
#: Messages that a page reads at once.
PAGE = 200


class UnknownChannel(AppError):
    """No channel answers to the given key, and none is the default."""

    code = "unknown_channel"
    status_code = 404


@describe(
    "post",
    takes=AskSerializer,
    gives=AnswerSerializer,
    errors=(400, 401, 403, 404, 405, 413, 415, 429),
    path={"agent_type": {"type": "string", "enum": list(AGENT_TYPES)}},
    **NAMES_CHANNEL,
)
@csrf_exempt
@login_not_required
async def ask_agent(request: HttpRequest, agent_type: str) -> JsonResponse:
    """`POST /api/agent/{agent_type}/`: a question and its reply, in one call."""
    if agent_type not in AGENT_TYPES:
        return refuse(f"There is no agent {agent_type!r}.", "unknown_agent_type", 404)
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        data = validated(AskSerializer, json_body(request))
        channel, inbound, question = await _store(request, agent_type, data)
        asked = await asking.outcome(channel, inbound.conversation_id, question)
    except AppError as exc:
        return error_response(exc)
    answer = _answer(asked, inbound.address["session_id"])
    if "message_id" in data:
        # Who names a message gets our name of the reply; null where nobody replied.
        answer["message_id"] = str(asked.reply.uuid) if asked.reply else None
    if agent_type == "test":
        answer["debug"] = await database_sync_to_async(asking.measures)(asked.question)
    return JsonResponse(answer)


async def _store(request: HttpRequest, agent_type: str, data: dict[str, Any]) -> Stored:
    """Store a question; raises what forbids it."""
    found = await _questions.add((request, agent_type, data))
    if isinstance(found, Exception):
        raise found
    return found


def _store_each(calls: Sequence[Call]) -> list[Stored | Exception]:
    """The questions of these calls, stored, or what forbids it."""
    admitted = _admit_each(calls)
    good = [
        (each[0], _inbound(agent_type, data, *each[1:]))
        for each, (_, agent_type, data) in zip(admitted, calls, strict=True)
        if not isinstance(each, AppError)
    ]
    received = asking.receive_each([(facts_of(row), said) for row, said in good])
    stored = (
        each if isinstance(each, Exception) else (*question, each.message_id)
        for question, each in zip(good, received, strict=True)
    )
    return [each if isinstance(each, AppError) else next(stored) for each in admitted]


def _admit_each(calls: Sequence[Call]) -> list[Admitted | AppError]:
    """What is found for each of these calls, or what forbids it."""
    find_channel = cache(_channel)
    found: list[sessions.Wanted | AppError] = []
    for request, agent_type, data in calls:
        facts = data["user_info"]
        try:
            channel = find_channel(_key(request))
            # The words of a refusal are for who made this call.
            with translation.override(get_language_from_request(request)):
                signature = facts.get("signature", "")
                person = identify(channel, facts["agent_id"], signature)
                limits.admit(request, channel, person)
        except AppError as exc:
            found.append(exc)
        else:
            found.append((channel, agent_type, person, data["session_id"]))
    good = [each for each in found if not isinstance(each, AppError)]
    known = iter(sessions.find_each(good))
    return [
        each if isinstance(each, AppError) else (each[0], each[2], next(known))
        for each in found
    ]


#: Those who ask at one moment share the way to the database and back.
_questions: ThreadedCommit[Call, Stored | Exception] = ThreadedCommit(
    _store_each, asking.in_thread, most=asking.MOST_TOGETHER
)


def channel_of(request: HttpRequest) -> Channel:
    """The channel that a request names by its key, or the default one."""
    return _channel(_key(request))


def _key(request: HttpRequest) -> str | None:
    return request.headers.get("X-Channel-Key") or request.GET.get("key")


def _channel(key: str | None) -> Channel:
    rows = Channel.objects.active().filter(provider="web")
    wanted = rows.filter(key=clean_text(key)) if key else rows.filter(is_default=True)
    row = wanted.first()
    if row is None:
        raise UnknownChannel("There is no channel with this key.")
    return row


def validated(
    shape: type[BaseSerializer[dict[str, Any]]], payload: dict[str, Any]
) -> dict[str, Any]:
    """What the payload says, in this shape; raises `InvalidPayload` naming a field."""
    try:
        return dict(_kept(shape).run_validation(payload))  # type: ignore[arg-type]
    except ValidationError as exc:
        raise InvalidPayload(_first_error(exc.detail)) from exc


@cache
def _kept(
    shape: type[BaseSerializer[dict[str, Any]]],
) -> BaseSerializer[dict[str, Any]]:
    """One for all calls: a new one copies its fields, which takes longer than to check."""
    return shape()


def _first_error(errors: Any, path: str = "") -> str:
    if isinstance(errors, dict):
        name, inner = next(iter(errors.items()))
        if name == "non_field_errors":
            return _first_error(inner, path)
        return _first_error(inner, f"{path}.{name}" if path else str(name))
    return f"{path}: {errors[0]}"


def _inbound(
    agent_type: str, data: dict[str, Any], person: Person, session: Session
) -> InboundMessage:
    facts = data["user_info"]
    profile = {
        name: facts[name]
        for name in ("phone", "agency", "office", "company", "division", "user_type")
        if facts.get(name)
    }
    return InboundMessage(
        conversation_id=session.thread,
        contact_id=person.external_id,
        external_id=data.get("message_id", ""),
        text=data["message"],
        contact_name=facts["name"],
        contact_email=facts["email"],
        profile=profile,
        address={"agent_type": agent_type, "session_id": session.id},
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


@describe(
    "get",
    gives=ThreadSerializer,
    errors=(400, 401, 404, 405),
    query={
        **NAMES_CHANNEL["query"],
        "after": {"type": "string", "pattern": "^[0-9]{1,18}$"},
        "agent_id": {"type": "string"},
    },
    headers={
        **NAMES_CHANNEL["headers"],
        "X-Session-Id": {"type": "string"},
        "X-Signature": {"type": "string"},
    },
)
@csrf_exempt  # it changes nothing; a POST is told so
@login_not_required
async def chat_messages(request: HttpRequest, channel: uuid.UUID) -> JsonResponse:
    """`GET /api/chat/{channel}/messages?after=`: what a session missed.

    The session id in `X-Session-Id` is the key to its conversation, and to no other.
    """
    if request.method != "GET":
        return method_not_allowed("GET")
    try:
        return JsonResponse(await database_sync_to_async(_read)(request, channel))
    except AppError as exc:
        return error_response(exc)


def session_of(request: HttpRequest, channel: uuid.UUID) -> Conversation | None:
    """The conversation whose session makes the request; None: not begun."""
    named = channel_of(request)
    if named.uuid != channel:
        raise UnknownChannel("There is no channel with this key.")
    rows = Conversation.objects.select_related("channel__account")
    return rows.filter(channel=named, external_id=_thread_of(request, named)).first()


def _thread_of(request: HttpRequest, channel: Channel) -> str:
    """Our name of the session; raises `InvalidSignature` where anybody could guess it.

    The widget says by `agent_id` whose session it means; the chat page is nobody's.
    """
    given = request.headers.get("X-Session-Id", "")
    agent_id = request.GET.get("agent_id")
    if agent_id is None:
        if len(given) < 16:
            raise InvalidSignature("X-Session-Id is missing.")
        return given
    person = identify(channel, agent_id, request.headers.get("X-Signature", ""))
    session = sessions.find_secret(channel, person, given)
    if session is None:
        raise InvalidSignature("X-Session-Id is missing, or could be guessed.")
    return session.thread


def _read(request: HttpRequest, channel: uuid.UUID) -> dict[str, Any]:
    row = session_of(request, channel)
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdecimal()) or len(after) > 18:
        raise InvalidPayload("`after` must be a number.")
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
        .select_related("feedback")
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
