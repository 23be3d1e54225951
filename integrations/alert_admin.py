"""Where alerts reach the staff of an account; a test alert shows whether they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from accounts.scoped_admin import ScopedAdmin
from core.exceptions import ProviderError
from integrations import alerting, alerts
from integrations.models import AlertTarget

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    TargetModelForm = forms.ModelForm[AlertTarget]
else:
    TargetModelForm = forms.ModelForm


class TargetForm(TargetModelForm):
    """One alert service; what is stored and secret can be replaced, not read."""

    url = forms.CharField(
        label=_("Address of the flow (Microsoft Teams)"),
        required=False,
        max_length=2000,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password", "class": "vTextField"}
        ),
        help_text=_(
            "In the channel: … → Workflows → “Send webhook alerts to a channel”. Leave"
            " empty to keep the one that is set."
        ),
    )
    secret = forms.CharField(
        label=_("Secret for its trigger condition (Microsoft Teams)"),
        required=False,
        max_length=200,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password", "class": "vTextField"}
        ),
        help_text=_("Sent as X-Alert-Secret, where the flow asks for one."),
    )
    address = forms.EmailField(
        label=_("Support address (e-mail)"),
        required=False,
        help_text=_("Empty: the owners of the account."),
    )

    class Meta:
        model = AlertTarget
        fields = ("account", "service", "lang", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["address"] = self.instance.credentials.get("address", "")

    def clean(self) -> dict[str, Any]:
        """Take what was entered for the service, and refuse what cannot work."""
        data = super().clean() or self.cleaned_data
        service, account = data.get("service"), data.get("account")
        if not service or account is None:
            return data
        known = dict(self.instance.credentials)
        for field in alerts.get(service).credential_fields:
            entered = data.get(field.name) or ""
            if entered or not field.is_secret:
                known[field.name] = entered.strip()
        self.instance.credentials = {
            name: value for name, value in known.items() if value
        }
        if data.get("is_active"):
            adapter = alerting.adapter_of(account, self.instance, service)
            if refusal := adapter.refusal():
                raise forms.ValidationError(refusal)
        return data


@admin.register(AlertTarget)
class AlertTargetAdmin(ScopedAdmin):
    """Do alerts arrive? Only the test says so."""

    form = TargetForm
    change_form_template = "admin/integrations/alert_target.html"
    list_display = ("service", "place", "is_active", "works")
    list_filter = ("service", "is_active")
    list_select_related = ("account",)
    fixed_fields = ("service",)
    readonly_fields = ("place", "error")
    fields = (
        "account", "service", "place", "url", "secret", "address", "lang",
        "is_active", "error",
    )  # fmt: skip
    ordering = ("account", "service")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What the service does not want is not asked for."""
        if obj is None:
            return list(self.fields)
        wanted = {each.name for each in alerts.get(obj.service).credential_fields}
        others = {"url", "secret", "address"} - wanted
        return [each for each in self.fields if each not in others]

    @admin.display(description=_("leads to"))
    def place(self, obj: AlertTarget) -> str:
        return obj.place or "–"

    @admin.display(description=_("works"), boolean=True)
    def works(self, obj: AlertTarget) -> bool:
        return not obj.error

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        # A new address has not failed yet.
        obj.error = ""
        super().save_model(request, obj, form, change)
        adapter = alerting.adapter_of(obj.account, obj, obj.service)
        if warning := adapter.warning():
            self.message_user(request, warning, messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        test = path(
            "<int:key>/test/",
            self.admin_site.admin_view(self.test),
            name="integrations_alerttarget_test",
        )
        return [test, *super().get_urls()]

    def test(self, request: HttpRequest, key: int) -> HttpResponse:
        """Send a test alert; outside the administration's transaction."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        target = self.get_object(request, str(key))
        if target is None:
            raise Http404
        if not self.has_change_permission(request, target):
            raise PermissionDenied
        try:
            alerting.send_test(target)
        except ProviderError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            text = _("The test alert left. Did it appear? Only that proves it.")
            self.message_user(request, text, messages.SUCCESS)
        page = reverse("admin:integrations_alerttarget_change", args=[key])
        return HttpResponseRedirect(page)
