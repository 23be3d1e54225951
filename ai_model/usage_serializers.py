"""Usage as JSON; the names on the wire are fixed."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ai_model.models import SpendingNotice


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
    """Those of one model; failed calls are counted under the model that was asked."""

    provider = serializers.CharField()
    model = serializers.CharField()


class UserFiguresSerializer(FiguresSerializer):
    """Those of one user's programs, which asked through the API."""

    user = serializers.CharField(source="username")


def _figure() -> serializers.DecimalField:
    # As wide as the largest number that the database holds, and six digits more.
    return serializers.DecimalField(max_digits=26, decimal_places=6)


class StandingSerializer(serializers.Serializer[Any]):
    """How one spending limit stands now."""

    period = serializers.ChoiceField(SpendingNotice.Period.choices)
    #: `cost` is in US dollars.
    unit = serializers.ChoiceField(SpendingNotice.Unit.choices)
    #: The first day of the period, in UTC.
    since = serializers.DateField(source="starts_on")
    limit = _figure()
    spent = _figure()
    #: Held by calls under way.
    reserved = _figure()
    #: Of the limit, what is spent; more than 1: it was gone over.
    share = serializers.FloatField()
    state = serializers.ChoiceField(["ok", *SpendingNotice.Level.values])


class AccountFiguresSerializer(FiguresSerializer):
    """Those of one account."""

    account_id = serializers.UUIDField(source="account__uuid")
    account = serializers.CharField(source="account__name")
    spending = StandingSerializer(many=True)


class PeriodUsageSerializer(serializers.Serializer[Any]):
    """What was used in a period."""

    days = serializers.IntegerField()
    date_from = serializers.DateField()
    date_to = serializers.DateField()
    total = FiguresSerializer()
    by_day = DayFiguresSerializer(many=True)
    by_model = ModelFiguresSerializer(many=True)
    #: Programs that asked through the API; customers elsewhere are no users.
    by_user = UserFiguresSerializer(many=True)


class UsageSerializer(PeriodUsageSerializer):
    """What an account used, and how its spending limits stand."""

    spending = StandingSerializer(many=True)


class GlobalUsageSerializer(PeriodUsageSerializer):
    """What all accounts used that the reader may see."""

    by_account = AccountFiguresSerializer(many=True)
