"""Who replies, as JSON; the names on the wire are fixed."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Account
from ai_model import sessions
from ai_model.switching import Switched  # noqa: TC001 (the document reads the hints)
from ai_model.why import reason_text
from conversations.models import Conversation

#: Conversations that one call switches.
MOST = 500
#: What a program may ask for; a conversation is closed on the desk.
_STATUSES = (Conversation.Status.ACTIVE, Conversation.Status.SUPPORT_ACTIVE)


class StatusSerializer(serializers.Serializer[Any]):
    """Who replies in a conversation, and why."""

    conversation_id = serializers.UUIDField(source="uuid")
    session_id = serializers.SerializerMethodField()
    status = serializers.ChoiceField(Conversation.Status.choices)
    status_reason = serializers.CharField()
    #: The reason in words.
    detail = serializers.SerializerMethodField()
    #: Grows whenever the right to speak changes hands.
    epoch = serializers.IntegerField()
    needs_person = serializers.BooleanField()

    def get_session_id(self, row: Conversation) -> str:
        return sessions.id_of(row)

    def get_detail(self, row: Conversation) -> str:
        return reason_text(row.status_reason)


class SwitchSerializer(serializers.Serializer[Any]):
    """Who shall reply."""

    status = serializers.ChoiceField(_STATUSES)


class BulkSwitchSerializer(SwitchSerializer):
    """Who shall reply in many conversations, named by their own ids or their sessions'."""

    conversation_ids = serializers.ListField(
        child=serializers.CharField(max_length=100), min_length=1, max_length=MOST
    )


class SwitchedSerializer(serializers.Serializer[Any]):
    """What came of one conversation of many."""

    #: As it was sent.
    conversation_id = serializers.CharField(source="name")
    success = serializers.BooleanField()
    status = serializers.SerializerMethodField()
    status_reason = serializers.SerializerMethodField()
    detail = serializers.CharField()

    def get_status(self, switched: Switched) -> str | None:
        row = switched.conversation
        return row.status if row is not None else None

    def get_status_reason(self, switched: Switched) -> str:
        row = switched.conversation
        return row.status_reason if row is not None else "not_found"


class SwitchResultSerializer(StatusSerializer):
    """What came of one conversation."""

    #: It has the status that was asked for.
    success = serializers.BooleanField()


class BulkResultSerializer(serializers.Serializer[Any]):
    """What came of many conversations."""

    status = serializers.ChoiceField(_STATUSES)
    updated = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = SwitchedSerializer(many=True)


class HandlerSerializer(serializers.Serializer[Any]):
    """Who replies on new conversations of the account."""

    default_reply_handler = serializers.ChoiceField(Account.Handler.choices)
