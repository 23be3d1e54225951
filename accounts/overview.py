"""The first page of the administration: what waits now, how today goes, what is broken.

An app adds to it from a module that its `admin.py` imports:

    @overview.section(overview.NOW)
    def waiting(look: Look) -> Iterator[Figure]: ...

    overview.link(_("Spending limits"), "admin:ai_model_limit_changelist")

Figures are counted on what the list of their model shows to this very user, so whoever
may not open a list does not see its figure, and nobody counts another account's rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse

from accounts.models import Change
from accounts.scoped_admin import is_superuser, owned_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

    from accounts.models import Account

    Part = Callable[["Look"], "Iterable[Figure | Notice | None]"]

NOW: Final = "now"
TODAY: Final = "today"
STATE: Final = "state"

#: Counting stops here; more is shown as "1000+".
MOST: Final = 1_000
#: Accounts whose state the page tells; a superuser may have many.
MOST_ACCOUNTS: Final = 20
#: Lines of the audit trail.
MOST_CHANGES: Final = 8

_parts: dict[str, list[tuple[int, Part]]] = {NOW: [], TODAY: [], STATE: []}
_links: list[tuple[StrOrPromise, str, bool]] = []


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that leads to the list of what it counts."""

    label: StrOrPromise
    count: int
    url: str
    #: Whether somebody should act on it, if it is not zero.
    is_alert: bool = False

    @property
    def shown(self) -> str:
        """The number, as far as it was counted."""
        return f"{MOST}+" if self.count > MOST else str(self.count)


@dataclass(frozen=True, slots=True)
class Notice:
    """How something stands, in words."""

    level: Literal["good", "warning", "error"]
    text: StrOrPromise
    detail: StrOrPromise = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """The page for one user."""

    request: HttpRequest

    def pages(self, model: type[Model]) -> Any:
        """The model's pages, if this user may see its list."""
        page = admin.site._registry.get(model)
        return page if page and page.has_view_permission(self.request) else None

    def figure(
        self,
        label: StrOrPromise,
        model: type[Model],
        rows: Callable[[Any], QuerySet[Any]],
        query: Mapping[str, str],
        *,
        is_alert: bool = False,
        is_shown_at_zero: bool = True,
    ) -> Figure | None:
        """How many rows of a list there are; `query` is how the list shows just them."""
        page = self.pages(model)
        if page is None:
            return None
        # Only the keys: what a list annotates for its columns is not needed to count.
        found = rows(page.get_queryset(self.request)).order_by().values("pk")
        count = found[: MOST + 1].count()
        if not count and not is_shown_at_zero:
            return None
        return Figure(label, count, list_url(model, query), is_alert)

    @property
    def is_superuser(self) -> bool:
        """Whether everything of everybody is shown."""
        return is_superuser(self.request)

    def owned(self) -> list[Account]:
        """The accounts whose settings the user may see; of many, the first ones."""
        return list(owned_accounts(self.request).order_by("name")[:MOST_ACCOUNTS])


def section(name: str, *, place: int = 50) -> Callable[[Part], Part]:
    """Add what a function finds to a section of the page; lower places come first."""

    def add(part: Part) -> Part:
        _parts[name].append((place, part))
        _parts[name].sort(key=lambda each: each[0])
        return part

    return add


def link(
    label: StrOrPromise, url_name: str, *, is_for_superusers: bool = False
) -> None:
    """Add a page to the links that are one click away."""
    _links.append((label, url_name, is_for_superusers))


def look(request: HttpRequest) -> dict[str, Any]:
    """All that the page shows to this user."""
    user = Look(request)
    found: dict[str, Any] = {
        name: [each for _place, part in parts for each in part(user) if each]
        for name, parts in _parts.items()
    }
    changes = user.pages(Change)
    owns = user.is_superuser or owned_accounts(request).exists()
    return found | {
        "links": [
            (label, reverse(name))
            for label, name, is_for_superusers in _links
            if user.is_superuser or (owns and not is_for_superusers)
        ],
        "changes": changes and changes.get_queryset(request)[:MOST_CHANGES],
        "changes_url": list_url(Change, {}),
    }


def list_url(model: type[Model], query: Mapping[str, str]) -> str:
    """The list of a model, filtered."""
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return f"{address}?{urlencode(query)}" if query else address
