"""Shape and validation of the JSON APIs; the names on the wire are fixed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from conversations.sessions import MAX_ID
from core.serializers import OptionalNameField, OptionalTextField, TextField
from core.text import isoformat

if TYPE_CHECKING:
    from conversations.models import Message

MAX_MESSAGE = 8000
#: Longest reply that a CRM sends back with what it says of it, in characters.
MAX_RESPONSE = 50_000


class UserInfoSerializer(serializers.Serializer[dict[str, Any]]):
    """The person who asks, as the CRM knows them."""

    agent_id = TextField(max_length=150)
    email = serializers.EmailField(max_length=254)
    name = TextField(max_length=200)
    phone = OptionalTextField(max_length=50)
    agency = TextField(max_length=200)
    office = TextField(max_length=200)
    company = OptionalTextField(max_length=200)
    division = OptionalTextField(max_length=200)
    user_type = OptionalTextField(max_length=50)
    #: HMAC-SHA256 over `agent_id`, made by the CRM's server; see `identity`.
    signature = OptionalTextField(max_length=200)


class AskSerializer(serializers.Serializer[dict[str, Any]]):
    """`POST /api/agent/{agent_type}/`."""

    message = TextField(max_length=MAX_MESSAGE)
    session_id = TextField(max_length=MAX_ID)
    #: The caller's own id: the same message sent again is asked once.
    message_id = OptionalNameField(max_length=200)
    user_info = UserInfoSerializer()


class SourceSerializer(serializers.Serializer[dict[str, Any]]):
    """An entry on which an answer draws."""

    title = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    entry_type = serializers.CharField()
    entry_id = serializers.CharField()


class AnswerSerializer(serializers.Serializer[dict[str, Any]]):
    """The reply to a question."""

    response = serializers.CharField()
    session_id = serializers.CharField()
    timestamp = serializers.DateTimeField()
    requires_escalation = serializers.BooleanField()
    classification_confidence = serializers.FloatField(min_value=0, max_value=1)
    sources = SourceSerializer(many=True)
    #: Ours of the reply, for who named the question; null: nobody has replied.
    message_id = serializers.UUIDField(required=False, allow_null=True)
    debug = serializers.DictField(required=False)


class PublicMessageSerializer(serializers.Serializer[dict[str, Any]]):
    """A message as its contact may see it."""

    id = serializers.UUIDField()
    author = serializers.CharField()
    text = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    sources = SourceSerializer(many=True)
    feedback_type = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    seq = serializers.IntegerField()
    message_id = serializers.CharField()


class ThreadSerializer(serializers.Serializer[dict[str, Any]]):
    """What a session of the chat page missed."""

    status = serializers.CharField()
    epoch = serializers.IntegerField()
    seq = serializers.IntegerField()
    is_waiting = serializers.BooleanField()
    has_offer = serializers.BooleanField()
    messages = PublicMessageSerializer(many=True)


def public_source(source: dict[str, Any]) -> dict[str, Any]:
    """A source as the APIs show it."""
    return {
        name: source.get(name)
        for name in ("title", "confidence", "entry_type", "entry_id")
    }


def public_message(message: Message) -> dict[str, Any]:
    """A message as its contact may see it."""
    feedback = getattr(message, "feedback", None)
    return {
        "id": str(message.uuid),
        "author": message.author,
        "text": message.text,
        "state": message.state,
        "reason": message.reason,
        "confidence": message.confidence,
        "sources": [public_source(source) for source in message.sources],
        # What the contact has said of it: `helpful` or `unhelpful`.
        "feedback_type": feedback.rating if feedback else None,
        "created_at": isoformat(message.created_at),
        "seq": message.seq,
        # The sender's own name of it, by which a page knows its words again.
        "message_id": message.external_id,
    }
