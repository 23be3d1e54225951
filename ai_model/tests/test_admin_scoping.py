"""Whatever is registered: nobody sees, finds, exports or changes another account's rows.

Walks the registry of the administration, so a new model is tested as it comes; one whose
pages are not scoped fails here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.forms.models import ModelChoiceField
from django.test import RequestFactory
from django.urls import NoReverseMatch, reverse

from accounts.models import Account, User
from accounts.scoped_admin import ScopedAdmin
from ai_model.tests.admin_rows import (
    BOT_TOKEN,
    INSTALLATION,
    MODELS,
    page,
    populate,
)
from core.fields import EncryptedJSONField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

pytestmark = pytest.mark.django_db

#: Finds Charlie's rows; pages that say what was searched for do not look like a leak.
PART_OF_NAME = "harli"
PAGES: dict[type, Any] = {model: admin.site._registry[model] for model in MODELS}


@pytest.fixture
def own(account: Account, alice: User) -> dict[type, Any]:
    return populate(account, alice, "alice")


@pytest.fixture
def foreign(charlie: User) -> dict[type, Any]:
    return populate(charlie.accounts.get(), charlie, "charlie")


@pytest.fixture
def owner(client: Client, alice: User, own: Any) -> Client:
    """Alice, who is signed in and has one row of each model."""
    client.force_login(alice)
    return client


def unscoped(site: admin.AdminSite) -> set[type]:
    """Models whose pages do not begin with the user's own rows."""
    return {
        model
        for model, pages in site._registry.items()
        if not isinstance(pages, ScopedAdmin)
    }


def shows(response: Any, row: Any) -> bool:
    """Whether a page shows something of Charlie's, apart from what the address says."""
    body = b"".join(response.streaming_content) if response.streaming else None
    html = (response.content if body is None else body).decode().lower()
    for given in (row.pk, getattr(row, "uuid", row.pk)):
        html = html.replace(str(given).lower(), "")
    return "charlie" in html


def snapshot(rows: dict[type, Any]) -> dict[str, Any]:
    """All columns of these rows, as they are stored."""
    return {
        model._meta.label: model._base_manager.filter(pk=row.pk).values().first()  # type: ignore[attr-defined]
        for model, row in rows.items()
    }


def test_the_pages_of_every_model_are_scoped() -> None:
    assert unscoped(admin.site) == INSTALLATION


def test_a_model_without_scoping_is_noticed() -> None:
    site = admin.AdminSite()
    site.register(LogEntry)

    assert unscoped(site) == {LogEntry}


def lists(model: type, row: Any) -> Iterator[dict[str, Any]]:
    """Ways to ask a list for one row: by search, by id, and by each of its filters."""
    yield {}
    yield {"q": PART_OF_NAME}
    yield {"q": row.pk}
    yield {"q": getattr(row, "uuid", row.pk)}
    yield {"pk__exact": row.pk}
    for field in model._meta.fields:  # type: ignore[attr-defined]
        if field.is_relation:
            key = getattr(row, field.attname) or 0
            yield {f"{field.name}__pk__exact": key}
            yield {f"{field.name}__{field.target_field.name}__exact": key}
    yield {"account__name__icontains": PART_OF_NAME}


def test_no_list_shows_a_foreign_row_however_it_is_asked(
    owner: Client, foreign: dict[type, Any]
) -> None:
    leaks = [
        f"{model._meta.label} {values}"  # type: ignore[attr-defined]
        for model in MODELS
        for values in lists(model, foreign[model])
        if shows(
            owner.get(page(model, "changelist"), values, follow=True), foreign[model]
        )
    ]

    assert leaks == []


def addresses(model: type, key: Any) -> Iterator[str]:
    """Every page of a model that is about one row."""
    for pattern in PAGES[model].get_urls():
        if not pattern.name:
            continue
        try:
            yield reverse(f"admin:{pattern.name}", args=[key])
        except NoReverseMatch:
            # A page about no row, or about none of this kind of key.
            continue


def test_no_page_of_a_foreign_row_opens_or_does_anything(
    owner: Client, foreign: dict[type, Any]
) -> None:
    before = snapshot(foreign)
    name = foreign[Account].name

    leaks = []
    for model in MODELS:
        row = foreign[model]
        for address in addresses(model, row.pk):
            seen = owner.get(address, follow=True)
            done = owner.post(address, {"post": "yes", "name": name})
            if shows(seen, row) or shows(done, row) or done.status_code == 200:
                leaks.append(address)

    assert leaks == []
    assert snapshot(foreign) == before


def test_no_action_reaches_a_foreign_row(
    owner: Client, foreign: dict[type, Any]
) -> None:
    before = snapshot(foreign)

    leaks = []
    for model, pages in PAGES.items():
        row, address = foreign[model], page(model, "changelist")
        for name in (*pages.actions, "export", "delete_selected"):
            for more in (
                {},
                {"confirmed": "yes"},
                {"confirmed": "csv"},
                {"post": "yes"},
            ):
                values = {"action": name, "_selected_action": [row.pk], **more}
                if shows(owner.post(address, values, follow=True), row):
                    leaks.append(f"{address} {values}")

    assert leaks == []
    assert snapshot(foreign) == before


def test_an_export_of_everything_holds_only_the_own_rows(
    owner: Client, own: dict[type, Any], foreign: dict[type, Any]
) -> None:
    for model, pages in PAGES.items():
        if pages.export_fields:
            response = owner.post(
                page(model, "changelist"),
                {
                    "action": "export",
                    "confirmed": "json",
                    "select_across": "1",
                    "_selected_action": [own[model].pk],
                },
            )
            assert response.status_code == 200, model
            assert response.streaming, model
            assert not shows(response, foreign[model]), model


def test_no_file_holds_what_is_secret() -> None:
    secret = {"password", "digest", "token_key", "credentials", "key"}
    for model, pages in PAGES.items():
        for lookup in pages.export_fields:
            field: Any = None
            target: Any = model
            for step in lookup.split("__"):
                field = target._meta.get_field(step)
                target = field.related_model or target
            assert not isinstance(field, EncryptedJSONField), (model, lookup)
            assert field.name not in secret, (model, lookup)


def test_no_form_offers_a_foreign_row(
    alice: User, own: dict[type, Any], foreign: dict[type, Any]
) -> None:
    request = RequestFactory().get("/admin/")
    request.user = alice

    offered = []
    for model, pages in PAGES.items():
        for row in (None, own[model]):
            may_add = row is None and pages.has_add_permission(request)
            may_change = row and pages.has_change_permission(request, row)
            if not may_add and not may_change:
                continue
            forms = [pages.get_form(request, row)]
            if row is not None:
                inlines = pages.get_inline_instances(request, row)
                forms += [each.get_formset(request, row).form for each in inlines]
            for form in forms:
                for name, field in _choices(form, row):
                    target = field.queryset.model
                    keys = [foreign[target].pk] if target in foreign else []
                    if field.queryset.filter(pk__in=keys).exists():
                        offered.append((model, name))

    assert offered == []


def _choices(form: Any, row: Any) -> list[tuple[str, Any]]:
    try:
        made = form(instance=row) if row is not None else form()
    except (AttributeError, TypeError, ValueError):
        # A form that only works with its own kind of row.
        made = form
    fields = getattr(made, "fields", None) or form.base_fields
    return [
        (name, field)
        for name, field in fields.items()
        if isinstance(field, ModelChoiceField)
    ]


def test_autocomplete_finds_no_foreign_row_through_any_relation(
    owner: Client, foreign: dict[type, Any]
) -> None:
    leaks = []
    for model in MODELS:
        meta = model._meta  # type: ignore[attr-defined]
        for field in meta.fields:
            if field.is_relation:
                response = owner.get(
                    reverse("admin:autocomplete"),
                    {
                        "app_label": meta.app_label,
                        "model_name": meta.model_name,
                        "field_name": field.name,
                        "term": "charlie",
                    },
                )
                if "charlie" in response.content.decode().lower():
                    leaks.append(f"{meta.label}.{field.name}")

    assert leaks == []


def test_the_own_pages_show_nothing_foreign_and_no_secrets(
    owner: Client, own: dict[type, Any], foreign: dict[type, Any]
) -> None:
    for model in MODELS:
        for address in addresses(model, own[model].pk):
            html = owner.get(address, follow=True).content.decode()
            assert "charlie" not in html.lower(), address
            assert BOT_TOKEN not in html, address


def test_the_first_page_counts_only_what_the_lists_show(
    owner: Client, own: dict[type, Any], foreign: dict[type, Any]
) -> None:
    html = owner.get(reverse("admin:index")).content.decode()

    assert "charlie" not in html.lower()
    assert BOT_TOKEN not in html
