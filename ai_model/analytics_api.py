"""Analytics over HTTP: as JSON, and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.types import OpenApiTypes
from rest_framework.response import Response

from accounts.api import AccountView
from ai_model.analytics import export
from ai_model.analytics.reading import Period, analyse, rows_of
from ai_model.analytics_serializers import (
    AnalyticsFilterSerializer,
    AnalyticsSerializer,
)
from core.api import checked
from core.openapi import describe_handler

if TYPE_CHECKING:
    from django.http import HttpResponse
    from rest_framework.request import Request

    from integrations.models import Channel


class Analytics(AccountView):
    """`GET analytics/?days=&channel=`: what the assistant did, and what came of it."""

    @describe_handler(query=AnalyticsFilterSerializer, gives=AnalyticsSerializer)
    def get(self, request: Request) -> Response:
        period, channels = _wanted(self, request)
        found = analyse(self.account, period, channels)
        return Response(AnalyticsSerializer(found).data)


class AnalyticsTable(AccountView):
    """`GET analytics/csv/?days=&channel=`: the same as CSV, a line per day and channel."""

    @describe_handler(
        query=AnalyticsFilterSerializer, gives={(200, "text/csv"): OpenApiTypes.STR}
    )
    def get(self, request: Request) -> HttpResponse:
        period, channels = _wanted(self, request)
        rows = rows_of(self.account, period, channels)
        return export.response(self.account, period, rows)


def _wanted(view: AccountView, request: Request) -> tuple[Period, list[Channel] | None]:
    asked: dict[str, Any] = checked(AnalyticsFilterSerializer, request.query_params)
    channels = None
    if "channel" in asked:
        rows = view.account.channels.filter(provider=asked["channel"])
        channels = list(rows.defer("credentials"))
    return Period.of_days(asked["days"]), channels
