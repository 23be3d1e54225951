"""Accounts, the people in them and their tokens; and the base of all admin pages.

Who may do what follows from membership: an owner who is staff works on the rows of the
own accounts, without permission rows of Django's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserCreationForm as DjangoCreationForm
from django.contrib.auth.models import Group
from django.http import (
    Http404,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts import trail
from accounts import trail_admin as trail_admin
from accounts.closing import as_lines, close_account
from accounts.confirming import confirmed
from accounts.models import (
    Account,
    Membership,
    Retention,
    RetentionRun,
    Token,
    User,
)
from accounts.scoped_admin import (
    RecordAdmin,
    ScopedAdmin,
    is_superuser,
    owned_accounts,
)
from accounts.services import revoke_tokens
from core.exceptions import InvalidPayload

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    BaseUserAdmin = DjangoUserAdmin[User]
    UserCreationForm = DjangoCreationForm[User]
else:
    BaseUserAdmin = DjangoUserAdmin
    UserCreationForm = DjangoCreationForm

# Groups and their permissions mean nothing here.
admin.site.unregister(Group)


@admin.register(Account)
class AccountAdmin(ScopedAdmin):
    """The business itself; only superusers add one, and owners close theirs."""

    can_add = can_delete = False
    list_display = ("name", "default_reply_handler", "is_demo", "created_at", "closing")
    search_fields = ("name",)
    readonly_fields = ("uuid", "created_at", "closing")
    ordering = ("name",)
    _OWNED = ("name", "default_reply_handler", "rate_limit")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        more = ("is_demo",) if is_superuser(request) else ()
        return (*self._OWNED, *more, "uuid", "created_at", "closing")

    @admin.display(description=_("is being deleted since"))
    def closing(self, obj: Account) -> Any:
        return obj.closing_at

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # It is closed instead: what belongs to it is too much for one request.
        return False

    def get_urls(self) -> list[Any]:
        pages = (("close", self.close_view), ("export", self.export_view))
        own = [
            path(
                f"<int:key>/{name}/",
                self.admin_site.admin_view(view),
                name=f"accounts_account_{name}",
            )
            for name, view in pages
        ]
        return [*own, *super().get_urls()]

    def _own(self, request: HttpRequest, key: int) -> Account:
        row: Account | None = self.get_object(request, str(key))
        if row is None or not self.may_edit(request, row):
            raise Http404
        return row

    def close_view(self, request: HttpRequest, key: int) -> HttpResponseBase:
        """What closing the account means; does it by POST with the account's name."""
        row = self._own(request, key)
        if request.method == "POST":
            try:
                close_account(account=row, name=request.POST.get("name", ""))
            except InvalidPayload as exc:
                self.message_user(request, str(exc), messages.ERROR)
            else:
                text = _("The account is closed; what it holds is being deleted.")
                self.message_user(request, text, messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Close this account"),
            "opts": self.opts,
            "account": row,
        }
        return TemplateResponse(request, "admin/accounts/account/close.html", context)

    def export_view(self, request: HttpRequest, key: int) -> HttpResponseBase:
        """All that can be taken along, a JSON object a line; by POST, for it is noted."""
        row = self._own(request, key)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        trail.record_many(verb="export", rows=[row])
        name = f"account-{timezone.localdate():%Y-%m-%d}.jsonl"
        return StreamingHttpResponse(
            as_lines(row),
            content_type="application/x-ndjson",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


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


@admin.register(Retention)
class RetentionAdmin(ScopedAdmin):
    """How long does the account keep what? One for each account."""

    list_display = (
        "__str__",
        "inactive_days",
        "conversations_days",
        "messages_days",
        "contacts_days",
    )
    list_select_related = ("account",)
    search_fields = ("account__name",)
    fieldsets = (
        (None, {"fields": ("account", "inactive_days")}),
        (
            _("What is deleted"),
            {
                "fields": (
                    "conversations_days",
                    "messages_days",
                    "attachments_days",
                    "turns_days",
                    "events_days",
                ),
                "description": _(
                    "Empty: kept for ever. What is open is never deleted. Once a night;"
                    " what would go is told by: manage.py retention --dry-run"
                ),
            },
        ),
        (_("Customers"), {"fields": ("contacts_days", "contacts_are")}),
    )


@admin.register(RetentionRun)
class RetentionRunAdmin(RecordAdmin):
    """What was deleted, and when?"""

    list_display = ("at", "forgotten")
    list_select_related = ("account",)
    ordering = ("-id",)

    @admin.display(description=_("forgotten"))
    def forgotten(self, obj: RetentionRun) -> str:
        return ", ".join(f"{name}: {count}" for name, count in obj.counts.items())


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
