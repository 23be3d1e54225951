"""Actions of the administration that say first how many rows they take, and what for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from accounts import trail
from core.exceptions import AppError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse

    from accounts.scoped_admin import ScopedAdmin

    Act = Callable[[Any, HttpRequest, list[Any]], "int | HttpResponse | None"]

#: Rows that one action takes; each is named in the form that confirms it.
MOST: Final = 500
#: Rows that the page shows by name.
MOST_SHOWN: Final = 12

#: What each action is called, for the audit trail.
LABELS: Final[dict[str, Any]] = {}


def confirmed(
    *, description: Any, effect: Any, done: Any = None
) -> Callable[[Act], Callable[..., Any]]:
    """Make an action of a function that takes the rows it may act on.

    `effect` says what will happen to them. The function returns how many it changed,
    which `done` (a lazy `ngettext`) tells, or a page of its own. What changed nothing is
    neither told as done nor noted on the audit trail.
    """

    def wrap(act: Act) -> Callable[..., Any]:
        name = act.__name__
        LABELS[name] = description

        @functools.wraps(act)
        def action(
            page: ScopedAdmin, request: HttpRequest, queryset: QuerySet[Any]
        ) -> HttpResponse | None:
            rows = page.editable(request, queryset[: MOST + 1])
            if not rows or len(rows) > MOST:
                _refuse(page, request, len(rows))
                return None
            if "confirmed" not in request.POST:
                return ask(page, request, name, rows, title=description, effect=effect)
            result = act(page, request, rows)
            if result != 0:
                trail.record_many(verb=name, rows=rows, label=page.label)
            if isinstance(result, int) and done is not None:
                _tell(page, request, result, done)
            return None if isinstance(result, int) else result

        return admin.action(description=description, permissions=["edit"])(action)

    return wrap


def ask(
    page: ScopedAdmin,
    request: HttpRequest,
    name: str,
    rows: Sequence[Model],
    *,
    title: Any,
    effect: Any,
    template: str = "admin/confirm.html",
    **more: Any,
) -> TemplateResponse:
    """The page that says what will happen; its button posts the same rows again."""
    context = {
        **page.admin_site.each_context(request),
        "title": title,
        "effect": effect,
        "opts": page.opts,
        "action": name,
        "rows": rows,
        "labels": [page.label(row) for row in rows[:MOST_SHOWN]],
        "count": len(rows),
        "back": request.get_full_path(),
        **more,
    }
    return TemplateResponse(request, template, context)


def each(
    page: ScopedAdmin,
    request: HttpRequest,
    rows: Iterable[Any],
    act: Callable[[Any], Any],
) -> int:
    """Do it to one after the other, and tell who says no; returns how many were done."""
    count = 0
    for row in rows:
        try:
            act(row)
        except AppError as exc:
            page.message_user(request, f"{page.label(row)}: {exc}", messages.WARNING)
        else:
            count += 1
    return count


def _tell(page: ScopedAdmin, request: HttpRequest, count: int, done: Any) -> None:
    if count:
        page.message_user(request, done % count, messages.SUCCESS)
    else:
        page.message_user(request, _("Nothing was changed."), messages.WARNING)


def _refuse(page: ScopedAdmin, request: HttpRequest, count: int) -> None:
    text = _("Nothing that you may change was selected.")
    if count:
        text = _("Select at most %(most)d rows at a time.") % {"most": MOST}
    page.message_user(request, text, messages.WARNING)
