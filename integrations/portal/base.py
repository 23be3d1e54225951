"""The pages of one provider: tabs, the steps their buttons take, and checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django import forms
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import http
from core.exceptions import AppError
from integrations import adapters, desks, services
from integrations.adapters.base import Check
from integrations.facts import adapter_of, cache
from integrations.models import Channel, Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.http import HttpRequest, QueryDict
    from django.utils.functional import _StrPromise

    from accounts.models import Account
    from integrations.adapters.base import CredentialField

Row = TypeVar("Row", Channel, Desk)


@dataclass(frozen=True, slots=True)
class Tab:
    """One page of a connection; its template is `portal/{provider}_{name}.html`."""

    name: str
    label: str | _StrPromise
    #: The sub-tab that it is part of; empty: it is one by itself.
    group: str | _StrPromise = ""
    #: Support may read it; the others are for owners.
    is_for_support: bool = False


STATUS = Tab("status", gettext_lazy("Status"), is_for_support=True)
SETUP = Tab("setup", gettext_lazy("Setup"))
TEST = Tab("test", gettext_lazy("Test"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step has come to."""

    #: What to tell the owner; empty: the page itself says it.
    text: str = ""
    #: What went wrong; empty: nothing did.
    problem: str = ""
    #: What only the answer to this step shows, by its name in the template.
    shown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A tab that an app above adds to the pages of a provider."""

    tab: Tab
    #: What its buttons do, by the value that they send as `step`.
    steps: Mapping[str, Callable[[HttpRequest, Any], Outcome]]
    #: What its template shows.
    context: Callable[[HttpRequest, Any], dict[str, Any]]


#: What was added, by provider key.
added: dict[str, list[Part]] = {}


def add(provider: str, part: Part) -> None:
    """Add a tab to the pages of a provider; adding it again changes nothing."""
    parts = added.setdefault(provider, [])
    if part not in parts:
        parts.append(part)


class CredentialsForm(forms.Form):
    """Name and credentials; a secret that is stored is not shown."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)

    def __init__(
        self,
        row: Channel | Desk,
        fields: Sequence[CredentialField],
        data: QueryDict | None = None,
    ) -> None:
        super().__init__(data, initial={"name": row.name}, auto_id="field-%s")
        for each in fields:
            if not each.is_generated:
                known = row.credentials.get(each.name, "")
                self.fields[each.name] = _input(each, known)

    @property
    def problem(self) -> str:
        """The first thing that is wrong."""
        name, errors = next(iter(self.errors.items()))
        return f"{self.fields[name].label}: {errors[0]}"

    def taken(self) -> tuple[str, dict[str, str]]:
        """The name, and what was entered; what was left empty stays as it is."""
        entered = {key: each for key, each in self.cleaned_data.items() if each}
        return entered.pop("name"), entered


def _input(credential: CredentialField, known: str) -> forms.CharField:
    widget = forms.PasswordInput if credential.is_secret else forms.TextInput
    return forms.CharField(
        label=_(credential.label),
        required=credential.is_required and not known,
        initial="" if credential.is_secret else known,
        help_text=_("set; leave empty to keep it")
        if known and credential.is_secret
        else "",
        max_length=4000,
        widget=widget(attrs={"autocomplete": "new-password"}),
    )


class Pages(Generic[Row]):
    """The pages of one provider. Keeps no state."""

    model: ClassVar[Any]
    tabs: ClassVar[Sequence[Tab]] = (STATUS, SETUP)
    #: An owner can connect it here.
    is_offered: bool = True

    def __init__(self, key: str) -> None:
        self.key = key

    @property
    def label(self) -> str:
        """What people call the provider."""
        raise NotImplementedError

    @property
    def fields(self) -> Sequence[CredentialField]:
        """What an owner enters."""
        raise NotImplementedError

    def new(self, account: Account) -> Row:
        """A connection that is not in use yet."""
        row: Row = self.model.objects.create(
            account=account, provider=self.key, name=self.label, is_active=False
        )
        return row

    @property
    def parts(self) -> Sequence[Part]:
        """What apps above have added."""
        return added.get(self.key, ())

    @property
    def all_tabs(self) -> Sequence[Tab]:
        """Its own tabs, and those that were added."""
        return (*self.tabs, *(each.tab for each in self.parts))

    async def look(self, row: Row) -> list[Check]:
        """Really look; raises `ProviderError` where looking itself fails."""
        raise NotImplementedError

    def steps(self) -> Mapping[str, Callable[[HttpRequest, Row], Outcome]]:
        """What the buttons do, by the value that they send as `step`."""
        return {"check": self.check, "connect": self.connect, "switch": self.switch}

    def context(self, request: HttpRequest, row: Row, tab: Tab) -> dict[str, Any]:
        """What the template of a tab shows, beside what all do."""
        taken = request.POST if request.POST.get("step") == "connect" else None
        found = {"form": CredentialsForm(row, self.fields, taken)}
        for part in self.parts:
            if part.tab == tab:
                found |= part.context(request, row)
        return found

    def take(self, request: HttpRequest, row: Row) -> Outcome:
        """Take the step whose button was pressed."""
        steps = dict(self.steps())
        for part in self.parts:
            steps |= part.steps
        step = steps.get(request.POST.get("step", ""))
        if step is None:
            return Outcome(problem=_("There is no such step."))
        try:
            return step(request, row)
        except AppError as exc:
            return Outcome(problem=str(exc))

    def check(self, request: HttpRequest, row: Row) -> Outcome:
        """Look, and keep what was found."""
        try:
            found = http.run(self.look(row))
        except AppError as exc:
            found = [Check(self.label, is_ok=False, detail=str(exc))]
        row.note_checks(found)
        return Outcome(_("Checked."))

    def connect(self, request: HttpRequest, row: Row) -> Outcome:
        """Take the credentials, and look whether they are good."""
        form = CredentialsForm(row, self.fields, request.POST)
        if not form.is_valid():
            return Outcome(problem=form.problem)
        was_new = row.checked_at is None
        row.name, entered = form.taken()
        self.keep(row, entered)
        row.is_active = row.is_active or was_new
        row.save(update_fields=["name", "credentials", "is_active"])
        transaction.on_commit(cache.clear)
        self.check(request, row)
        return Outcome(_("Saved."))

    def keep(self, row: Row, entered: Mapping[str, str]) -> None:
        """Put credentials into the row; raises `InvalidPayload`."""
        raise NotImplementedError

    def switch(self, request: HttpRequest, row: Row) -> Outcome:
        """Use the connection, or pause it."""
        row.is_active = not row.is_active
        row.save(update_fields=["is_active"])
        transaction.on_commit(cache.clear)
        return Outcome(_("In use.") if row.is_active else _("Not in use."))


class ChannelPages(Pages[Channel]):
    """A channel: credentials, the address of its webhook, and the adapter's checks."""

    model = Channel

    @property
    def is_offered(self) -> bool:  # type: ignore[override]
        return bool(adapters.get(self.key).credential_fields)

    @property
    def label(self) -> str:
        return adapters.get(self.key).label

    @property
    def fields(self) -> Sequence[CredentialField]:
        return adapters.get(self.key).credential_fields

    async def look(self, row: Channel) -> list[Check]:
        return await adapter_of(row).check()

    def keep(self, row: Channel, entered: Mapping[str, str]) -> None:
        row.credentials = services.check_credentials(
            self.key, {**row.credentials, **entered}
        )

    def context(self, request: HttpRequest, row: Channel, tab: Tab) -> dict[str, Any]:
        found = super().context(request, row, tab)
        if adapters.get(self.key).takes_webhooks:
            found["webhook_url"] = f"{settings.PUBLIC_URL}{row.webhook_path}"
        return found


class DeskPages(Pages[Desk]):
    """A help desk."""

    model = Desk

    @property
    def label(self) -> str:
        return desks.get(self.key).label

    @property
    def fields(self) -> Sequence[CredentialField]:
        return desks.get(self.key).credential_fields
