"""Analytics as JSON; the names on the wire are fixed."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ai_model.usage_serializers import PeriodSerializer
from integrations import adapters


class AnalyticsFilterSerializer(PeriodSerializer):
    """Over how many days, and of which provider's channels."""

    channel = serializers.ChoiceField(adapters.choices(), required=False)


class _BeganSerializer(serializers.Serializer[Any]):
    began = serializers.IntegerField()
    by_channel = serializers.DictField(child=serializers.IntegerField())


class _MessagesSerializer(serializers.Serializer[Any]):
    customer = serializers.IntegerField()
    ai = serializers.IntegerField()
    support = serializers.IntegerField()


class _AnswersSerializer(serializers.Serializer[Any]):
    answered = serializers.IntegerField()
    handed_over = serializers.IntegerField()
    handed_over_by_reason = serializers.DictField(child=serializers.IntegerField())
    #: Of what was answered or handed over, the share that was answered.
    answered_share = serializers.FloatField(allow_null=True)
    average_confidence = serializers.FloatField(allow_null=True)


class _TimesSerializer(serializers.Serializer[Any]):
    average = serializers.IntegerField(allow_null=True)
    p50 = serializers.IntegerField(allow_null=True)
    p95 = serializers.IntegerField(allow_null=True)


class _ReplyTimesSerializer(_TimesSerializer):
    longest = serializers.IntegerField(allow_null=True)


class _ResolutionsSerializer(serializers.Serializer[Any]):
    confirmed = serializers.IntegerField()
    assumed = serializers.IntegerField()
    reopened = serializers.IntegerField()
    time_ms = _TimesSerializer()


class _ConfidenceSerializer(serializers.Serializer[Any]):
    """What came of what was so sure."""

    least = serializers.FloatField()
    most = serializers.FloatField()
    answered = serializers.IntegerField()
    handed_over = serializers.IntegerField()
    helpful = serializers.IntegerField()
    unhelpful = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    assumed = serializers.IntegerField()
    reopened = serializers.IntegerField()


class _TopicSerializer(serializers.Serializer[Any]):
    entry_id = serializers.CharField()
    #: Empty: the entry is gone.
    title = serializers.CharField()
    answers = serializers.IntegerField()


class _GapsSerializer(serializers.Serializer[Any]):
    #: Questions of the period that the knowledge did not answer.
    unanswered = serializers.IntegerField()
    #: Groups of questions that wait for an answer now.
    open = serializers.IntegerField()


class _HeadlineSerializer(serializers.Serializer[Any]):
    conversations = serializers.IntegerField()
    customer_messages = serializers.IntegerField()
    ai_messages = serializers.IntegerField()
    support_messages = serializers.IntegerField()
    answered = serializers.IntegerField()
    handed_over = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    assumed = serializers.IntegerField()
    reopened = serializers.IntegerField()
    helpful = serializers.IntegerField()
    unhelpful = serializers.IntegerField()


class _ChannelSerializer(_HeadlineSerializer):
    channel = serializers.CharField()
    name = serializers.CharField()


class _AsTheyAre(serializers.ListSerializer[Any]):
    """Rows that are JSON already: to look at each field of each day took most of the time."""

    def to_representation(self, data: Any) -> list[Any]:
        return list(data)


class _DaySerializer(_HeadlineSerializer):
    day = serializers.DateField()

    class Meta:
        list_serializer_class = _AsTheyAre


class AnalyticsSerializer(serializers.Serializer[Any]):
    """What the assistant did in a period, and what came of it."""

    days = serializers.IntegerField()
    date_from = serializers.DateField()
    date_to = serializers.DateField()
    #: When new rows were last counted; null: not yet.
    counted_at = serializers.DateTimeField(allow_null=True)
    #: The last day whose answers were judged.
    resolutions_until = serializers.DateField(allow_null=True)
    conversations = _BeganSerializer()
    messages = _MessagesSerializer()
    answers = _AnswersSerializer()
    #: From the first waiting word to the assistant's reply.
    response_time_ms = _ReplyTimesSerializer()
    #: From the first word of a conversation to its first reply, whoever gave it.
    first_response_ms = _TimesSerializer()
    resolutions = _ResolutionsSerializer()
    confidence = _ConfidenceSerializer(many=True)
    feedback = serializers.DictField(child=serializers.IntegerField())
    topics = _TopicSerializer(many=True)
    gaps = _GapsSerializer()
    by_channel = _ChannelSerializer(many=True)
    by_day = _DaySerializer(many=True)
