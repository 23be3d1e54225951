"""Shape and validation of a rating; the names on the wire are fixed there."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from conversations.serializers import MAX_MESSAGE, MAX_RESPONSE
from conversations.sessions import MAX_ID
from core.serializers import NameField, OptionalTextField, ProbabilityField, TextField
from feedback.models import Feedback

MAX_COMMENT = 2_000
MOST_SOURCES = 100


class RaterSerializer(serializers.Serializer[dict[str, Any]]):
    """The person who rates, as the CRM knows them."""

    agent_id = TextField(max_length=150)
    email = serializers.EmailField(max_length=254)
    full_name = TextField(max_length=200)
    signature = OptionalTextField(max_length=200)


class ThumbSerializer(serializers.Serializer[dict[str, Any]]):
    """What the chat page says of a message."""

    feedback_type = serializers.ChoiceField(Feedback.Rating.choices)
    comment = OptionalTextField(max_length=MAX_COMMENT)


class FeedbackSerializer(ThumbSerializer):
    """`POST /api/feedback`."""

    message_id = NameField(max_length=200)
    session_id = TextField(max_length=MAX_ID)
    query = TextField(max_length=MAX_MESSAGE)
    response = TextField(max_length=MAX_RESPONSE)
    agent_type = serializers.ChoiceField(Feedback.AgentType.choices)
    user_info = RaterSerializer()
    # Told again by the CRM; what the message keeps is what counts.
    confidence_score = ProbabilityField(required=False, allow_null=True)
    sources_used = serializers.ListField(
        child=TextField(max_length=1_000, allow_blank=True),
        max_length=MOST_SOURCES,
        required=False,
        allow_null=True,
    )
