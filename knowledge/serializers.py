"""Entries, sources and learned questions as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework import serializers

from core.exceptions import InvalidPayload
from knowledge.importing.items import MAX_BODY, tags_of
from knowledge.models import Entry, Example, Source
from knowledge.sources import checked_address

if TYPE_CHECKING:
    ModelSerializer = serializers.ModelSerializer[Any]
else:
    ModelSerializer = serializers.ModelSerializer


class TagsField(serializers.ListField):
    """Tags: trimmed, each once."""

    def to_internal_value(self, data: Any) -> Any:
        tags = tags_of(data if data is not None else [])
        if isinstance(tags, str):
            raise serializers.ValidationError(tags)
        return list(tags or ())


class EntrySerializer(ModelSerializer):
    """One entry, whole."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    entry_id = serializers.CharField(
        source="external_id", max_length=200, allow_blank=True, default=""
    )
    body = serializers.CharField(max_length=MAX_BODY)
    entry_type = serializers.ChoiceField(Entry.Type.choices, default=Entry.Type.FAQ)
    lang = serializers.CharField(max_length=12, allow_blank=True, default="")
    status = serializers.ChoiceField(
        Entry.Status.choices, default=Entry.Status.PUBLISHED
    )
    visibility = serializers.ChoiceField(
        Entry.Visibility.choices, default=Entry.Visibility.CUSTOMER
    )
    tags = TagsField(default=list)
    read_from = serializers.SlugRelatedField[Source](slug_field="uuid", read_only=True)

    class Meta:
        model = Entry
        fields: ClassVar = [
            "id", "entry_id", "title", "body", "entry_type", "lang", "tags", "status",
            "visibility", "source", "read_from", "revision", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields: ClassVar = ["source", "revision", "created_at", "updated_at"]

    def to_representation(self, instance: Any) -> Any:
        """The entry, under the id by which answers name it."""
        return {**super().to_representation(instance), "entry_id": instance.public_id}


class EntryRowSerializer(EntrySerializer):
    """One entry in a list: without its text, which may be long."""

    class Meta(EntrySerializer.Meta):
        fields: ClassVar = [
            name for name in EntrySerializer.Meta.fields if name != "body"
        ]


class SourceSerializer(ModelSerializer):
    """A page, sitemap or uploaded file that entries are read from."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    kind = serializers.ChoiceField(
        [Source.Kind.PAGE, Source.Kind.SITEMAP], required=False
    )
    every_hours = serializers.IntegerField(
        min_value=1, max_value=24 * 366, required=False, allow_null=True
    )

    class Meta:
        model = Source
        fields: ClassVar = [
            "id", "kind", "address", "entry_type", "every_hours", "state", "due_at",
            "read_at", "report", "created_at",
        ]  # fmt: skip
        read_only_fields: ClassVar = [
            "state",
            "due_at",
            "read_at",
            "report",
            "created_at",
        ]

    def validate_address(self, value: str) -> str:
        """A page may be read from there."""
        try:
            return checked_address(value)
        except InvalidPayload as exc:
            raise serializers.ValidationError(str(exc)) from exc


class ExampleSerializer(ModelSerializer):
    """A question that an entry answers."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    question = serializers.CharField(source="text")

    class Meta:
        model = Example
        fields: ClassVar = ["id", "question", "origin", "status", "created_at"]
        read_only_fields: ClassVar = ["origin", "status", "created_at"]


class QuestionsSerializer(serializers.Serializer[Any]):
    """Questions for one entry."""

    questions = serializers.ListField(
        child=serializers.CharField(max_length=1000), min_length=1, max_length=500
    )


class FilterSerializer(serializers.Serializer[Any]):
    """By what a list of entries can be narrowed, and how it is paged."""

    q = serializers.CharField(required=False, max_length=200)
    status = serializers.ChoiceField(Entry.Status.choices, required=False)
    entry_type = serializers.ChoiceField(Entry.Type.choices, required=False)
    visibility = serializers.ChoiceField(Entry.Visibility.choices, required=False)
    lang = serializers.CharField(required=False, max_length=12, allow_blank=True)
    tag = serializers.CharField(required=False, max_length=100)
    entry_id = serializers.CharField(required=False, max_length=200)
    # The wire's name, which REST framework's fields have as an attribute.
    source = serializers.UUIDField(required=False)  # type: ignore[assignment]
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    cursor = serializers.CharField(required=False, max_length=200)
