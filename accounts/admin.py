"""Accounts, the people in them and their tokens; and the base of all admin pages.

Who may do what follows from membership: an owner who is staff works on the rows of the
own accounts, without permission rows of Django's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserCreationForm as DjangoCreationForm
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts import trail_admin as trail_admin
from accounts.confirming import confirmed
from accounts.models import Account, Membership, Token, User
from accounts.scoped_admin import ScopedAdmin, is_superuser, owned_accounts
from accounts.services import revoke_tokens

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    BaseUserAdmin = DjangoUserAdmin[User]
    UserCreationForm = DjangoCreationForm[User]
else:
    BaseUserAdmin = DjangoUserAdmin
    UserCreationForm = DjangoCreationForm

# Groups and their permissions mean nothing here.
admin.site.unregister(Group)


@admin.register(Account)
class AccountAdmin(ScopedAdmin):
    """The business itself; only superusers add and remove one."""

    can_add = can_delete = False
    list_display = ("name", "default_reply_handler", "is_demo", "created_at")
    search_fields = ("name",)
    readonly_fields = ("uuid", "created_at")
    ordering = ("name",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if is_superuser(request):
            return ("name", "default_reply_handler", "is_demo", "uuid", "created_at")
        return ("name", "default_reply_handler", "uuid", "created_at")


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    """Who works for an account, and as what."""

    list_display = ("user", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("user__username", "user__email")
    list_select_related = ("user", "account")
    autocomplete_fields = ("user",)
    fixed_fields = ("user",)
    fields = ("account", "user", "role")
    ordering = ("account__name", "user__username")


@admin.register(Token)
class TokenAdmin(ScopedAdmin):
    """Bearer tokens, to be revoked; the token itself is shown once, when it is made."""

    can_add = can_change = can_delete = False
    list_display = ("name", "user", "created", "expiry")
    list_display_links = None
    search_fields = ("name", "user__username")
    list_select_related = ("user", "account")
    ordering = ("-created",)
    actions = ("revoke",)

    @confirmed(
        description=_("Revoke selected tokens"),
        effect=_("Programs that use them are refused from now on, for good."),
        done=ngettext_lazy("%d token was revoked.", "%d tokens were revoked."),
    )
    def revoke(self, request: HttpRequest, rows: list[Any]) -> int:
        return revoke_tokens(rows)


class MemberCreationForm(UserCreationForm):
    """A new user who belongs to an account from the start."""

    account = forms.ModelChoiceField(Account.objects.none(), label=_("Account"))
    role = forms.ChoiceField(
        choices=Membership.Role.choices,
        initial=Membership.Role.SUPPORT,
        label=_("Role"),
    )

    class Meta:
        model = User
        fields = ("username",)


@admin.register(User)
class UserAdmin(ScopedAdmin, BaseUserAdmin):
    """People who sign in.

    An owner sees who works for the own accounts, and changes only those who work
    nowhere else: with another account's member a password would open that account too.
    """

    add_form = MemberCreationForm
    can_delete = False
    list_display = ("username", "first_name", "last_name", "email", "is_active")
    list_filter = ("is_active",)
    filter_horizontal = ()
    ordering = ("username",)
    readonly_fields = ("last_login", "date_joined")
    add_fieldsets = (
        (None, {"fields": ("username", "account", "role")}),
        (_("Password"), {"fields": ("password1", "password2")}),
    )
    _OWN: ClassVar = ("username", "password", "first_name", "last_name", "email")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        rights: tuple[str, ...] = ("is_active",)
        if is_superuser(request):
            rights += ("is_staff", "is_superuser")
        return (
            (None, {"fields": self._OWN}),
            (_("Rights"), {"fields": rights}),
            (_("Dates"), {"fields": self.readonly_fields}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = User.objects.order_by("username")
        if is_superuser(request):
            return rows
        return rows.filter(
            pk__in=Membership.objects.filter(
                account__in=owned_accounts(request)
            ).values("user_id")
        )

    def may_edit(self, request: HttpRequest, obj: Any) -> bool:
        if is_superuser(request):
            return True
        accounts = set(obj.memberships.values_list("account_id", flat=True))
        own = {account.pk for account in owned_accounts(request)}
        return not obj.is_superuser and bool(accounts) and accounts <= own

    def may_view(self, request: HttpRequest, obj: Any) -> bool:
        own = owned_accounts(request)
        return is_superuser(request) or obj.memberships.filter(account__in=own).exists()

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            Membership.objects.create(
                user=obj,
                account=form.cleaned_data["account"],
                role=form.cleaned_data["role"],
            )
