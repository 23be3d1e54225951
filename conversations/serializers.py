"""Shape and validation of the JSON APIs; the names on the wire are fixed there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from rest_framework import serializers

if TYPE_CHECKING:
    from conversations.models import Message

MAX_MESSAGE = 8000


class UserInfoSerializer(serializers.Serializer[dict[str, Any]]):
    """The person who asks, as the CRM knows them."""

    agent_id = serializers.CharField(max_length=150)
    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=200)
    phone = serializers.CharField(max_length=50, required=False, allow_blank=True)
    agency = serializers.CharField(max_length=200)
    office = serializers.CharField(max_length=200)
    company = serializers.CharField(max_length=200, required=False, allow_blank=True)
    division = serializers.CharField(max_length=200, required=False, allow_blank=True)
    user_type = serializers.CharField(max_length=50, required=False, allow_blank=True)


class AskSerializer(serializers.Serializer[dict[str, Any]]):
    """`POST /api/agent/{agent_type}/`."""

    message = serializers.CharField(max_length=MAX_MESSAGE)
    session_id = serializers.CharField(max_length=150)
    user_info = UserInfoSerializer()


def isoformat(at: dt.datetime) -> str:
    """A time as the APIs write it: UTC, milliseconds, Z."""
    text = at.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def public_source(source: dict[str, Any]) -> dict[str, Any]:
    """A source as the APIs show it."""
    return {
        name: source.get(name)
        for name in ("title", "confidence", "entry_type", "entry_id")
    }


def public_message(message: Message) -> dict[str, Any]:
    """A message as its contact may see it."""
    return {
        "id": str(message.uuid),
        "author": message.author,
        "text": message.text,
        "state": message.state,
        "reason": message.reason,
        "confidence": message.confidence,
        "sources": [public_source(source) for source in message.sources],
        "created_at": isoformat(message.created_at),
        "seq": message.seq,
        # The sender's own name of it, by which a page knows its words again.
        "message_id": message.external_id,
    }
