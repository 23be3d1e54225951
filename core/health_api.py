"""`GET /api/health`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers

from core.api import method_not_allowed
from core.health import check_all
from core.openapi import describe


class ServiceSerializer(serializers.Serializer[Any]):
    """How one service is."""

    status = serializers.ChoiceField(["healthy", "degraded", "down"])
    detail = serializers.CharField(required=False)


class CountsSerializer(serializers.Serializer[Any]):
    """How many services are how."""

    total = serializers.IntegerField()
    healthy = serializers.IntegerField()
    degraded = serializers.IntegerField()
    down = serializers.IntegerField()


class HealthSerializer(serializers.Serializer[Any]):
    """How we are."""

    overall_status = serializers.ChoiceField(["healthy", "degraded", "down"])
    services = serializers.DictField(child=ServiceSerializer())
    summary = CountsSerializer()


@describe("get", gives=HealthSerializer, also=(503,), errors=(404, 405))
@csrf_exempt  # it changes nothing; a POST is told so
@login_not_required
async def health(request: HttpRequest) -> JsonResponse:
    """The documented shape; 503 while something vital is down."""
    if request.method not in ("GET", "HEAD"):
        return method_not_allowed("GET", "HEAD")
    report = await check_all()
    return JsonResponse(
        report, status=503 if report["overall_status"] == "down" else 200
    )
