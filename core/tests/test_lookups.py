"""Numbers in addresses that no database has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import Account, Membership
from ai_model.models import Assistant

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client

    from accounts.models import User

pytestmark = pytest.mark.django_db

HUGE = 10**30 - 1
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_lists_have_no_rows_of_such_a_number(
    client: Client, alice: User, model: type[Model]
) -> None:
    alice.is_superuser = True
    alice.save()
    client.force_login(alice)
    address = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"

    # Where there is no such column, Django leads to the whole list.
    found = [
        client.get(reverse(address), {name: HUGE}, follow=True).status_code
        for name in ("account", "account__in", "conversation", "pk__in")
    ]

    assert found == [200] * 4


def test_it_is_the_number_of_no_row(account: Account) -> None:
    assistant = Assistant.objects.create(account=account)
    assistants, accounts = Assistant.objects, Account.objects

    assert not assistants.filter(pk=HUGE).exists()
    assert not assistants.filter(account__in=[HUGE]).exists()
    assert not accounts.filter(pk__in=[-HUGE]).exists()
    assert assistants.exclude(account=HUGE).get() == assistant


def test_it_hides_no_others(account: Account, alice: User) -> None:
    keys = [HUGE, account.pk]

    assert Account.objects.filter(pk__in=keys).get() == account
    assert Membership.objects.filter(account__in=keys).get().user == alice


def test_nothing_is_done_to_a_row_of_such_a_number(client: Client, alice: User) -> None:
    client.force_login(alice)
    address = reverse("admin:conversations_message_changelist")

    response = client.post(address, {"action": "export", "_selected_action": HUGE})

    assert "0 rows are affected" in response.content.decode()
