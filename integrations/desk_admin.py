"""Help desks, where tickets are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import ScopedAdmin
from core.admin import BrokenFilter
from integrations import desk_page, desk_setup
from integrations.models import Desk

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@admin.register(Desk)
class DeskAdmin(ScopedAdmin):
    """Does it take our tickets?

    A desk is added by name and provider; its own page then connects it.
    """

    list_display = ("name", "provider", "agent", "is_active", "works")
    list_filter = ("provider", "is_active", BrokenFilter)
    list_select_related = ("account",)
    search_fields = ("name",)
    autocomplete_fields = ("account",)
    fields = ("account", "provider", "name")
    ordering = ("name",)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        # No ticket can be made before the credentials are there.
        obj.is_active = False
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(self._page_of(obj))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page that connects the desk; it is not the administration's own form."""
        desk = self.get_object(request, object_id)
        if not self.has_change_permission(request, desk):
            raise PermissionDenied
        if desk is None:
            raise Http404
        return self._setup(request, desk)

    def _setup(self, request: HttpRequest, desk: Desk) -> HttpResponse:
        outcome = desk_page.Outcome("")
        if request.method == "POST":
            outcome = desk_page.take(request, desk)
            if not outcome.problem:
                self.log_change(request, desk, request.POST["step"])
            if outcome.text:
                self.message_user(request, outcome.text, messages.SUCCESS)
                return HttpResponseRedirect(self._page_of(desk))
        if outcome.problem:
            # Nothing of what failed may be shown as if it stood.
            desk.refresh_from_db()
        context = {
            **self.admin_site.each_context(request),
            **desk_page.context(request, desk, outcome),
            "title": str(desk),
            "opts": self.opts,
        }
        return TemplateResponse(request, "integrations/desk.html", context)

    def _page_of(self, desk: Desk) -> str:
        return reverse("admin:integrations_desk_change", args=[desk.pk])

    @admin.display(description=_("agent"))
    def agent(self, obj: Desk) -> str:
        return str(obj.settings.get("agent", "–"))

    @admin.display(description=_("works"), boolean=True)
    def works(self, obj: Desk) -> bool:
        is_connected = bool(obj.settings.get("form"))
        return is_connected and not obj.error and not desk_setup.missing(obj)
