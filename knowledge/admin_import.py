"""The admin page that imports: files, or the address of a page or sitemap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect, render
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoped_admin import owned_accounts
from core.exceptions import AppError
from knowledge.importing.files import ENDINGS
from knowledge.importing.readers import READERS
from knowledge.models import Entry, Source
from knowledge.sources import MOST_UPLOAD, add_source, add_upload

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from accounts.models import User
    from accounts.scoped_admin import ScopedAdmin

#: Files that are sent at once.
MOST_FILES = 50


class ManyFiles(forms.ClearableFileInput):
    """Chooses several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        """All of them; raises `ValidationError` for the first that is empty."""
        sent = data if isinstance(data, list) else [data]
        if not self.required and not any(sent):
            return []
        if len(sent) > MOST_FILES:
            raise forms.ValidationError(
                _("Choose at most %(count)d files."), params={"count": MOST_FILES}
            )
        return [super(FilesField, self).clean(each, initial) for each in sent]


class ImportForm(forms.Form):
    """Files, or an address."""

    account = forms.ModelChoiceField(Account.objects.none(), label=_("Account"))
    file = FilesField(
        required=False,
        label=_("Files"),
        help_text=format_lazy(
            _("Of these kinds: {kinds}. At most 20 MB each."), kinds=ENDINGS
        ),
    )
    archives_missing = forms.BooleanField(
        required=False,
        label=_("Archive what is missing"),
        help_text=_(
            "Entries that a former file of the same name brought, and this one lacks,"
            " are archived."
        ),
    )
    address = forms.URLField(
        required=False,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"size": 70}),
        label=_("Address"),
        help_text=_("A web page, or a sitemap (its address ends with .xml)."),
    )
    every_hours = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=24 * 366,
        label=_("Read again every … hours"),
        help_text=_("Empty: only when you ask for it."),
    )
    entry_type = forms.ChoiceField(
        choices=Entry.Type.choices,
        initial=Entry.Type.ARTICLE,
        label=_("Type of its entries"),
    )

    def __init__(self, accounts: QuerySet[Account], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["account"]
        field.queryset = accounts.order_by("name")
        self.fields["file"].widget.attrs["accept"] = ",".join(sorted(READERS))
        only = list(field.queryset[:2])
        if len(only) == 1:
            field.initial = only[0].pk
            field.widget = forms.HiddenInput()

    @property
    def fieldsets(self) -> list[dict[str, Any]]:
        """The fields, as the page groups them."""
        shown = [] if self.fields["account"].widget.is_hidden else ["account"]
        groups = [
            (gettext("Files"), [*shown, "file", "archives_missing"]),
            (gettext("or the web"), ["address", "every_hours", "entry_type"]),
        ]
        return [
            {"title": title, "fields": [self[name] for name in names]}
            for title, names in groups
        ]

    def clean_file(self) -> Any:
        """None of them is too large."""
        files = self.cleaned_data["file"]
        for each in files:
            if each.size > MOST_UPLOAD:
                raise forms.ValidationError(
                    _("“%(name)s” is larger than 20 MB."), params={"name": each.name}
                )
        return files

    def clean(self) -> dict[str, Any]:
        """There is one thing to import."""
        values = super().clean() or {}
        if not self.errors and bool(values["file"]) == bool(values["address"]):
            raise forms.ValidationError(_("Choose files, or give an address."))
        return values

    def start(self, author: User) -> list[Source]:
        """Have it read by a worker; raises `AppError`."""
        values = self.cleaned_data
        if values["address"]:
            source = add_source(
                account=values["account"],
                address=values["address"],
                entry_type=values["entry_type"],
                every_hours=values["every_hours"],
                author=author,
            )
            return [source]
        return [
            add_upload(
                account=values["account"],
                name=each.name,
                data=each.read(),
                archives_missing=values["archives_missing"],
                author=author,
            )
            for each in values["file"]
        ]


def import_page(request: HttpRequest, model_admin: ScopedAdmin) -> HttpResponse:
    """Show the form, and where to see what becomes of what was sent."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = ImportForm(owned_accounts(request), *sent)
    if form.is_bound and form.is_valid():
        try:
            found = form.start(request.user)  # type: ignore[arg-type]
        except AppError as exc:
            form.add_error(None, str(exc))
        else:
            messages.success(request, _("It is being read; the report is here."))
            if len(found) == 1:
                return redirect("admin:knowledge_source_change", found[0].pk)
            return redirect("admin:knowledge_source_changelist")
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _("Import"),
        "form": form,
    }
    return render(request, "admin/knowledge/entry/import.html", context)
