"""The webhook, human toggle and agent console of the proof of concept.

They act on the default channel. In the demo everybody may use them; elsewhere the
toggle and the console are for members of the account.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import AuthenticationFailed

from accounts.authentication import is_member, user_of
from conversations import asking, limits, services
from conversations.api import UnknownChannel
from conversations.identity import Person
from conversations.models import Conversation, Message
from core.api import error_response, json_body, method_not_allowed
from core.exceptions import AppError, InvalidPayload, InvalidSignature, NotAllowed
from core.text import clean_text, isoformat
from integrations import inbox
from integrations.adapters.base import WebhookRequest
from integrations.adapters.inbound import InboundMessage
from integrations.facts import adapter_of
from integrations.models import Channel

if TYPE_CHECKING:
    from accounts.models import User

HUMAN_MODE_IS_ON = "Human mode is ON. No bot reply generated."
#: Entries that the agent console shows.
MOST_ENTRIES = 50


def default_channel() -> Channel:
    """The installation's default channel; raises `UnknownChannel`."""
    row = Channel.objects.active().filter(is_default=True)
    channel = row.first()
    if channel is None:
        raise UnknownChannel("There is no default channel yet.")
    return channel


def is_open_demo(channel: Channel) -> bool:
    """Whether everybody may play the member of staff."""
    return bool(settings.DEMO and channel.account.is_demo)


def _acting_user(request: HttpRequest, channel: Channel) -> User | None:
    """Who acts: a member, or in the demo anybody; raises otherwise."""
    try:
        user = user_of(request)
    except AuthenticationFailed as exc:
        raise InvalidSignature(str(exc.detail)) from exc
    if is_member(user, channel.account):
        return user
    if is_open_demo(channel):
        return None
    if user is None:
        raise InvalidSignature("Sign in, or send a bearer token.")
    raise NotAllowed("Only members of the account may do this.")


@csrf_exempt
@login_not_required
async def chatwoot_webhook(request: HttpRequest) -> JsonResponse:
    """`POST /webhook/chatwoot`, with the documented answers."""
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        return JsonResponse(await _take_webhook(request))
    except AppError as exc:
        return error_response(exc)


async def _take_webhook(request: HttpRequest) -> dict[str, Any]:
    payload = json_body(request)
    channel = await sync_to_async(default_channel)()
    connected = await sync_to_async(_connected_chatwoot)(channel)
    if connected is not None:
        # A real Chatwoot waits five seconds at most: its reply goes by its API.
        await _forward(request, connected)
        return {"status": "ok", "route": "bot"} if _is_for_us(payload) else _ignored()
    if not _is_for_us(payload):
        return _ignored()
    inbound = _inbound(payload)
    person = Person(inbound.contact_id)
    await sync_to_async(limits.admit)(request, channel, person)
    asked = await asking.ask(channel, inbound)
    is_with_people = asked.conversation.status == Conversation.Status.SUPPORT_ACTIVE
    if is_with_people and asked.reply is None:
        return {"status": "ok", "route": "human", "message": HUMAN_MODE_IS_ON}
    return {"status": "ok", "route": "bot", "reply": asked.text}


@csrf_exempt
@login_not_required
async def webhook(request: HttpRequest) -> JsonResponse:
    """`POST /webhook`: the inbox of the default account's Chatwoot channel."""
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        channel = await sync_to_async(default_channel)()
        connected = await sync_to_async(_connected_chatwoot)(channel)
        if connected is None:
            raise UnknownChannel("The default account has no Chatwoot channel yet.")
        return JsonResponse(await _forward(request, connected) or {})
    except AppError as exc:
        return error_response(exc)


async def _forward(request: HttpRequest, channel: Channel) -> dict[str, Any] | None:
    """Store the event as the channel's own address would; the acknowledgement."""
    forwarded = WebhookRequest(
        headers={name.lower(): value for name, value in request.headers.items()},
        query=request.GET.dict(),
        body=request.body,
        is_addressed=False,
    )
    return await inbox.intake.store(adapter_of(channel), forwarded)


def _connected_chatwoot(channel: Channel) -> Channel | None:
    rows = Channel.objects.active().filter(provider="chatwoot")
    return rows.for_account(channel.account).order_by("id").first()


def _is_for_us(payload: dict[str, Any]) -> bool:
    return (
        payload.get("event") == "message_created"
        and payload.get("message_type") == "incoming"
    )


def _ignored() -> dict[str, Any]:
    return {"status": "ignored"}


def _inbound(payload: dict[str, Any]) -> InboundMessage:
    text = payload.get("content")
    if not isinstance(text, str) or not text.strip() or len(text) > 8000:
        raise InvalidPayload("`content` must be a text of 1 to 8000 characters.")
    thread = _id(payload.get("conversation")) or _id(payload.get("sender"))
    # Who does not say who they are is somebody new each time.
    name = f"poc:{thread}" if thread else f"poc:{uuid.uuid4()}"
    number = payload.get("id")
    return InboundMessage(
        conversation_id=name,
        contact_id=name,
        external_id=_text(number) if thread else "",
        text=text,
        is_synchronous=True,
    )


def _id(value: Any) -> str:
    return _text(value.get("id")) if isinstance(value, dict) else ""


def _text(value: Any) -> str:
    """An id as text; empty when it is none."""
    return clean_text(str(value))[:150] if isinstance(value, str | int) else ""


@csrf_exempt
@login_not_required
def toggle_human(request: HttpRequest) -> JsonResponse:
    """`POST /toggle-human` with `{"enabled": bool}`."""
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        enabled = json_body(request).get("enabled")
        if not isinstance(enabled, bool):
            raise InvalidPayload("`enabled` must be true or false.")
        channel = default_channel()
        _acting_user(request, channel)
        channel = services.set_human_mode(channel=channel, is_on=enabled)
    except AppError as exc:
        return error_response(exc)
    return JsonResponse({"human_mode": channel.human_mode})


@csrf_exempt  # it changes nothing; a POST is told so
@login_not_required
def human_status(request: HttpRequest) -> JsonResponse:
    """`GET /human-status`."""
    if request.method != "GET":
        return method_not_allowed("GET")
    try:
        return JsonResponse({"human_mode": default_channel().human_mode})
    except AppError as exc:
        return error_response(exc)


@csrf_exempt  # it changes nothing; a POST is told so
@login_not_required
def console_entries(request: HttpRequest) -> JsonResponse:
    """`GET /agent-console/entries`: what customers wrote to people, newest last."""
    if request.method != "GET":
        return method_not_allowed("GET")
    try:
        channel = default_channel()
        _acting_user(request, channel)
    except AppError as exc:
        return error_response(exc)
    rows = (
        Message.objects.select_related("conversation__contact")
        .filter(
            conversation__channel=channel,
            conversation__status=Conversation.Status.SUPPORT_ACTIVE,
            author=Message.Author.CONTACT,
            state=Message.State.HANDED_OVER,
        )
        .order_by("-id")[:MOST_ENTRIES]
    )
    entries = [
        {
            # Names may repeat; a reply must reach the one it is for.
            "user_id": f"user-{row.conversation.contact_id}",
            "name": row.conversation.contact.name,
            "conversation": str(row.conversation.uuid),
            "text": row.text,
            "created_at": isoformat(row.created_at),
            "id": str(row.uuid),
        }
        for row in reversed(rows)
    ]
    return JsonResponse({"entries": entries})


@csrf_exempt
@login_not_required
def console_reply(request: HttpRequest) -> JsonResponse:
    """`POST /agent-console/reply` with `{"conversation", "text"}`."""
    if request.method != "POST":
        return method_not_allowed("POST")
    try:
        payload = json_body(request)
        channel = default_channel()
        user = _acting_user(request, channel)
        conversation = _conversation(channel, payload.get("conversation"))
        text = payload.get("text")
        if not isinstance(text, str):
            raise InvalidPayload("`text` is missing.")
        message = services.reply(conversation=conversation, user=user, text=text)
    except AppError as exc:
        return error_response(exc)
    return JsonResponse({"id": str(message.uuid)})


def _conversation(channel: Channel, name: Any) -> Conversation:
    try:
        key = uuid.UUID(str(name))
    except ValueError as exc:
        raise InvalidPayload("`conversation` must be the id of an entry.") from exc
    row = Conversation.objects.filter(channel=channel, uuid=key).first()
    if row is None:
        raise UnknownConversation("There is no such conversation.")
    return row


class UnknownConversation(AppError):
    """The named conversation is not on this channel."""

    code = "unknown_conversation"
    status_code = 404
