"""Sources over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.response import Response

from accounts.api import AccountView
from core.exceptions import Conflict
from core.paging import page_of
from knowledge import sources
from knowledge.models import Source
from knowledge.serializers import SourceSerializer

if TYPE_CHECKING:
    import uuid

    from rest_framework.request import Request


class SourceList(AccountView):
    """`GET …/sources/` lists them, newest first; `POST` adds one and has it read."""

    def get(self, request: Request) -> Response:
        rows = Source.objects.for_account(self.account)
        cursor = request.query_params.get("cursor", "")
        found, following = page_of(rows, limit=100, cursor=cursor)
        rows_json = SourceSerializer(found, many=True).data
        return Response({"results": rows_json, "next": following})

    def post(self, request: Request) -> Response:
        sent = SourceSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        source = sources.add_source(
            account=self.account, author=self.user, **sent.validated_data
        )
        return Response(SourceSerializer(source).data, status.HTTP_201_CREATED)


class SourceDetail(AccountView):
    """`GET`, `PATCH` and `DELETE` of one source; its entries stay when it goes."""

    def get(self, request: Request, source: uuid.UUID) -> Response:
        return Response(SourceSerializer(_source_of(self, source)).data)

    def patch(self, request: Request, source: uuid.UUID) -> Response:
        row = _source_of(self, source)
        sent = SourceSerializer(row, data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        sources.change_source(row, **sent.validated_data)
        return Response(SourceSerializer(row).data)

    def delete(self, request: Request, source: uuid.UUID) -> Response:
        row = _source_of(self, source)
        if row.is_being_read:
            raise Conflict("It is being read just now.")
        row.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class SourceRead(AccountView):
    """`POST …/sources/{id}/read/`: have it read as soon as a worker can."""

    def post(self, request: Request, source: uuid.UUID) -> Response:
        row = _source_of(self, source)
        sources.ask_for_reading(row, author=self.user)
        return Response(SourceSerializer(row).data, status.HTTP_202_ACCEPTED)


def _source_of(view: AccountView, key: uuid.UUID) -> Source:
    return get_object_or_404(Source.objects.for_account(view.account), uuid=key)
