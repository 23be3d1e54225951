"""The page on which an owner sets what the assistant does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ai_model.models import Assistant
from ai_model.tests.admin_rows import page

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def assistant(account: Account) -> Assistant:
    return Assistant.objects.create(account=account)


def test_an_assistants_settings_are_checked(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)
    values = {
        "account": assistant.account_id,
        "chain": "gemini\nnobody",
        "model_names_gemini": "gemini-1.5-flash",
        "business_hours_mon": "9-12, 13:00-17:30",
        "business_hours_tue": "22:00 – 24:00",
        "special_days": "12-25 closed\n2026-12-30..2027-01-01 10:00-14:00",
        "outside_hours": "message",
        "outside_texts_en": "Back on {opening}",
        "languages": ["en", "mn"],
        "fallback_language": "mn",
        "tone": "formal",
        "phrases": "talk to Ann\nAnn, please",
        "temperature": "0.2",
        "max_tokens": "800",
        "time_zone": "UTC",
        "auto_response": "on",
    }
    address = page(Assistant, "change", assistant.pk)

    refused = client.post(address, values)
    values |= {"chain": "local", "model_names_gemini": "gemini-3.5-flash"}
    accepted = client.post(address, values)

    assert set(refused.context["adminform"].form.errors) == {"chain", "model_names"}
    assert accepted.status_code == 302
    saved = Assistant.objects.get(pk=assistant.pk)
    assert saved.chain == ["local"]
    assert saved.model_names == {"gemini": "gemini-3.5-flash"}
    assert saved.phrases == ["talk to Ann", "Ann, please"]
    assert saved.business_hours == {
        "mon": [["09:00", "12:00"], ["13:00", "17:30"]],
        "tue": [["22:00", "00:00"]],
    }
    holidays = ("2026-12-30", "2026-12-31", "2027-01-01")
    assert saved.special_days == {
        "12-25": [], **{day: [["10:00", "14:00"]] for day in holidays}
    }  # fmt: skip
    assert saved.outside_texts == {"en": "Back on {opening}"}
    assert (saved.languages, saved.fallback_language) == (["en", "mn"], "mn")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("business_hours_sun", "from 9 to 5", "Sunday: “from 9 to 5” are no hours"),
        ("business_hours_sun", "25:00-26:00", "Sunday: “25:00-26:00” are no hours"),
        ("special_days", "Christmas closed", "cannot be read"),
        ("special_days", "2026-02-30 closed", "cannot be read"),
        ("special_days", "2026-12-30..2026-12-01 closed", "cannot be read"),
        ("fallback_language", "ru", "Choose one of the languages"),
        ("greeting_texts_en", "x" * 1001, "at most 1000 characters"),
    ],
)
def test_hours_and_languages_that_cannot_be_are_named(
    client: Client,
    alice: User,
    assistant: Assistant,
    field: str,
    value: str,
    said: str,
) -> None:
    client.force_login(alice)
    address = page(Assistant, "change", assistant.pk)
    values = {"languages": ["en"], "fallback_language": "en", field: value}

    errors = client.post(address, values).context["adminform"].form.errors

    assert said in str(errors)
    # What was written stays, to be mended.
    shown = client.post(address, values).content.decode()
    assert field == "fallback_language" or value in shown


def test_what_is_refused_is_not_told_as_if_it_held(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)
    address = page(Assistant, "change", assistant.pk)
    values = {"threshold": "2", "daily_request_limit": "7", "outside_hours": "message"}

    before = client.get(address).content.decode()
    refused = client.post(address, values)

    body = refused.content.decode()
    sentence = f"Answers from {assistant.effective_threshold * 100:.4g} % on"
    assert "threshold" in refused.context["adminform"].form.errors
    assert sentence in before
    assert sentence in body
    assert "There is no limit." in body
    assert 'value="2"' in body


def test_days_may_last_until_the_end_of_time(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)
    address = page(Assistant, "change", assistant.pk)

    values = {"special_days": "9999-12-30..9999-12-31 closed"}
    form = client.post(address, values).context["adminform"].form

    assert form.cleaned_data["special_days"] == {"9999-12-30": [], "9999-12-31": []}


def test_hours_that_a_program_wrote_can_be_saved_by_an_owner(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)
    hours = {"mon": [["09:00:00", "17"], ["22:00", "00:00:00"]]}
    Assistant.objects.filter(pk=assistant.pk).update(business_hours=hours)

    html = client.get(page(Assistant, "change", assistant.pk)).content.decode()

    assert 'value="09:00-17:00, 22:00-24:00"' in html


def test_what_an_owner_saves_is_what_the_page_shows(
    client: Client, alice: User, assistant: Assistant
) -> None:
    client.force_login(alice)
    Assistant.objects.filter(pk=assistant.pk).update(
        business_hours={"mon": [["09:00", "12:00"], ["22:00", "00:00"]]},
        special_days={"12-25": [], "2026-12-24": [["09:00", "12:00"]]},
    )

    html = client.get(page(Assistant, "change", assistant.pk)).content.decode()

    assert 'value="09:00-12:00, 22:00-24:00"' in html
    assert "12-25 closed\n2026-12-24 09:00-12:00" in html
    assert "Gemini 3.1 Flash Lite, until May 7, 2027" in html
    assert "gemini-1.5-flash" not in html
