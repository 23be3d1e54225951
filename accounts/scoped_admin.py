"""The base of all admin pages: everybody works on the rows of their own accounts."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin import RelatedFieldListFilter
from django.core.exceptions import FieldDoesNotExist

from accounts import trail
from accounts.confirming import LABELS
from accounts.exporting import export
from accounts.models import Account, Membership
from accounts.scoping import account_id_of
from accounts.services import as_uuid
from core.admin import BoundedChangeList, BoundedPaginator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import ForeignKey, Model, QuerySet
    from django.http import HttpRequest

    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

#: Rows that a filter beside a list offers; a search reaches the others.
MOST_CHOICES = 100

#: Rows that a search reads where it has to read every text.
SEARCHED = 100_000

OWNER = Membership.Role.OWNER
SUPPORT = Membership.Role.SUPPORT


def is_superuser(request: HttpRequest) -> bool:
    """Whether the request is made by somebody who may see and do everything."""
    return bool(request.user.is_active and request.user.is_superuser)


def roles(request: HttpRequest) -> dict[int, str]:
    """The user's role by account, read once per request."""
    found: dict[int, str] | None = getattr(request, "_account_roles", None)
    if found is None:
        rows = Membership.objects.for_user(request.user).filter(
            user_id=request.user.pk or 0
        )
        found = dict(rows.values_list("account_id", "role"))
        request._account_roles = found  # type: ignore[attr-defined]
    return found


def accounts_as(request: HttpRequest, wanted: Sequence[str]) -> QuerySet[Account]:
    """The accounts in which the user has one of these roles; all for a superuser."""
    if is_superuser(request):
        return Account.objects.all()
    keys = [key for key, role in roles(request).items() if role in wanted]
    return Account.objects.filter(pk__in=keys)


def owned_accounts(request: HttpRequest) -> QuerySet[Account]:
    """The accounts that the user owns; all for a superuser."""
    return accounts_as(request, (OWNER,))


class OwnRowsFilter(RelatedFieldListFilter):
    """Filters by a relation, and offers the first rows of the user's accounts."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[str, Any]]:
        rows = field.related_model._default_manager.for_user(request.user)
        return [(str(row.pk), str(row)) for row in rows.order_by("name")[:MOST_CHOICES]]


class ScopedAdmin(ModelAdmin):
    """Shows the rows of the user's accounts, and lets a role do what it may.

    The account of a row is chosen when it is added, among those the user may add to,
    and never changes. Whoever has one account does not see the field at all.
    """

    #: Roles that see the rows, and that change them.
    viewers: ClassVar[tuple[str, ...]] = (OWNER,)
    editors: ClassVar[tuple[str, ...]] = (OWNER,)
    #: Whether editors, who are not superusers, may do this.
    can_add: ClassVar[bool] = True
    can_change: ClassVar[bool] = True
    can_delete: ClassVar[bool] = True
    #: Nobody changes what has happened, superusers neither.
    is_record: ClassVar[bool] = False
    #: Chosen when the row is added, and fixed from then on; `account` always is.
    fixed_fields: ClassVar[tuple[str, ...]] = ()

    #: Of a table that only grows, rows that a search reads; none: all.
    searches_newest: ClassVar[int] = 0
    #: What a file of these rows holds, as lookups; empty: there is none.
    export_fields: ClassVar[tuple[str, ...]] = ()
    #: What people can set here is on the audit trail, whoever saves it; records are not.
    is_on_trail: ClassVar[bool | None] = None

    paginator = BoundedPaginator
    show_full_result_count = False
    # They count the whole table once for each choice.
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        if self.is_on_trail or (self.is_on_trail is None and not self.is_record):
            trail.watch(model)

    # Who may do what ---------------------------------------------------------

    def may_view(self, request: HttpRequest, obj: Any) -> bool:
        """Whether this row may be seen."""
        role = roles(request).get(account_id_of(obj))
        return is_superuser(request) or role in self.viewers

    def may_edit(self, request: HttpRequest, obj: Any) -> bool:
        """Whether this row may be acted on."""
        role = roles(request).get(account_id_of(obj))
        return is_superuser(request) or role in self.editors

    def editable(self, request: HttpRequest, rows: QuerySet[Any]) -> list[Any]:
        """Those of the rows that may be acted on; what actions begin with."""
        return [row for row in rows if self.may_edit(request, row)]

    def has_edit_permission(self, request: HttpRequest) -> bool:
        """Whether there can be rows to act on; for `permissions=["edit"]` of actions."""
        return self._has_role(request, self.editors)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._has_role(request, self.viewers)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not self._has_role(request, self.viewers):
            return False
        return obj is None or self.may_view(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, can=self.can_add)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = self._may(request, can=self.can_change)
        return may and (obj is None or self.may_edit(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = self._may(request, can=self.can_delete)
        return may and (obj is None or self.may_edit(request, obj))

    def _may(self, request: HttpRequest, *, can: bool) -> bool:
        if self.is_record:
            return False
        if is_superuser(request):
            return True
        return can and self._has_role(request, self.editors)

    def _has_role(self, request: HttpRequest, wanted: Sequence[str]) -> bool:
        if is_superuser(request):
            return True
        return request.user.is_staff and not set(wanted).isdisjoint(
            roles(request).values()
        )

    # What is done ------------------------------------------------------------

    def label(self, row: Any) -> str:
        """What a row is called, where it is to be confirmed or noted."""
        return str(row)

    def exportable(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the rows that the user may take away as a file."""
        if is_superuser(request):
            return rows
        way = getattr(self.model, "account_path", "account")
        keys = accounts_as(request, self.editors).values("pk")
        return rows.filter(**{f"{way}__in" if way else "pk__in": keys})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        # Whoever may delete rows does it on their own page, or not at all.
        if not self.can_delete or self.is_record:
            actions.pop("delete_selected", None)
        if self.export_fields and self.has_edit_permission(request):
            actions["export"] = (export, "export", LABELS["export"])
        return actions

    # Which rows --------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self._visible(request)
        ordering = self.get_ordering(request)
        if not is_superuser(request):
            # Somebody may own one account and support another. As numbers, because a
            # database plans with them better than with a join.
            way = getattr(self.model, "account_path", "account")
            mine = roles(request).items()
            keys = [key for key, role in mine if role in self.viewers]
            rows = rows.filter(**{f"{way}__in" if way else "pk__in": keys})
        return rows.order_by(*ordering) if ordering else rows

    def _visible(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the user's accounts."""
        only = list(roles(request))
        if is_superuser(request) or len(only) != 1:
            rows: QuerySet[Any] = self.model._default_manager.for_user(request.user)
            return rows
        # Most people have one: its index gives the rows in their order, unjoined.
        own: QuerySet[Any] = self.model._default_manager.for_account(
            Account(pk=only[0])
        )
        return own if request.user.is_active else own.none()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        key = as_uuid(search_term.strip())
        if key is not None and _has_field(self.model, "uuid"):
            return queryset.filter(uuid=key), False
        if self.searches_newest and search_term:
            # No index finds words within texts, so old ones are not read for them.
            newest = queryset.order_by("-pk").values_list("pk", flat=True)
            oldest = newest[self.searches_newest : self.searches_newest + 1].first()
            if oldest is not None:
                queryset = queryset.filter(pk__gt=oldest)
        return super().get_search_results(request, queryset, search_term)

    # Lists -------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return BoundedChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        shown = list(self.list_display)
        return [*shown, "account"] if self._shows_account(request) else shown

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters: list[Any] = list(self.list_filter)
        if self._shows_account(request):
            filters.append(("account", OwnRowsFilter))
        return filters

    def _shows_account(self, request: HttpRequest) -> bool:
        has_it = _has_field(self.model, "account")
        return has_it and (is_superuser(request) or len(roles(request)) > 1)

    # Forms -------------------------------------------------------------------

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        row = context.get("original")
        if request.method == "POST" and row is not None:
            # A form that was refused has put its values on the row; what the page tells
            # of the row in its own words is what holds.
            row.refresh_from_db()
        return super().render_change_form(request, context, *args, **kwargs)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer only what belongs to the user's accounts."""
        model: Any = db_field.related_model
        if model is Account:
            kwargs["queryset"] = accounts_as(request, self.editors)
        elif model in self.admin_site._registry:
            related = self.admin_site._registry[model]
            kwargs["queryset"] = related.get_queryset(request)
        else:
            kwargs["queryset"] = model._default_manager.none()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(
        self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, *args, **kwargs)
        if "account" in form.base_fields:
            # A declared field is shared by all requests, so this one gets its own.
            field = copy.deepcopy(form.base_fields["account"])
            form.base_fields["account"] = field
            self._offer_accounts(request, field)
        if obj is not None:
            for name in ("account", *self.fixed_fields):
                if name in form.base_fields:
                    form.base_fields[name].disabled = True
        return form

    def _offer_accounts(self, request: HttpRequest, field: Any) -> None:
        """Let a field choose among the accounts that the user may add rows to."""
        field.queryset = accounts_as(request, self.editors).order_by("name")
        if is_superuser(request):
            return
        only = list(field.queryset[:2])
        if len(only) == 1:
            field.initial = only[0].pk
            field.widget = forms.HiddenInput()


class RecordAdmin(ScopedAdmin):
    """Something that happened: everybody reads, nobody changes."""

    is_record = True


def _has_field(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
