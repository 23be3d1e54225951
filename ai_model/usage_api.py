"""Usage over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from rest_framework.permissions import IsAdminUser
from rest_framework.response import Response

from accounts.api import AccountView, LimitedView
from ai_model import control, spending, usage
from ai_model.models import Usage
from ai_model.usage_serializers import (
    GlobalUsageSerializer,
    PeriodSerializer,
    UsageSerializer,
)
from core.api import checked
from core.openapi import describe_handler

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class UsageStats(AccountView):
    """`GET usage/stats/?days=`: what the account used of which model."""

    @describe_handler(query=PeriodSerializer, gives=UsageSerializer)
    def get(self, request: Request) -> Response:
        days = _days(request)
        rows = Usage.objects.for_account(self.account)
        standings = spending.standings_of(control.assistant_of(self.account))
        found = {**_usage(rows, days), "spending": standings}
        return Response(UsageSerializer(found).data)


class GlobalUsage(LimitedView):
    """`GET usage/global/?days=`: what all accounts used that the reader may see.

    For staff: an owner sees the own accounts, a superuser all.
    """

    permission_classes = (IsAdminUser,)

    @describe_handler(query=PeriodSerializer, gives=GlobalUsageSerializer)
    def get(self, request: Request) -> Response:
        days = _days(request)
        rows = Usage.objects.for_user(request.user)
        by = ("account_id", "account__uuid", "account__name")
        accounts = usage.summed(rows, days, by=by)
        accounts.sort(key=lambda each: each["account__name"])
        limited = spending.limited().filter(
            account_id__in=[each["account_id"] for each in accounts]
        )
        standings = spending.standings(limited)
        for each in accounts:
            each["spending"] = standings.get(each["account_id"], [])
        found = {**_usage(rows, days), "by_account": accounts}
        return Response(GlobalUsageSerializer(found).data)


def _days(request: Request) -> int:
    return int(checked(PeriodSerializer, request.query_params)["days"])


def _usage(rows: QuerySet[Usage], days: int) -> dict[str, Any]:
    return {
        "days": days,
        "date_from": usage.first_day(days),
        "date_to": timezone.now().date(),
        "total": usage.total(rows, days),
        "by_day": usage.summed(rows, days, by=("day",)),
        "by_model": usage.summed(rows, days, by=("provider", "model")),
        "by_user": usage.summed(rows.exclude(username=""), days, by=("username",)),
    }
