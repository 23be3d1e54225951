"""Kommo's pages: what is chosen about leads, and connecting without a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from core.tests.asgi import call
from integrations.kommo import keeping
from integrations.models import Channel
from integrations.rehearsal.kommo_account import (
    BOT_STAGE,
    CITY,
    FIELD,
    PIPELINE,
    RUN_BOT,
)

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User
    from integrations.rehearsal.kommo import KommoServer

STAGE = f"{PIPELINE}:{BOT_STAGE}"
REPLY_BOT = {"step": "reply_bot", "bot": RUN_BOT, "field": FIELD}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _public(settings: Any) -> None:
    settings.PUBLIC_URL = "https://answers.example"


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def page(row: Channel, tab: str) -> str:
    return reverse("portal-page", args=["kommo", row.uuid, tab])


def post(client: Client, row: Channel, tab: str, **entered: Any) -> str:
    """Press a button; the page that follows."""
    answer = client.post(page(row, tab), entered, follow=True)
    row.refresh_from_db()
    return answer.content.decode()


def test_what_there_is_to_choose_from_is_read_from_kommo(
    owner: Client, kommo_channel: Channel, kommo: KommoServer
) -> None:
    assert "not read yet" in owner.get(page(kommo_channel, "leads")).content.decode()

    html = post(owner, kommo_channel, "leads", step="read")

    assert "Sales · Assistant" in html
    assert "City" in html
    setup = owner.get(page(kommo_channel, "setup")).content.decode()
    assert "Send the reply" in setup
    assert ">City<" not in setup  # no room for a reply


def test_a_stage_is_heard_of_from_the_moment_it_is_chosen(
    owner: Client, kommo_channel: Channel, kommo: KommoServer
) -> None:
    post(owner, kommo_channel, "leads", step="read")

    post(owner, kommo_channel, "leads", step="leads", stage=STAGE, about="on",
         about_fields=[CITY])  # fmt: skip

    (hook,) = kommo.account.webhooks.values()
    assert hook["settings"] == ["status_lead"]
    assert hook["destination"].startswith(
        f"https://answers.example{kommo_channel.webhook_path}/"
    )
    chosen = kommo_channel.settings
    assert (chosen["stage"], chosen["about"], chosen["about_fields"]) == (
        STAGE, True, [CITY],
    )  # fmt: skip
    path = hook["destination"].removeprefix("https://answers.example")
    assert call(path, kommo.account.move(1, BOT_STAGE)).status == 200

    post(owner, kommo_channel, "leads", step="leads", stage="")
    assert kommo.account.webhooks == {}
    assert kommo_channel.settings["about"] is False


def test_connecting_without_a_widget_is_checked(
    owner: Client, kommo_channel: Channel, kommo: KommoServer
) -> None:
    post(owner, kommo_channel, "setup", step="check")

    post(owner, kommo_channel, "setup", **REPLY_BOT)
    html = post(owner, kommo_channel, "setup", step="check")

    assert "Kommo tells us: add_message." in html
    secret = kommo_channel.credentials["hook_token"]
    assert secret not in html
    (hook,) = kommo.account.webhooks.values()
    hook["disabled"] = True
    html = post(owner, kommo_channel, "setup", step="check")
    assert "has switched our webhook off" in html

    assert keeping.keep_all() == 1
    assert [each["disabled"] for each in kommo.account.webhooks.values()] == [False]
    post(owner, kommo_channel, "setup", step="drop_reply_bot")
    assert kommo.account.webhooks == {}
    assert keeping.keep_all() == 0


def test_a_webhook_is_no_call_of_a_widget(
    owner: Client, kommo_channel: Channel, kommo: KommoServer
) -> None:
    post(owner, kommo_channel, "setup", step="check")
    post(owner, kommo_channel, "setup", **REPLY_BOT)
    (path,) = kommo.account.webhooks
    path = path.removeprefix("https://answers.example")
    assert call(path, kommo.account.message("Hello")).status == 200

    html = post(owner, kommo_channel, "setup", step="check")

    assert "No bot has called yet." in html
    status = owner.get("/api/kommo/chat/status").json()
    assert (status["connected"], status["widget_installed"]) == (True, False)


def test_without_a_widget_nothing_of_it_is_missed(
    owner: Client, kommo_channel: Channel, kommo: KommoServer
) -> None:
    del kommo_channel.credentials["secret_key"]
    kommo_channel.save()
    post(owner, kommo_channel, "setup", step="check")
    assert kommo_channel.state == Channel.State.BROKEN
    post(owner, kommo_channel, "setup", **REPLY_BOT)

    post(owner, kommo_channel, "setup", step="check")

    assert kommo_channel.state == Channel.State.WORKS


def test_what_kommo_refuses_is_not_kept(
    owner: Client, kommo_channel: Channel, kommo: KommoServer, settings: Any
) -> None:
    post(owner, kommo_channel, "leads", step="read")
    settings.PUBLIC_URL = "http://answers.example"

    html = post(owner, kommo_channel, "setup", **REPLY_BOT)
    assert "Kommo refused our call" in html
    settings.PUBLIC_URL = ""
    html = post(owner, kommo_channel, "setup", **REPLY_BOT)
    assert "does not know its address" in html

    assert "bot" not in kommo_channel.settings
    unknown = {**REPLY_BOT, "bot": 5}
    assert "Bot that sends it" in post(owner, kommo_channel, "setup", **unknown)
    assert "bot" not in kommo_channel.settings


def test_disconnecting_ends_the_webhook(
    owner: Client, kommo_channel: Channel, kommo: KommoServer
) -> None:
    post(owner, kommo_channel, "leads", step="read")
    post(owner, kommo_channel, "setup", **REPLY_BOT)

    post(owner, kommo_channel, "connection", step="disconnect")

    assert kommo.account.webhooks == {}


def test_leads_are_for_owners(
    client: Client, kommo_channel: Channel, bob: User, charlie: User
) -> None:
    for person, status in ((bob, 403), (charlie, 404)):
        client.force_login(person)
        assert client.get(page(kommo_channel, "leads")).status_code == status
        assert (
            client.post(page(kommo_channel, "leads"), {"step": "leads"}).status_code
            == status
        )
