"""The test chat of Kommo: what the assistant says, and what Kommo would be sent."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.response import Response

from accounts.api import AsyncAccountView
from ai_model import sessions
from conversations.models import Conversation
from conversations.serializers import MAX_MESSAGE, public_source
from core.api import checked
from core.openapi import describe_handler
from integrations.kommo.chunks import chunks
from integrations.kommo.replies import continuation

if TYPE_CHECKING:
    from rest_framework.request import Request


class TrialSerializer(serializers.Serializer[Any]):
    """What a customer would write."""

    message = serializers.CharField(max_length=MAX_MESSAGE)


class KommoSourceSerializer(serializers.Serializer[Any]):
    """An entry that the reply is from."""

    title = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    entry_id = serializers.CharField(allow_null=True)


class BotDataSerializer(serializers.Serializer[Any]):
    """What the bot's own steps read."""

    status = serializers.CharField()
    reply = serializers.CharField()


class BotParamsSerializer(serializers.Serializer[Any]):
    """What a `show` says, or where a `goto` goes."""

    type = serializers.CharField()
    value = serializers.CharField(required=False)
    step = serializers.IntegerField(required=False)


class BotHandlerSerializer(serializers.Serializer[Any]):
    """One thing that the bot is to do."""

    handler = serializers.CharField()
    params = BotParamsSerializer()


class BotPayloadSerializer(serializers.Serializer[Any]):
    """The body of `continue`."""

    data = BotDataSerializer()  # type: ignore[assignment] # Kommo's name for it
    execute_handlers = BotHandlerSerializer(many=True)


class TriedSerializer(serializers.Serializer[Any]):
    """The reply, and how it would travel."""

    success = serializers.BooleanField()
    reply = serializers.CharField()
    #: The reply in pieces of at most 80 characters; joined they are the reply.
    chunks = serializers.ListField(child=serializers.CharField())
    #: The body that would go to the bot's return address.
    payload = BotPayloadSerializer()
    confidence = serializers.FloatField(allow_null=True)
    sources = KommoSourceSerializer(many=True)
    #: A person takes over, and the bot ends.
    handoff = serializers.BooleanField()


class Test(AsyncAccountView):
    """`POST /api/kommo/chat/test`: ask as a customer of Kommo would."""

    is_for_members = True

    @describe_handler(
        name="kommo_test",
        takes=TrialSerializer,
        gives=TriedSerializer,
        errors=(409, 411, 413, 415),
    )
    async def post(self, request: Request) -> Response:
        data = checked(TrialSerializer, request.data)
        # Each time somebody new, so that nothing said before plays a part.
        name = f"kommo-test-{uuid.uuid4()}"
        answered = await sessions.ask(
            self.account, name, data["message"], self.user, speaks_as="kommo"
        )
        asked = answered.asked
        hands_off = asked.conversation.status == Conversation.Status.SUPPORT_ACTIVE
        reply = asked.reply
        found = {
            "success": answered.success,
            "reply": asked.text,
            "chunks": chunks(asked.text),
            "payload": continuation(asked.text, hands_off=hands_off),
            "confidence": reply.confidence if reply else None,
            "sources": [public_source(each) for each in reply.sources] if reply else [],
            "handoff": hands_off,
        }
        return Response(TriedSerializer(found).data)
