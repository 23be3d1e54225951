"""Usage as JSON; the names on the wire are fixed."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class PeriodSerializer(serializers.Serializer[Any]):
    """Over how many days, today being the last."""

    days = serializers.IntegerField(min_value=1, max_value=366, default=30)


class FiguresSerializer(serializers.Serializer[Any]):
    """Calls of models, and what they took."""

    requests = serializers.IntegerField()
    failures = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    #: In US dollars, as far as prices are known.
    cost_usd = serializers.DecimalField(source="cost", max_digits=20, decimal_places=6)
    #: The mean of a call.
    response_time_ms = serializers.IntegerField()


class DayFiguresSerializer(FiguresSerializer):
    """Those of one day, in UTC."""

    day = serializers.DateField()


class ModelFiguresSerializer(FiguresSerializer):
    """Those of one model; failed calls are counted under no model."""

    provider = serializers.CharField()
    model = serializers.CharField()


class AccountFiguresSerializer(FiguresSerializer):
    """Those of one account."""

    account_id = serializers.UUIDField(source="account__uuid")
    account = serializers.CharField(source="account__name")


class UsageSerializer(serializers.Serializer[Any]):
    """What was used in a period."""

    days = serializers.IntegerField()
    date_from = serializers.DateField()
    date_to = serializers.DateField()
    total = FiguresSerializer()
    by_day = DayFiguresSerializer(many=True)
    by_model = ModelFiguresSerializer(many=True)


class GlobalUsageSerializer(UsageSerializer):
    """What all accounts used that the reader may see."""

    by_account = AccountFiguresSerializer(many=True)
