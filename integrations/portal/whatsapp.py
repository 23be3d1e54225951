"""WhatsApp's own tab: the template for what is said after the window has closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import http
from core.exceptions import InvalidPayload, ProviderError
from integrations.adapters.whatsapp_templates import Template
from integrations.facts import adapter_of, cache
from integrations.portal.base import SETUP, STATUS, TEST, Outcome, Tab
from integrations.portal.connected import ConnectedPages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest, QueryDict

    from integrations.adapters.whatsapp import WhatsAppAdapter
    from integrations.models import Channel

TEMPLATE = Tab("template", gettext_lazy("Template"))


class WhatsAppPages(ConnectedPages):
    """The owner chooses among the templates that Meta has approved."""

    tabs = (STATUS, SETUP, TEMPLATE, TEST)

    def steps(self) -> Mapping[str, Callable[[HttpRequest, Channel], Outcome]]:
        own = {"list": self.look_up, "choose": self.choose, "remove": self.remove}
        return {**super().steps(), **own}

    def context(self, request: HttpRequest, row: Channel, tab: Tab) -> dict[str, Any]:
        found = super().context(request, row, tab)
        if tab == TEMPLATE:
            found["template"] = _adapter(row).template
            found["can_list"] = bool(row.credentials.get("business_account_id"))
        return found

    def look_up(self, request: HttpRequest, row: Channel) -> Outcome:
        """Ask Meta which templates are approved."""
        return Outcome(shown={"templates": self._known(row)})

    def choose(self, request: HttpRequest, row: Channel) -> Outcome:
        """Use one from now on; it is looked for among those that are approved."""
        found = self._find(row, request.POST)
        if found is None:
            raise InvalidPayload(_("There is no such template."))
        chosen = found.with_values(_values(request))
        self._keep(row, {**row.credentials, "template": chosen.dump()})
        self.check(request, row)
        return Outcome(_("Saved."))

    def remove(self, request: HttpRequest, row: Channel) -> Outcome:
        """Use none any more."""
        others = {
            key: each for key, each in row.credentials.items() if key != "template"
        }
        self._keep(row, others)
        self.check(request, row)
        return Outcome(_("Removed."))

    def _find(self, row: Channel, entered: QueryDict) -> Template | None:
        """The approved one of this name; as it was entered where nobody can be asked."""
        name, lang, body = (
            entered.get(each, "").strip() for each in ("name", "lang", "body")
        )
        by_hand = Template(name, lang, body) if name and lang and body else None
        if not row.credentials.get("business_account_id"):
            return by_hand
        try:
            known = self._known(row)
        except ProviderError:
            if by_hand is None:
                raise
            return by_hand
        same = (each for each in known if (each.name, each.lang) == (name, lang))
        return next(same, None)

    def _known(self, row: Channel) -> list[Template]:
        return http.run(_adapter(row).templates())

    def _keep(self, row: Channel, credentials: dict[str, str]) -> None:
        row.credentials = credentials
        row.save(update_fields=["credentials"])
        transaction.on_commit(cache.clear)


def _adapter(row: Channel) -> WhatsAppAdapter:
    return cast("WhatsAppAdapter", adapter_of(row))


def _values(request: HttpRequest) -> list[str]:
    """What was entered for its places: one field each, or one line each."""
    given = request.POST.getlist("value")
    return given or request.POST.get("values", "").strip().splitlines()
