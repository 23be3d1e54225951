"""The chat page, signing in, and what every page has in common."""

from __future__ import annotations

import uuid

import pytest

from knowledge.models import Entry
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client, bob):
    """Bob's browser."""
    client.force_login(bob)
    return client


# --- The chat page ------------------------------------------------------------


def test_the_chat_page_names_the_business_and_its_channel(client, channel):
    response = client.get("/")

    page = response.content.decode()
    assert response.status_code == 200
    assert "Alice&#x27;s Shop" in page
    assert f'data-channel="{channel.uuid}"' in page
    assert f'data-send-url="/webhooks/web/{channel.uuid}"' in page


def test_the_chat_page_suggests_what_customers_may_read(client, channel, account):
    EntryFactory(account=account, title="Delivery times")
    EntryFactory(account=account, title="Margins", visibility=Entry.Visibility.SUPPORT)

    page = client.get("/").content.decode()

    assert 'data-suggest="Delivery times"' in page
    assert "Margins" not in page


def test_a_stranger_sees_no_console_on_the_chat_page(client, channel, charlie):
    client.force_login(charlie)

    page = client.get("/").content.decode()

    assert "data-console" not in page
    assert "data-human-toggle" not in page


def test_a_member_sees_the_console_on_the_chat_page(client, channel, bob):
    client.force_login(bob)

    page = client.get("/").content.decode()

    assert "Agent Console" in page
    assert "Human Mode: OFF" in page


def test_in_the_demo_everybody_sees_the_console(client, channel, account, settings):
    settings.DEMO = True
    account.is_demo = True
    account.save()

    page = client.get("/").content.decode()

    assert "Agent Console" in page


def test_without_a_default_channel_the_chat_page_says_so(client, db):
    response = client.get("/")

    assert response.status_code == 404
    assert "There is no chat here yet" in response.content.decode()


def test_the_chat_page_refuses_post(client, channel):
    assert client.post("/").status_code == 405


@pytest.mark.parametrize("path", ["/", "/login/", "/desk/"])
def test_pages_hold_no_inline_script_or_style(client, channel, bob, path):
    if path != "/login/":
        client.force_login(bob)

    response = client.get(path)

    page = response.content.decode()
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    for opening in page.split("<script")[1:]:
        assert "src=" in opening[:120] or 'type="application/json"' in opening[:120]


# --- Signing in, and what goes wrong ------------------------------------------


def test_signing_in_leads_to_the_desk(client, bob):
    response = client.post("/login/", {"username": "bob", "password": "secret"})

    assert response["Location"] == "/desk/"


def test_a_wrong_password_is_explained(client, bob):
    response = client.post("/login/", {"username": "bob", "password": "wrong"})

    assert "form-error" in response.content.decode()


def test_a_page_that_is_not_there_looks_like_ours(desk):
    response = desk.get(f"/desk/{uuid.uuid4()}/")

    assert response.status_code == 404
    assert "This page does not exist" in response.content.decode()


@pytest.mark.parametrize("lang", ["mn", "ru", "es"])
def test_pages_speak_the_readers_language(client, channel, lang):
    page = client.get("/", headers={"Accept-Language": lang}).content.decode()

    assert f'<html lang="{lang}">' in page
    assert "How can we help?" not in page
