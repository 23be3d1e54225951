"""Freshdesk. Facts: docs/providers/freshdesk.md."""

from __future__ import annotations

import base64
import datetime as dt
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings

from core import http
from core.exceptions import (
    InvalidPayload,
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from core.text import clean_text, truncate
from integrations.adapters.base import CredentialField
from integrations.desks.base import DeskAdapter, Ticket, TicketNews, TicketReply
from integrations.desks.freshdesk_errors import GONE, NOBODY, error_of
from integrations.desks.freshdesk_form import CUSTOM, read_form
from integrations.desks.limits import limiter_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from core.calls import Response
    from integrations.desks.base import Attachment, FormField, Status, TicketDraft
    from integrations.desks.limits import Limiter

_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z", re.ASCII)
_TICKET_ID: Final = re.compile(r"[0-9]{1,19}\Z", re.ASCII)
#: In JSON, wrapped or not, and in a form.
_HINT: Final = re.compile(
    rb"(?:\b|%5B)ticket_id(?:%5D|\])?[\"']?\s*[:=]\s*[\"']?([0-9]{1,19})\b"
)
_HINT_LENGTH: Final = 10_000
OPEN, CHAT, MEDIUM = 2, 7, 2
#: On every ticket of ours; the rule that tells of changes asks for it.
TAG: Final = "assistant"
#: A desk may add statuses of its own, which are steps of work that is not done.
STATUSES: Final[dict[int, Status]] = {2: "open", 3: "pending", 4: "solved", 5: "closed"}
#: Conversations that come with a ticket; if there are so many, there may be more.
_ENCLOSED: Final = 10
_PER_PAGE: Final = 100
#: Pages that Freshdesk gives of one list.
_MOST_PAGES: Final = 300
_SUBJECT_LENGTH: Final = 250
#: Seconds by which the desk's clock may be behind ours.
_CLOCK_TOLERANCE = dt.timedelta(minutes=1)


class FreshdeskAdapter(DeskAdapter):
    """Tickets through Freshdesk's API v2, with one agent's key.

    Settings: `values`, by name of the form's field, go into every ticket;
    `reference_field` names the field that holds our reference.
    """

    key = "freshdesk"
    label = "Freshdesk"
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        CredentialField("domain", "Domain, before .freshdesk.com", is_secret=False),
        CredentialField("api_key", "API key"),
    )

    @property
    def address(self) -> str:
        """The root of the desk; we build it, so that nobody chooses a host."""
        if settings.FRESHDESK_BASE_URL:
            return str(settings.FRESHDESK_BASE_URL).rstrip("/")
        domain = self.desk.credentials.get("domain", "")
        if not _LABEL.match(domain):
            raise PermanentProviderError(
                "The domain is the part before .freshdesk.com: small letters, digits"
                " and hyphens.",
                provider=self.key,
            )
        return f"https://{domain}.freshdesk.com"

    async def check(self) -> str:
        me = await self._call("GET", "/agents/me")
        contact = me.get("contact") if isinstance(me, dict) else None
        if not isinstance(contact, dict):
            raise TemporaryProviderError(
                f"What answers at {self.address} is not Freshdesk.", provider=self.key
            )
        return str(contact.get("name") or contact.get("email") or "")

    async def form(self) -> tuple[FormField, ...]:
        return read_form(_rows(await self._call("GET", "/ticket_fields")))

    async def create(self, draft: TicketDraft) -> Ticket:
        made = await self._call("POST", "/tickets", json=self._ticket(draft))
        if not isinstance(made, dict) or not _is_id(made.get("id")):
            raise UncertainProviderError(
                "Freshdesk said yes, but not which ticket it made.", provider=self.key
            )
        return self._made(made)

    async def find(self, draft: TicketDraft) -> Ticket | None:
        since = draft.started_at - _CLOCK_TOLERANCE
        try:
            # The list; the search index lags by minutes.
            async for row in self._list(since, _requester(draft)):
                if self._is_of(row, draft):
                    return self._made(row)
        except PermanentProviderError as exc:
            if exc.code != NOBODY:
                raise
            # Nobody of that name is known there, so nothing was made for them.
        return None

    async def read(self, external_id: str) -> TicketNews:
        path = f"/tickets/{_ticket_id(external_id)}"
        try:
            ticket = await self._call("GET", path, params={"include": "conversations"})
            said = _rows(ticket.get("conversations"))
            if len(said) >= _ENCLOSED:
                said = [row async for row in self._pages(f"{path}/conversations", {})]
        except PermanentProviderError as exc:
            if exc.code == GONE:
                return TicketNews(external_id, "gone")
            raise
        status = STATUSES.get(ticket.get("status"), "open")
        if ticket.get("deleted") or ticket.get("spam"):
            status = "gone"
        replies = tuple(_reply(row) for row in said if _is_of_staff(row))
        is_over = status in ("solved", "closed") and replies
        solution = replies[-1].text if is_over else ""
        return TicketNews(external_id, status, replies, solution)

    async def note(
        self, external_id: str, html: str, files: Sequence[Attachment] = ()
    ) -> None:
        path = f"/tickets/{_ticket_id(external_id)}/notes"
        if not files:
            await self._call("POST", path, json={"body": html, "private": True})
            return
        parts = [
            ("attachments[]", (each.name, each.content, each.content_type))
            for each in files
        ]
        await self._call(
            "POST", path, data={"body": html, "private": "true"}, files=parts
        )

    async def has_note(self, external_id: str, mark: str) -> bool:
        path = f"/tickets/{_ticket_id(external_id)}/conversations"
        async for row in self._pages(path, {}):
            if mark in str(row.get("body") or ""):
                return True
        return False

    async def changed_since(self, at: dt.datetime) -> set[str]:
        since = at - _CLOCK_TOLERANCE
        return {str(row["id"]) async for row in self._list(since, {})}

    def hinted_ticket(self, body: bytes) -> str:
        # The rule's owner may have chosen "simple" content, or a form, and a subject
        # with a quotation mark breaks the JSON.
        found = _HINT.search(body[:_HINT_LENGTH])
        if found is None:
            raise InvalidPayload("`ticket_id` is missing.")
        return found[1].decode()

    def _ticket(self, draft: TicketDraft) -> dict[str, Any]:
        values = self.desk.settings.get("values") or {}
        own = {
            name.removeprefix(CUSTOM): value
            for name, value in values.items()
            if name.startswith(CUSTOM)
        }
        plain = {k: each for k, each in values.items() if not k.startswith(CUSTOM)}
        tags, ending = list(dict.fromkeys((TAG, *draft.tags))), ""
        field = self.desk.settings.get("reference_field")
        if field:
            own[field.removeprefix(CUSTOM)] = str(draft.reference)
        else:
            tags.append(_tag(draft))
            ending = f" ({_tag(draft)})"
        subject = " ".join(draft.subject.split()) or "Chat"
        return {
            "priority": MEDIUM,
            **plain,
            **_requester(draft),
            **({"name": draft.requester_name} if draft.requester_name else {}),
            "subject": truncate(subject, _SUBJECT_LENGTH - len(ending)) + ending,
            "description": draft.html,
            "status": OPEN,
            "source": CHAT,
            "tags": tags,
            **({"custom_fields": own} if own else {}),
        }

    def _is_of(self, row: dict[str, Any], draft: TicketDraft) -> bool:
        own = row.get("custom_fields") or {}
        return str(draft.reference) in own.values() or _tag(draft) in (
            row.get("tags") or ()
        )

    def _made(self, row: dict[str, Any]) -> Ticket:
        return Ticket(str(row["id"]), f"{self.address}/a/tickets/{row['id']}")

    def _list(
        self, since: dt.datetime, of: Mapping[str, str]
    ) -> AsyncIterator[dict[str, Any]]:
        stamp = since.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # Newest first: one that changes meanwhile pushes others to the next page, so
        # none is passed over.
        params = {"updated_since": stamp, "order_by": "updated_at", **of}
        return self._pages("/tickets", {**params, "order_type": "desc"})

    async def _pages(
        self, path: str, params: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        for page in range(1, _MOST_PAGES + 1):
            rows = _rows(
                await self._call(
                    "GET", path, params={**params, "per_page": _PER_PAGE, "page": page}
                )
            )
            for row in rows:
                if _is_id(row.get("id")):
                    yield row
            if len(rows) < _PER_PAGE:
                return

    async def _call(self, method: str, path: str, **how: Any) -> Any:
        """One call, if Freshdesk takes one more; returns the answer's JSON."""
        key = self.desk.credentials.get("api_key", "")
        limiter = limiter_of(self.address, key)
        if pause := limiter.take():
            raise TemporaryProviderError(
                "Freshdesk takes no more calls for the moment.",
                provider=self.key,
                code="rate_limited",
                retry_after=pause,
            )
        login = base64.b64encode(f"{key}:X".encode()).decode()
        response = await http.request(
            method,
            f"{self.address}/api/v2{path}",
            provider=self.key,
            trusted=bool(settings.FRESHDESK_BASE_URL),
            headers={"Authorization": f"Basic {login}"},
            check=False,
            **how,
        )
        _learn(limiter, response)
        return _answer(response, is_repeatable=method == "GET")


def _learn(limiter: Limiter, response: Response) -> None:
    left = response.headers.get("x-ratelimit-remaining", "")
    if left.isascii() and left.isdigit():
        limiter.learn(int(left))
    if response.status_code == 429:
        limiter.stop(http.retry_after(response.headers))


def _answer(response: Response, *, is_repeatable: bool) -> Any:
    """What Freshdesk said; raises `ProviderError`."""
    if response.status_code >= 300:
        raise error_of(response, is_repeatable=is_repeatable)
    try:
        return http.json_of(response, provider=FreshdeskAdapter.key)
    except TemporaryProviderError as exc:
        if is_repeatable:
            raise
        # It said yes, but the answer is not Freshdesk's.
        raise UncertainProviderError(str(exc), provider=FreshdeskAdapter.key) from exc


def _requester(draft: TicketDraft) -> dict[str, str]:
    """Whom the ticket is from; without an address, a contact of this ticket only."""
    if draft.requester_email:
        return {"email": draft.requester_email}
    return {"unique_external_id": str(draft.reference)}


def _tag(draft: TicketDraft) -> str:
    return f"esc-{draft.reference.hex[:12]}"


def _is_of_staff(row: dict[str, Any]) -> bool:
    """Whether staff told it the customer; what we write ourselves are notes."""
    return (
        row.get("incoming") is False
        and row.get("private") is False
        and row.get("source") == 0
    )


def _reply(row: dict[str, Any]) -> TicketReply:
    return TicketReply(
        external_id=str(row["id"]),
        text=clean_text(str(row.get("body_text") or "").strip()),
        author_name="",
        at=dt.datetime.fromisoformat(row["created_at"]),
    )


def _rows(given: Any) -> list[dict[str, Any]]:
    return [each for each in given or () if isinstance(each, dict)]


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _ticket_id(external_id: str) -> str:
    if not _TICKET_ID.match(external_id):
        raise PermanentProviderError(
            "A ticket of Freshdesk has a number.", provider="freshdesk"
        )
    return external_id
