"""Owners are told of their limits once in a period, and see them in the admin."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from ai_model import pricing, usage
from ai_model.metering import Call, Meter
from ai_model.models import Assistant, Price, SpendingNotice
from ai_model.spending_notices import tell_owners

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _e_mail(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "desk@example.com"
    settings.PUBLIC_URL = "https://desk.example"


@pytest.fixture
def assistant(account: Account, alice: User) -> Assistant:
    alice.email = "alice@example.com"
    alice.save()
    return Assistant.objects.create(account=account, daily_cost_limit="1.00")


def spend(account: Account, dollars: float) -> None:
    meter = Meter(account.pk)
    meter.count(Call("openai", "gpt-6-luna", "", int(dollars * 10_000_000)))
    usage.settle([meter])


def test_owners_are_told_once_when_it_is_near_and_once_when_it_is_reached(
    account: Account, assistant: Assistant
) -> None:
    told = [tell_owners()]
    for dollars in (0.5, 0.3, 0.1, 0.2, 0.1):
        spend(account, dollars)
        told += [tell_owners(), tell_owners()]

    assert told == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    assert [each.subject for each in mail.outbox] == [
        "The spending limit of Alice's Shop is nearly reached",
        "The spending limit of Alice's Shop is reached",
    ]
    first, second = mail.outbox
    assert first.to == ["alice@example.com"]
    assert "may spend 1 US dollars per day on models, and has spent 0.8" in first.body
    assert "(80 %)" in first.body
    assert "no model is asked. What the entries answer by themselves" in second.body
    assert (
        f"https://desk.example/admin/ai_model/assistant/{account.pk}/change/"
        in second.body
    )


def test_entries_are_not_said_to_answer_without_the_local_answerer(
    account: Account, assistant: Assistant
) -> None:
    assistant.chain = ["openai"]
    assistant.save()
    spend(account, 1)

    tell_owners()

    (sent,) = mail.outbox
    assert "nothing is answered from your entries" in sent.body
    assert "What the entries answer by themselves" not in sent.body


def test_a_new_limit_and_a_new_day_are_told_of_again(
    account: Account, assistant: Assistant
) -> None:
    spend(account, 1)
    first = tell_owners()
    assistant.daily_cost_limit = "1.20"
    assistant.save()
    second = tell_owners()
    yesterday = timezone.now().date() - dt.timedelta(days=1)
    SpendingNotice.objects.update(starts_on=yesterday)
    third = tell_owners()

    assert (first, second, third) == (1, 1, 1)


def test_without_e_mail_the_notice_stands_in_the_admin(
    client: Client, alice: User, account: Account, assistant: Assistant, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL = ""
    spend(account, 0.85)
    tell_owners()
    client.force_login(alice)

    listed = client.get(reverse("admin:ai_model_spendingnotice_changelist"))
    page = client.get(reverse("admin:ai_model_assistant_change", args=[account.pk]))

    assert mail.outbox == []
    assert "Nearly spent" in listed.content.decode()
    html = page.content.decode()
    assert "The spending limit is nearly reached: 0.85 of 1 US dollars per day" in html
    assert "are spent (85 %), 0 reserved." in html


def test_the_first_page_says_in_which_unit_it_counts(
    client: Client, alice: User, account: Account, assistant: Assistant
) -> None:
    spend(account, 0.85)
    client.force_login(alice)

    html = client.get(reverse("admin:index")).content.decode()

    assert "A spending limit is near: 0.85 of 1 US dollars are spent." in html


def test_the_admin_names_models_that_no_limit_in_money_stops(
    client: Client, alice: User, account: Account, assistant: Assistant, settings: Any
) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_MODEL = "key", "llama-of-our-own"
    client.force_login(alice)
    address = reverse("admin:ai_model_assistant_change", args=[account.pk])
    words = "llama-of-our-own has no price: no limit in money stops it."

    before = client.get(address).content.decode()
    Price.objects.create(
        provider="openai", model="llama-of-our-own", valid_from=dt.date(2026, 1, 1),
        price_in=1, price_out=1,
    )  # fmt: skip
    pricing.forget()
    after = client.get(address).content.decode()

    assert words in before
    assert words not in after


def test_limits_are_set_in_the_admin(
    client: Client, alice: User, account: Account, assistant: Assistant
) -> None:
    client.force_login(alice)
    address = reverse("admin:ai_model_assistant_change", args=[account.pk])
    form = client.get(address).context["adminform"].form
    data = {
        name: value for name, value in form.initial.items() if value not in (None, "")
    }
    data |= {
        "chain": "local", "outside_hours": "hand_over", "tone": "neutral",
        "special_days": "", "monthly_token_limit": "5000", "limit_warning": "90",
    }  # fmt: skip

    wrong = client.post(address, data | {"daily_cost_limit": "-1"})
    right = client.post(address, data | {"daily_cost_limit": ""})

    assert set(wrong.context["adminform"].form.errors) == {"daily_cost_limit"}
    assert right.status_code == 302, right.context["adminform"].form.errors
    assistant.refresh_from_db()
    assert assistant.daily_cost_limit is None
    assert (assistant.monthly_token_limit, assistant.limit_warning) == (5000, 0.9)
