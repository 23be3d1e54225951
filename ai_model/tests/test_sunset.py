"""Models that will be switched off, and the warning before."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from ai_model.models import Assistant, ModelWarning
from ai_model.sunset import ending
from ai_model.sunset_warnings import warn_owners

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

pytestmark = pytest.mark.django_db


class Clock:
    """Stands where it is set."""

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 23, 6, 20, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: Any) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def assistant(settings: Any, account: Account, alice: User, bob: User) -> Assistant:
    settings.OPENAI_API_KEY, settings.GEMINI_API_KEY = "key-1", ""
    settings.OPENAI_MODEL = ""
    settings.DEFAULT_FROM_EMAIL = "desk@example.com"
    for user in (alice, bob):
        user.email = f"{user.username}@example.com"
        user.save()
    return Assistant.objects.create(account=account, model_names={"openai": "gpt-5"})


@pytest.mark.parametrize(
    ("today", "is_told", "is_over"),
    [
        (dt.date(2026, 10, 11), False, False),
        (dt.date(2026, 10, 12), True, False),
        (dt.date(2026, 12, 10), True, False),
        (dt.date(2026, 12, 11), True, True),
    ],
)
def test_a_model_is_spoken_of_from_sixty_days_before(
    assistant: Assistant, clock: Clock, today: dt.date, *, is_told: bool, is_over: bool
) -> None:
    clock.now = dt.datetime.combine(today, dt.time(9), dt.UTC)

    found = ending(assistant)

    assert [each.is_over for each in found] == ([is_over] if is_told else [])
    assert {each.successor for each in found} <= {"gpt-5.6-sol"}


def test_what_is_not_asked_is_not_spoken_of(
    assistant: Assistant, clock: Clock, settings: Any
) -> None:
    settings.OPENAI_API_KEY = ""

    assert ending(assistant) == []


def test_owners_are_written_to_once_a_week_until_they_choose_another(
    assistant: Assistant, clock: Clock
) -> None:
    first = (warn_owners(), warn_owners())
    clock.now += dt.timedelta(days=7)
    second = warn_owners()
    assistant.model_names = {"openai": "gpt-6-luna"}
    assistant.save()
    clock.now += dt.timedelta(days=7)
    third = warn_owners()

    assert (first, second, third) == ((1, 0), 1, 0)
    assert [each.to for each in mail.outbox] == [["alice@example.com"]] * 2
    assert not ModelWarning.objects.exists()


def test_the_letter_names_date_successor_and_how_to_try_it(
    assistant: Assistant, clock: Clock
) -> None:
    warn_owners()

    (letter,) = mail.outbox
    assert letter.subject == "gpt-5 will be switched off"
    assert "Alice's Shop uses gpt-5, which its provider serves until Dec. 11" in (
        letter.body
    )
    assert (
        'manage.py evaluate "Alice\'s Shop" --model openai=gpt-5.6-sol' in letter.body
    )
    assert f"/admin/ai_model/assistant/{assistant.pk}/change/" in letter.body


def test_without_e_mail_the_warning_still_stands_in_the_admin(
    client: Client, alice: User, assistant: Assistant, clock: Clock, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL = ""
    warn_owners()
    client.force_login(alice)
    page = reverse("admin:ai_model_assistant_change", args=[assistant.pk])

    html = client.get(page).content.decode()

    assert mail.outbox == []
    assert ModelWarning.objects.get().told_at is not None
    assert (
        "The model gpt-5 is served until Dec. 11, 2026; then use gpt-5.6-sol." in html
    )
