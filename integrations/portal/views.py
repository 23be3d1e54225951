"""`/portal/`: where owners connect channels, and see whether they work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.scoped_admin import is_superuser, owned_accounts, roles
from integrations import portal
from integrations.models import Channel, Desk
from integrations.portal.base import Outcome

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse

    from integrations.portal.base import Pages, Tab

#: Connections that the list shows; only a superuser has more.
MOST = 200


@dataclass(frozen=True, slots=True)
class Group:
    """Tabs that are shown as one, with the tabs in it."""

    label: str
    tabs: list[Tab]

    @property
    def is_one(self) -> bool:
        """It is a single tab by itself."""
        return not self.tabs[0].group


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All connections of the person's accounts, with their state."""
    _require_member(request)
    rows: list[Channel | Desk] = [
        row
        for model in (Channel, Desk)
        for row in model.objects.for_user(request.user).select_related("account")[:MOST]
    ]
    rows.sort(key=lambda each: (each.account.name, each.name, each.pk))
    owned = owned_accounts(request).order_by("name")[:MOST]
    context = {
        "rows": [(row, portal.get(row.provider)) for row in rows],
        "has_accounts": len({row.account_id for row in rows}) > 1,
        "owned": owned,
        "offered": portal.offered(),
    }
    return TemplateResponse(request, "portal/index.html", context)


@never_cache
@require_safe
def provider(request: HttpRequest, provider: str) -> HttpResponse:
    """The person's connection to this provider, or how to make one."""
    _require_member(request)
    pages = _pages(provider)
    rows = list(
        pages.model.objects.for_user(request.user).filter(provider=provider)[:2]
    )
    if len(rows) == 1:
        return redirect("portal-page", provider, rows[0].uuid, pages.tabs[0].name)
    if rows:
        return redirect("portal")
    context = {"pages": pages, "owned": owned_accounts(request).order_by("name")[:MOST]}
    return TemplateResponse(request, "portal/new.html", context)


@require_POST
def add(request: HttpRequest, provider: str) -> HttpResponse:
    """Begin a connection; its Setup page is next."""
    pages = _pages(provider)
    if not pages.is_offered:
        raise Http404
    accounts = owned_accounts(request)
    if name := request.POST.get("account"):
        accounts = accounts.filter(pk=name) if name.isdecimal() else accounts.none()
    account = accounts.first()
    if account is None:
        raise PermissionDenied
    row = pages.new(account)
    return redirect("portal-page", provider, row.uuid, "setup")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, provider: str, row: UUID, tab: str) -> HttpResponse:
    """One tab of a connection; its buttons come back here."""
    pages = _pages(provider)
    rows = pages.model.objects.for_user(request.user).select_related("account")
    found = get_object_or_404(rows, uuid=row, provider=provider)
    is_owner = _owns(request, found)
    visible = [each for each in pages.all_tabs if is_owner or each.is_for_support]
    chosen = next((each for each in visible if each.name == tab), None)
    if chosen is None:
        raise (
            PermissionDenied
            if any(each.name == tab for each in pages.all_tabs)
            else Http404
        )
    outcome = Outcome()
    if request.method == "POST":
        if not is_owner:
            raise PermissionDenied
        outcome = pages.take(request, found)
        if outcome.problem:
            # Nothing of what failed may be shown as if it stood.
            found.refresh_from_db()
        else:
            _log(request, found)
        if outcome.text:
            messages.success(request, outcome.text)
            return redirect(request.path)
    context: dict[str, Any] = {
        "pages": pages,
        "row": found,
        "tab": chosen,
        "groups": _groups(visible),
        "is_owner": is_owner,
        "problem": outcome.problem,
        **pages.context(request, found, chosen),
        **outcome.shown,
    }
    templates = [f"portal/{provider}_{tab}.html", f"portal/_{tab}.html"]
    return TemplateResponse(request, templates, context)


def _pages(provider: str) -> Pages[Any]:
    try:
        return portal.get(provider)
    except KeyError as exc:
        raise Http404 from exc


def _groups(tabs: list[Tab]) -> list[Group]:
    """Tabs in their order, those of one sub-tab together."""
    found: dict[str, list[Tab]] = {}
    for each in tabs:
        found.setdefault(str(each.group or each.label), []).append(each)
    return [Group(label, members) for label, members in found.items()]


def _owns(request: HttpRequest, row: Channel | Desk) -> bool:
    return owned_accounts(request).filter(pk=row.account_id).exists()


def _require_member(request: HttpRequest) -> None:
    if not is_superuser(request) and not roles(request):
        raise Http404


def _log(request: HttpRequest, row: Channel | Desk) -> None:
    """Keep who has done what, beside what was done in the administration."""
    LogEntry.objects.log_actions(
        user_id=request.user.pk or 0,
        queryset=[row],
        action_flag=CHANGE,
        change_message=request.POST["step"],
        single_object=True,
    )
