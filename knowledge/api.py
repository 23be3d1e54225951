"""Entries over HTTP: read, written, imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.response import Response

from accounts.api import AccountView
from core.exceptions import Conflict, InvalidPayload
from core.paging import page_of
from knowledge import sources
from knowledge.finding import matching
from knowledge.importing import import_entries, read
from knowledge.models import Entry, Source
from knowledge.serializers import (
    EntryRowSerializer,
    EntrySerializer,
    FilterSerializer,
    SourceSerializer,
)
from knowledge.source_reading import read_source
from knowledge.uploads import FileView, as_path, sent_file

if TYPE_CHECKING:
    import uuid

    from rest_framework.request import Request


class EntryList(AccountView):
    """`GET …/entries/` lists them, newest first; `POST` adds one."""

    def get(self, request: Request) -> Response:
        wanted = FilterSerializer(data=request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        rows = Entry.objects.for_account(self.account).select_related("read_from")
        rows = matching(rows.defer("body"), values)
        found, cursor = page_of(
            rows, limit=values["limit"], cursor=values.get("cursor", "")
        )
        entries = EntryRowSerializer(found, many=True).data
        return Response({"results": entries, "next": cursor})

    def post(self, request: Request) -> Response:
        entry = Entry(account=self.account)
        return Response(_saved(self, entry), status.HTTP_201_CREATED)


class EntryDetail(AccountView):
    """`GET`, `PUT`, `PATCH` and `DELETE` of one entry."""

    def get(self, request: Request, entry: uuid.UUID) -> Response:
        return Response(EntrySerializer(entry_of(self, entry)).data)

    def put(self, request: Request, entry: uuid.UUID) -> Response:
        return Response(_saved(self, entry_of(self, entry)))

    def patch(self, request: Request, entry: uuid.UUID) -> Response:
        return Response(_saved(self, entry_of(self, entry), partial=True))

    def delete(self, request: Request, entry: uuid.UUID) -> Response:
        entry_of(self, entry).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class EntryImport(FileView):
    """`POST …/entries/import/`: a file, JSON lines, or the address of a page."""

    def post(self, request: Request) -> Response:
        if isinstance(request.data, dict) and "url" in request.data:
            return self._from_web(request.data["url"])
        name, data = sent_file(request)
        with as_path(name, data) as path:
            report = import_entries(
                account=self.account, items=read(path, name), author=self.user
            )
        return Response(report.as_json())

    def _from_web(self, url: Any) -> Response:
        if not isinstance(url, str):
            raise InvalidPayload("`url` is not a text.")
        if sources.kind_of(url) == Source.Kind.SITEMAP:
            source = sources.ask_for(
                account=self.account, address=url, author=self.user
            )
            return Response(
                {"source": SourceSerializer(source).data}, status.HTTP_202_ACCEPTED
            )
        source = sources.claimed_source(
            account=self.account, address=url, author=self.user
        )
        report = read_source(source)
        return Response({**report.as_json(), "source": SourceSerializer(source).data})


def entry_of(view: AccountView, key: uuid.UUID) -> Entry:
    """The account's entry with this id; raises `Http404`."""
    return get_object_or_404(Entry.objects.for_account(view.account), uuid=key)


def _saved(view: AccountView, entry: Entry, *, partial: bool = False) -> dict[str, Any]:
    """Save an entry as the request has it; raises `Conflict` and what is invalid."""
    data = view.request.data
    sent = EntrySerializer(entry, data=data, partial=partial)
    sent.is_valid(raise_exception=True)
    values = sent.validated_data
    if "entry_id" not in data or values["external_id"] == str(entry.uuid):
        # A source knows the entry by its id; it goes only when another one is given.
        values.pop("external_id", None)
    if "status" in values:
        entry.gone_at = None
    entry.edited_by = view.user
    try:
        with transaction.atomic():
            sent.save()
    except IntegrityError as exc:
        raise Conflict("Another entry has this `entry_id`.") from exc
    return dict(EntrySerializer(entry).data)
