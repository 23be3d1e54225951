"""The administration, which tells people without an account what to do about it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.template.response import TemplateResponse


class Site(AdminSite):
    """Every page is refused to them, some as missing; this says why instead."""

    def admin_view(self, view: Callable[..., Any], cacheable: Any = False) -> Any:  # noqa: FBT002
        @functools.wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(request, *args, **kwargs)
            except (Http404, PermissionDenied):
                if _has_account(request.user):
                    raise
                return render(request, "accounts/no_account.html", status=403)

        return super().admin_view(inner, cacheable)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if not _has_account(request.user):
            raise PermissionDenied
        return super().index(request, extra_context)


def _has_account(user: Any) -> bool:
    return bool(user.is_superuser or user.memberships.exists())
