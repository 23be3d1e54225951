"""Owners connect a bot or an account of Meta's, and try it out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone

from integrations.models import Channel, Event
from integrations.rehearsal.meta import APP_SECRET, BUSINESS, MetaServer
from integrations.rehearsal.meta import TOKEN as META_TOKEN
from integrations.rehearsal.telegram import TOKEN
from integrations.tests.adapters.cases import payload
from integrations.tests.factories import META, ChannelFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.rehearsal.telegram import TelegramServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Any, alice: Any, settings: Any) -> Any:
    settings.PUBLIC_URL = "https://desk.example"
    client.force_login(alice)
    return client


def add(browser: Any, provider: str) -> Channel:
    browser.post(reverse("portal-add", args=[provider]))
    return Channel.objects.get(provider=provider)


def take(browser: Any, row: Channel, tab: str, step: str, **entered: str) -> str:
    url = reverse("portal-page", args=[row.provider, row.uuid, tab])
    answer = browser.post(url, {"step": step, **entered}, follow=True)
    row.refresh_from_db()
    return str(answer.content.decode())


def shown(browser: Any, row: Channel, tab: str) -> str:
    url = reverse("portal-page", args=[row.provider, row.uuid, tab])
    return str(browser.get(url).content.decode())


def test_a_bot_is_connected_with_its_token(
    browser: Any, telegram_api: TelegramServer
) -> None:
    row = add(browser, "telegram")

    page = take(browser, row, "setup", "connect", name="Bot", bot_token=TOKEN)

    assert row.is_active
    assert row.state == row.State.WORKS
    assert telegram_api.webhook.url.endswith(row.webhook_path)
    assert "@shop_bot" in page
    assert TOKEN not in page


def test_a_wrong_token_says_so_and_another_accounts_bot_is_refused(
    browser: Any, telegram: Channel, telegram_api: TelegramServer
) -> None:
    browser.post(reverse("portal-add", args=["telegram"]))
    row = Channel.objects.exclude(pk=telegram.pk).get()

    wrong = take(browser, row, "setup", "connect", name="Bot", bot_token="1:x")
    twin = take(browser, row, "setup", "connect", name="Bot", bot_token=TOKEN)

    assert "does not accept the token" in wrong
    assert "connected with the same key" in twin


def test_who_wrote_last_gets_the_test_message(
    browser: Any, telegram: Channel, telegram_api: TelegramServer
) -> None:
    assert "Nobody has written yet" in take(browser, telegram, "test", "test")
    Event.objects.create(
        channel=telegram,
        delivery_key="700001",
        body=json.dumps(payload("telegram", "message")),
        state="done",
        received_at=timezone.now(),
    )

    page = shown(browser, telegram, "test")
    take(browser, telegram, "test", "test")

    assert "Bat Dorj" in page
    assert "700001" in page
    assert telegram_api.texts(5551) == ["This is a test message."]


@pytest.mark.parametrize("provider", ["instagram", "messenger", "whatsapp"])
def test_what_is_entered_at_meta_is_shown(
    browser: Any, provider: str, settings: Any
) -> None:
    entered = {"app_secret": APP_SECRET, "access_token": META_TOKEN}
    if provider == "whatsapp":
        entered["phone_number_id"] = "106540"
    with MetaServer(provider) as meta:  # type: ignore[arg-type]
        settings.META_GRAPH_BASE_URL = meta.url
        row = add(browser, provider)
        take(browser, row, "setup", "connect", name="Shop", **entered)
    page = shown(browser, row, "setup")

    assert row.state == row.State.WORKS
    assert f"https://desk.example{row.webhook_path}" in page
    assert row.credentials["verify_token"] in page
    assert APP_SECRET not in page
    assert META_TOKEN not in page


@pytest.fixture
def whatsapp(account: Any, settings: Any) -> Iterator[Channel]:
    with MetaServer("whatsapp") as meta:
        settings.META_GRAPH_BASE_URL = meta.url
        known = {**META["whatsapp"], "business_account_id": BUSINESS}
        yield ChannelFactory(account=account, provider="whatsapp", credentials=known)


def test_a_template_is_chosen_from_those_that_are_approved(
    browser: Any, whatsapp: Channel
) -> None:
    listed = take(browser, whatsapp, "template", "list")
    entered = {"name": "reply_later", "lang": "en", "value": ["{name}", "{reply}"]}
    take(browser, whatsapp, "template", "choose", **entered)  # type: ignore[arg-type]
    page = shown(browser, whatsapp, "template")

    assert "write_again (mn)" in listed
    assert "not_yet" not in listed
    assert "with_picture" not in listed
    assert "{reply}" in page
    assert whatsapp.findings[-1].is_ok
    assert "reply_later (en)" in shown(browser, whatsapp, "status")

    take(browser, whatsapp, "template", "remove")
    assert "template" not in whatsapp.credentials


def test_what_is_not_approved_or_not_filled_is_refused(
    browser: Any, whatsapp: Channel
) -> None:
    unknown = {"name": "not_yet", "lang": "en"}
    empty = {"name": "reply_later", "lang": "en", "value": "{reply}"}

    first = take(browser, whatsapp, "template", "choose", **unknown)
    second = take(browser, whatsapp, "template", "choose", **empty)

    assert "There is no such template." in first
    assert "has 2 places" in second
    assert "template" not in whatsapp.credentials


def test_a_token_that_may_not_list_says_so(browser: Any, whatsapp: Channel) -> None:
    whatsapp.credentials = {**whatsapp.credentials, "access_token": "other"}
    whatsapp.save()

    page = take(browser, whatsapp, "template", "list")
    entered = {"name": "mine", "lang": "en", "body": "Hi.", "values": ""}
    by_hand = take(browser, whatsapp, "template", "choose", **entered)

    assert "Invalid OAuth access token." in page
    assert "Language, as a code" in page
    assert "mine (en)" in by_hand
    assert not whatsapp.findings[-1].is_ok


def test_without_the_business_account_a_template_is_entered_by_hand(
    browser: Any, whatsapp: Channel
) -> None:
    whatsapp.credentials = META["whatsapp"]
    whatsapp.save()
    entered = {"name": "mine", "lang": "en", "body": "Hi {{1}}", "values": "{name}"}

    take(browser, whatsapp, "template", "choose", **entered)

    assert "mine (en)" in shown(browser, whatsapp, "template")


def test_support_may_not_choose(client: Any, bob: Any, whatsapp: Channel) -> None:
    client.force_login(bob)
    url = reverse("portal-page", args=["whatsapp", whatsapp.uuid, "template"])

    assert client.get(url).status_code == 403
    assert client.post(url, {"step": "remove"}).status_code == 403
