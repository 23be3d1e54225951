"""Analytics in the administration: one page, and the same as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from accounts.scoped_admin import RecordAdmin, accounts_as
from ai_model import analytics_page
from ai_model.analytics import export
from ai_model.analytics.reading import rows_of
from ai_model.models import Tally

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@admin.register(Tally)
class TallyAdmin(RecordAdmin):
    """What did the assistant do, and what came of it?"""

    def changelist_view(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """The page instead of a list; `?file=csv` is the table in a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = analytics_page.FilterForm(
            accounts_as(request, self.viewers), request.GET
        )
        account = form.chosen
        if account is None:
            raise Http404
        form.is_valid()
        if request.GET.get("file") == "csv":
            rows = rows_of(account, form.period, form.channels)
            return export.response(account, form.period, rows)
        context = {
            **self.admin_site.each_context(request),
            **analytics_page.context(account, form),
            "title": _("Analytics"),
            "opts": self.opts,
            "form": form,
            "account": account,
        }
        return TemplateResponse(request, "ai_model/analytics.html", context)
