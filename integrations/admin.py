"""Channels with their credentials, and what arrived on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed, each
from accounts.scoped_admin import (
    OwnRowsFilter,
    RecordAdmin,
    ScopedAdmin,
    is_superuser,
)
from core.admin import BrokenFilter, LinesField, when
from core.exceptions import InvalidPayload
from integrations import adapters
from integrations import alert_admin as alert_admin
from integrations import desk_admin as desk_admin
from integrations import overview as overview
from integrations.adapters.web import SECRET
from integrations.facts import cache
from integrations.models import Channel, Event
from integrations.origins import parse as parse_origin
from integrations.services import (
    check_credentials,
    disconnect,
    read_again,
    renew_secret,
    set_active,
)

if TYPE_CHECKING:
    from django.http import HttpRequest

    from integrations.adapters.base import CredentialField

    ChannelModelForm = forms.ModelForm[Channel]
else:
    ChannelModelForm = forms.ModelForm

_PREFIX = "credential_"


def credential_fields(channel: Channel) -> tuple[CredentialField, ...]:
    """What an owner enters to connect this channel."""
    adapter = adapters.REGISTRY.get(channel.provider)
    return adapter.credential_fields if adapter else ()


def _form_field(field: CredentialField, *, is_set: bool) -> forms.CharField:
    """An input that takes a value and never shows one."""
    widget = forms.PasswordInput if field.is_secret else forms.TextInput
    state = _("set; leave empty to keep it") if is_set else _("not set")
    return forms.CharField(
        label=field.label,
        required=False,
        help_text=state,
        max_length=2000,
        widget=widget(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )


class ChannelForm(ChannelModelForm):
    """A channel; its stored credentials can be replaced and forgotten, not read."""

    allowed_origins = LinesField(
        label=_("Allowed origins"),
        required=False,
        help_text=_(
            "One a line, as in https://shop.example; empty: only our own pages."
        ),
    )

    class Meta:
        model = Channel
        fields = ("account", "provider", "name")

    def clean_allowed_origins(self) -> list[str]:
        """Addresses without a path."""
        origins: list[str] = self.cleaned_data["allowed_origins"]
        found = []
        for origin in origins:
            try:
                found.append(parse_origin(origin))
            except ValueError as exc:
                raise forms.ValidationError(
                    _("“%(origin)s” is not an origin such as https://shop.example."),
                    params={"origin": origin},
                ) from exc
        return found

    def clean(self) -> dict[str, Any]:
        """Take the entered credentials over those that are stored."""
        data = super().clean() or self.cleaned_data
        if self.instance.pk is None:
            return data
        merged = dict(self.instance.credentials or {})
        for name in data.get("forget") or ():
            merged.pop(name, None)
        for field in credential_fields(self.instance):
            entered = data.get(_PREFIX + field.name)
            if entered:
                merged[field.name] = entered
        if data.get("is_active"):
            try:
                merged = check_credentials(self.instance.provider, merged)
            except InvalidPayload as exc:
                raise forms.ValidationError(str(exc)) from exc
        if data.get("requires_signature") and not merged.get(SECRET):
            self.add_error("requires_signature", _("Make an identity secret first."))
        self.instance.credentials = merged
        return data


def channel_form(channel: Channel) -> type[ChannelForm]:
    """The form of an existing channel, with the inputs of its provider."""
    known = channel.credentials or {}
    fields: dict[str, Any] = {
        _PREFIX + each.name: _form_field(each, is_set=bool(known.get(each.name)))
        for each in credential_fields(channel)
        if not each.is_generated
    }
    optional = [
        (each.name, each.label)
        for each in credential_fields(channel)
        if known.get(each.name) and not each.is_required
    ]
    if optional:
        fields["forget"] = forms.MultipleChoiceField(
            label=_("Forget"),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            choices=optional,
        )
    return type("ChannelForm", (ChannelForm,), fields)


_DONE_CHANNELS = ngettext_lazy("%d channel was switched.", "%d channels were switched.")


@admin.register(Channel)
class ChannelAdmin(ScopedAdmin):
    """Is it connected, and where does the provider send its events?

    A channel is added by name and provider; the next page takes its credentials.
    """

    form = ChannelForm
    list_display = (
        "name", "provider", "is_connected", "is_active", "human_mode", "error",
    )  # fmt: skip
    list_filter = ("provider", "is_active", "human_mode", BrokenFilter)
    list_select_related = ("account",)
    search_fields = ("name", "key")
    autocomplete_fields = ("account",)
    fixed_fields = ("provider",)
    readonly_fields = (
        "key", "webhook_address", "human_mode", "error", "uuid", "has_secret"
    )  # fmt: skip
    ordering = ("name",)
    actions = ("enable", "disable", "disconnect", "renew_secret")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What was said there would go with it: it is disconnected instead.
        has_history = obj is not None and obj.conversations.exists()
        return not has_history and super().has_delete_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("account", "provider", "name")}),)
        state: tuple[str, ...] = ("is_active", "human_mode", "error", "verifies_email")
        if is_superuser(request):
            state += ("is_default",)
        sets: list[Any] = [
            (None, {"fields": ("account", "provider", "name")}),
            (_("State"), {"fields": state}),
            (_("Address"), {"fields": ("webhook_address", "key", "uuid")}),
            (_("Browser"), {"fields": ("allowed_origins",)}),
        ]
        if obj.provider == "web":
            people = ("rate_limit", "requires_signature", "has_secret")
            sets.append((_("People"), {"fields": people}))
        if self.has_change_permission(request, obj):
            inputs = list(channel_form(obj).declared_fields)
            inputs.remove("allowed_origins")
            if inputs:
                sets.insert(1, (_("Credentials"), {"fields": inputs}))
        return sets

    def get_form(
        self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if obj is not None:
            kwargs["form"] = channel_form(obj)
        return super().get_form(request, obj, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        if not change:
            # Nothing arrives before the credentials are there.
            obj.is_active = not any(each.is_required for each in credential_fields(obj))
        super().save_model(request, obj, form, change)
        transaction.on_commit(cache.clear)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> Any:
        if credential_fields(obj) and "_popup" not in request.POST:
            request.POST = request.POST.copy()  # type: ignore[assignment]
            request.POST["_continue"] = "1"  # type: ignore[misc]
        return super().response_add(request, obj, post_url_continue)

    @confirmed(
        description=_("Switch on"),
        effect=_("What arrives there is taken and answered again."),
        done=_DONE_CHANNELS,
    )
    def enable(self, request: HttpRequest, rows: list[Any]) -> int:
        return each(self, request, rows, lambda row: set_active(row, is_active=True))

    @confirmed(
        description=_("Switch off"),
        effect=_(
            "What arrives there is refused from now on, and nobody answers it. Nothing"
            " that was said is deleted."
        ),
        done=_DONE_CHANNELS,
    )
    def disable(self, request: HttpRequest, rows: list[Any]) -> int:
        return each(self, request, rows, lambda row: set_active(row, is_active=False))

    @confirmed(
        description=_("Disconnect"),
        effect=_(
            "Their credentials are forgotten, nothing arrives or leaves any more, and"
            " conversations that are open there are closed. All that was said is kept."
        ),
        done=ngettext_lazy(
            "%d channel was disconnected.", "%d channels were disconnected."
        ),
    )
    def disconnect(self, request: HttpRequest, rows: list[Any]) -> int:
        return each(self, request, rows, disconnect)

    @confirmed(
        description=_("Make a new identity secret"),
        effect=_(
            "Each chat page among them gets a new secret, which is shown once. The one"
            " before stays good until the next is made."
        ),
    )
    def renew_secret(
        self, request: HttpRequest, rows: list[Channel]
    ) -> TemplateResponse:
        """The only page that ever shows it; nothing keeps it in the clear."""
        channels = [row for row in rows if row.provider == "web"]
        context = {
            **self.admin_site.each_context(request),
            "title": _("New identity secrets"),
            "secrets": [(row, renew_secret(row)) for row in channels],
        }
        return TemplateResponse(
            request, "admin/integrations/identity_secrets.html", context
        )

    @admin.display(description=_("connected"), boolean=True)
    def is_connected(self, obj: Channel) -> bool:
        known = obj.credentials or {}
        needed = (each for each in credential_fields(obj) if each.is_required)
        return not obj.error and all(known.get(each.name) for each in needed)

    @admin.display(description=_("identity secret"), boolean=True)
    def has_secret(self, obj: Channel) -> bool:
        return bool(obj.credentials.get(SECRET))

    @admin.display(description=_("webhook address"))
    def webhook_address(self, obj: Channel) -> str:
        return f"{settings.PUBLIC_URL}{obj.webhook_path}"


@admin.register(Event)
class EventAdmin(RecordAdmin):
    """What arrived, and what became of it?"""

    list_display = ("received_at", "channel", "state", "attempts", "note")
    list_filter = ("state", ("channel", OwnRowsFilter), when("received_at"))
    list_select_related = ("channel",)
    search_fields = ("delivery_key",)
    fields = (
        "channel",
        "delivery_key",
        "received_at",
        "state",
        "note",
        "attempts",
        "due_at",
        "body",
    )
    ordering = ("-id",)
    actions = ("read_again",)

    @confirmed(
        description=_("Read failed events again"),
        effect=_(
            "Those that have failed are read once more; what is known already is not"
            " stored twice."
        ),
        done=ngettext_lazy(
            "%d event will be read again.", "%d events will be read again."
        ),
    )
    def read_again(self, request: HttpRequest, rows: list[Any]) -> int:
        return read_again(row for row in rows if row.state == Event.State.FAILED)
