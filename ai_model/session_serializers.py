"""Questions, sessions and their messages as JSON; the names on the wire are fixed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ai_model import sessions
from conversations.models import Conversation, Message
from conversations.serializers import MAX_MESSAGE, SourceSerializer, public_source
from core.text import clean_text
from integrations import adapters

#: What the public API calls the authors of messages.
_TYPES = {
    Message.Author.CONTACT: "customer",
    Message.Author.ASSISTANT: "AI",
    Message.Author.SUPPORT: "support",
    Message.Author.SYSTEM: "system",
}


class _NameField(serializers.CharField):
    """A name that a program gives; without what a database cannot hold."""

    def to_internal_value(self, data: Any) -> str:
        return clean_text(super().to_internal_value(data))


class QuestionSerializer(serializers.Serializer[Any]):
    """A customer's question."""

    question = serializers.CharField(max_length=MAX_MESSAGE)
    #: The program's own id of the customer; one session for each.
    customer_id = _NameField(max_length=200)


class SendSerializer(serializers.Serializer[Any]):
    """What the customer says next."""

    message = serializers.CharField(max_length=MAX_MESSAGE)


class AnsweredSerializer(serializers.Serializer[Any]):
    """What came of a question."""

    session_id = serializers.CharField()
    customer_id = serializers.CharField()
    question = serializers.CharField()
    #: What to show the customer, also where people will reply.
    answer = serializers.CharField()
    response_time_ms = serializers.IntegerField()
    #: The assistant has answered; false: a person is needed or replies already.
    success = serializers.BooleanField()
    #: The assistant wrote `answer`.
    auto_response_generated = serializers.BooleanField()


class SentSerializer(AnsweredSerializer):
    """What came of a message in a session."""

    # REST framework's way to take a field out again.
    question = None  # type: ignore[assignment]
    message = serializers.CharField(source="question")


class SessionFilterSerializer(serializers.Serializer[Any]):
    """By what the list of sessions can be narrowed, and how it is paged."""

    status = serializers.ChoiceField(Conversation.Status.choices, required=False)
    channel = serializers.ChoiceField(adapters.choices(), required=False)
    #: Days of the last message, in UTC; both belong to what is listed.
    date = serializers.DateField(required=False)
    date_from = serializers.DateField(required=False)
    date_to = serializers.DateField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    cursor = serializers.CharField(required=False, max_length=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Make days into times: from the first one's start to the last one's end."""
        first = attrs.get("date", attrs.get("date_from"))
        last = attrs.get("date", attrs.get("date_to"))
        if first is not None:
            attrs["date_from"] = _start_of(first)
        if last is not None:
            attrs["date_to"] = _start_of(last) + dt.timedelta(days=1)
        return attrs


class SessionSerializer(serializers.Serializer[Any]):
    """A conversation with its status, for lists."""

    session_id = serializers.SerializerMethodField()
    conversation_id = serializers.UUIDField(source="uuid")
    customer_id = serializers.CharField(source="contact.external_id")
    customer_name = serializers.CharField(source="contact.label")
    #: The provider on whose channel the customer writes.
    channel = serializers.CharField(source="channel.provider")
    status = serializers.ChoiceField(Conversation.Status.choices)
    #: Why people reply, or why the assistant does again; empty: as it began.
    status_reason = serializers.CharField()
    needs_person = serializers.BooleanField()
    unread = serializers.IntegerField()
    last_message = serializers.CharField(source="last_text")
    last_message_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()

    def get_session_id(self, row: Conversation) -> str:
        return sessions.id_of(row)


class MessageSerializer(serializers.Serializer[Any]):
    """A message, and who wrote it."""

    id = serializers.UUIDField(source="uuid")
    #: `customer`, `AI`, `support` or `system`.
    type = serializers.SerializerMethodField()
    text = serializers.CharField()
    state = serializers.ChoiceField(Message.State.choices)
    #: Why it is in this state.
    reason = serializers.CharField()
    #: Probability that an answer is right.
    confidence = serializers.FloatField(allow_null=True)
    sources = serializers.SerializerMethodField()
    #: Milliseconds from the first waiting word to this reply.
    response_time_ms = serializers.IntegerField(source="latency_ms", allow_null=True)
    created_at = serializers.DateTimeField()

    def get_type(self, row: Message) -> str:
        return _TYPES[Message.Author(row.author)]

    @extend_schema_field(SourceSerializer(many=True))
    def get_sources(self, row: Message) -> list[dict[str, Any]]:
        return [public_source(each) for each in row.sources]


class CursorSerializer(serializers.Serializer[Any]):
    """Where a page begins."""

    cursor = serializers.CharField(required=False, max_length=300)


class SessionPageSerializer(serializers.Serializer[Any]):
    """A page of sessions."""

    results = SessionSerializer(many=True)
    #: The `cursor` of the page after it.
    next = serializers.CharField(allow_null=True)


class SessionDetailSerializer(SessionSerializer):
    """A session with its newest messages, oldest first."""

    messages = MessageSerializer(many=True)
    #: The `cursor` of those before.
    next = serializers.CharField(allow_null=True)


def _start_of(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, dt.UTC)
