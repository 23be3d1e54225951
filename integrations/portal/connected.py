"""Providers that are told where to send their events: connect, watch, try out."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext as _

from core import http
from integrations import adapters, connecting
from integrations.adapters.base import Outbound
from integrations.adapters.inbound import InboundMessage
from integrations.facts import adapter_of
from integrations.portal.base import SETUP, STATUS, TEST, ChannelPages, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.http import HttpRequest

    from integrations.models import Channel
    from integrations.portal.base import Tab

#: Events that the test page shows.
LAST = 10


class ConnectedPages(ChannelPages):
    """Saving the credentials connects the channel."""

    tabs: ClassVar[Sequence[Tab]] = (STATUS, SETUP, TEST)

    def steps(self) -> Mapping[str, Callable[[HttpRequest, Channel], Outcome]]:
        return {**super().steps(), "test": self.test}

    def keep(self, row: Channel, entered: Mapping[str, str]) -> None:
        connecting.refuse_twin(self.key, {**row.credentials, **entered}, but=row)
        super().keep(row, entered)

    def connect(self, request: HttpRequest, row: Channel) -> Outcome:
        outcome = super().connect(request, row)
        if not outcome.problem:
            connecting.connect(row)
            self.check(request, row)
        return outcome

    def context(self, request: HttpRequest, row: Channel, tab: Tab) -> dict[str, Any]:
        found = super().context(request, row, tab)
        adapter = adapters.get(self.key)
        if not adapter.is_greeted:
            found.pop("webhook_url", None)  # it was told by ourselves
        known = row.credentials
        found["to_enter"] = [
            (each.name, each.label, known[each.name])
            for each in adapter.credential_fields
            if each.is_told and known.get(each.name)
        ]
        if tab == TEST:
            last = _last_said(row)
            found["events"] = row.events.order_by("-id")[:LAST]
            found["last_name"] = last and (last.contact_name or last.contact_id)
        return found

    def test(self, request: HttpRequest, row: Channel) -> Outcome:
        """Send a line to whoever wrote last; raises `ProviderError`."""
        last = _last_said(row)
        if last is None:
            return Outcome(problem=_("Nobody has written yet. Write to it yourself."))
        text = _("This is a test message.")
        said = Outbound(
            "text", str(uuid.uuid4()), last.address, text, is_by_person=True
        )
        http.run(adapter_of(row).send(said))
        return Outcome(_("Sent."))


def _last_said(row: Channel) -> InboundMessage | None:
    """What a contact said last, among the last events."""
    adapter = adapter_of(row)
    for event in row.events.filter(state="done").order_by("-id")[:LAST]:
        found = adapter.parse(adapter.decode(event.body.encode()))
        for each in reversed(found):
            if isinstance(each, InboundMessage) and each.author == "contact":
                return each
    return None
