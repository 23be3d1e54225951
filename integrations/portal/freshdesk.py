"""Freshdesk: the key is tried, its form is read, a ticket is tried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from integrations import desk_page, desk_setup
from integrations.adapters.base import Check
from integrations.portal.base import SETUP, STATUS, TEST, DeskPages, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest

    from integrations.models import Desk
    from integrations.portal.base import Tab

    Step = Callable[[HttpRequest, Desk], Outcome]


class FreshdeskPages(DeskPages):
    """Nothing is kept of a key that Freshdesk refuses."""

    tabs = (STATUS, SETUP, TEST)

    async def look(self, row: Desk) -> list[Check]:
        agent = await row.adapter.check()
        missing = ", ".join(desk_setup.missing(row))
        return [
            Check(
                _("Key"),
                is_ok=True,
                detail=_("Connected as %(agent)s.") % {"agent": agent},
            ),
            Check(
                _("Form of tickets"),
                is_ok=not missing,
                detail=_("Freshdesk refuses tickets without: %(fields)s")
                % {"fields": missing}
                if missing
                else _("Every required field has a value."),
                hint=_("Set values for them under Setup.") if missing else "",
            ),
        ]

    def steps(self) -> Mapping[str, Step]:
        return {
            **super().steps(),
            "connect": self._then_check(desk_page.connect),
            "read_form": self._then_check(desk_page.read_form),
            "set_values": self._then_check(desk_page.set_values),
            "test": desk_page.test,
            "renew": desk_page.renew,
        }

    def _then_check(self, step: Step) -> Step:
        def taken(request: HttpRequest, row: Desk) -> Outcome:
            outcome = step(request, row)
            if not outcome.problem:
                self.check(request, row)
            return outcome

        return taken

    def context(self, request: HttpRequest, row: Desk, tab: Tab) -> dict[str, Any]:
        return {**super().context(request, row, tab), **desk_page.context(request, row)}
