"""Shape and validation of failures; the names on the wire are fixed there."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from conversations.serializers import MAX_MESSAGE, MAX_RESPONSE
from conversations.sessions import MAX_ID
from core.serializers import OptionalTextField, ProbabilityField, TextField
from escalation.reasons import Reason

#: Longest history of a conversation that comes with a ticket, in messages.
MOST_SAID = 500


class FailureSerializer(serializers.Serializer[dict[str, Any]]):
    """`POST /api/agent-failure/`."""

    session_id = TextField(max_length=MAX_ID)
    agent_id = TextField(max_length=150)
    query = TextField(max_length=MAX_MESSAGE)
    # Empty where the client got none.
    agent_response = TextField(max_length=MAX_RESPONSE, allow_blank=True)
    confidence_score = ProbabilityField()
    escalation_reason = serializers.ChoiceField(Reason.choices)
    user_email = serializers.EmailField(max_length=254)
    user_name = TextField(max_length=200)
    user_agency = TextField(max_length=200)
    user_office = TextField(max_length=200)
    agent_type = serializers.ChoiceField(["customer", "support", "test"])
    #: As `user_info.signature` of a question.
    signature = OptionalTextField(max_length=200)


class SaidSerializer(serializers.Serializer[dict[str, Any]]):
    """One message of a conversation, as the CRM shows it."""

    role = serializers.ChoiceField(["user", "assistant"])
    content = TextField(max_length=MAX_RESPONSE, allow_blank=True)
    timestamp = serializers.DateTimeField()


class TicketSerializer(serializers.Serializer[dict[str, Any]]):
    """`POST /api/agent-failure/{id}/create-ticket`."""

    conversation_history = serializers.ListField(
        child=SaidSerializer(), max_length=MOST_SAID
    )


class RecordedSerializer(serializers.Serializer[dict[str, Any]]):
    """The failure's id, under both names."""

    failure_id = serializers.UUIDField()
    id = serializers.UUIDField()


class CreatedSerializer(serializers.Serializer[dict[str, Any]]):
    """The ticket, and what to tell the contact of it."""

    ticket_id = serializers.CharField()
    id = serializers.CharField()
    number = serializers.IntegerField()
    message = serializers.CharField()
