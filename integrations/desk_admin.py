"""Help desks, where tickets are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import ScopedAdmin
from core.admin import BrokenFilter
from integrations import desk_setup
from integrations.models import Desk

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@admin.register(Desk)
class DeskAdmin(ScopedAdmin):
    """Does it take our tickets?

    A desk is added by name and provider; its page in the portal then connects it.
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
        return self._to_portal(obj)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The portal's page connects the desk; it says who may see it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        desk = self.get_object(request, object_id)
        if desk is None:
            raise Http404
        return self._to_portal(desk)

    def _to_portal(self, desk: Desk) -> HttpResponse:
        return redirect("portal-page", desk.provider, desk.uuid, "setup")

    @admin.display(description=_("agent"))
    def agent(self, obj: Desk) -> str:
        return str(obj.settings.get("agent", "–"))

    @admin.display(description=_("works"), boolean=True)
    def works(self, obj: Desk) -> bool:
        is_connected = bool(obj.settings.get("form"))
        return is_connected and not obj.error and not desk_setup.missing(obj)
