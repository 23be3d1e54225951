"""The owner's pages: who sees what, and that checks really look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership
from accounts.tests.factories import AccountFactory
from integrations import adapters, portal
from integrations.adapters.base import Check
from integrations.models import Channel
from integrations.tests.factories import ChannelFactory

if TYPE_CHECKING:
    from typing import Any

    from django.test import Client

    from accounts.models import Account, User

KEYS = [*adapters.REGISTRY, "freshdesk"]


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def page_of(row: Any, tab: str = "status") -> str:
    return reverse("portal-page", args=[row.provider, row.uuid, tab])


def test_the_list_shows_each_connection_with_its_state(
    owner: Client, channel: Channel, chatwoot: Channel
) -> None:
    channel.note_checks([Check("Key", is_ok=True)])
    chatwoot.note_checks([Check("Token", is_ok=False, detail="It was revoked.")])
    Channel.objects.update(last_event_at=timezone.now())

    html = owner.get("/portal/").content.decode()

    assert 'data-state="works"' in html
    assert 'data-state="broken"' in html
    assert "It was revoked." in html
    assert "Last event" in html


def test_the_portal_needs_sign_in(client: Client, channel: Channel) -> None:
    for path in ("/portal/", "/portal/web/", page_of(channel)):
        answer = client.get(path)

        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")


def test_the_portal_hides_other_accounts(
    client: Client, channel: Channel, charlie: User
) -> None:
    client.force_login(charlie)

    assert "Website" not in client.get("/portal/").content.decode()
    assert client.get(page_of(channel)).status_code == 404
    assert client.post(page_of(channel), {"step": "switch"}).status_code == 404
    assert client.get("/portal/web/").status_code == 200


def test_somebody_without_an_account_sees_no_portal(
    client: Client, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_user("nobody"))

    assert client.get("/portal/").status_code == 404
    assert client.get("/portal/web/").status_code == 404


def test_support_sees_the_state_and_changes_nothing(
    client: Client, channel: Channel, support_user: User
) -> None:
    client.force_login(support_user)

    html = client.get(page_of(channel)).content.decode()

    assert "Checks" in html
    assert "<form" not in html.partition("<main")[2]
    assert client.get(page_of(channel, "setup")).status_code == 403
    assert client.post(page_of(channel), {"step": "switch"}).status_code == 403
    assert client.post("/portal/chatwoot/new/").status_code == 403
    assert Channel.objects.get().is_active


def test_what_does_not_exist_is_missing(owner: Client, channel: Channel) -> None:
    assert owner.get("/portal/fax/").status_code == 404
    assert owner.get(page_of(channel, "dance")).status_code == 404
    assert owner.get(page_of(channel).replace("/web/", "/api/")).status_code == 404
    assert owner.post("/portal/web/new/").status_code == 302
    assert owner.post("/portal/api/new/").status_code == 404


def test_wrong_methods_are_refused(owner: Client, channel: Channel) -> None:
    assert owner.post("/portal/").status_code == 405
    assert owner.get("/portal/chatwoot/new/").status_code == 405
    assert owner.delete(page_of(channel)).status_code == 405


def test_a_provider_leads_to_its_only_connection(
    owner: Client, chatwoot: Channel, account: Account
) -> None:
    assert owner.get("/portal/chatwoot/")["Location"] == page_of(chatwoot)

    ChannelFactory(account=account, provider="chatwoot", name="Second")

    assert owner.get("/portal/chatwoot/")["Location"] == "/portal/"


def test_an_owner_connects_a_channel_and_sees_what_is_missing(owner: Client) -> None:
    answer = owner.post("/portal/chatwoot/new/", follow=True)
    row = Channel.objects.get()
    assert not row.is_active
    assert row.state == Channel.State.PAUSED
    assert row.webhook_path in answer.content.decode()

    html = owner.post(page_of(row, "setup"), {"step": "connect", "name": "Shop"})

    assert "This field is required." in html.content.decode()
    row.refresh_from_db()
    assert row.credentials == {}


def test_secrets_are_kept_and_never_shown(owner: Client, chatwoot: Channel) -> None:
    entered = {"step": "connect", "name": "Chat", "account_id": "4"}
    entered["base_url"] = "https://chatwoot.invalid"

    html = owner.post(page_of(chatwoot, "setup"), entered, follow=True).content.decode()

    chatwoot.refresh_from_db()
    assert chatwoot.credentials["bot_token"] == "bot-token"
    assert chatwoot.credentials["account_id"] == "4"
    assert "bot-token" not in html
    assert "set; leave empty to keep it" in html


def test_an_owner_adds_to_an_account_of_theirs_only(
    owner: Client, alice: User, account: Account
) -> None:
    own = AccountFactory(name="Second shop")
    Membership.objects.create(user=alice, account=own, role="owner")
    foreign = AccountFactory(name="Foreign")

    owner.post("/portal/chatwoot/new/", {"account": str(own.pk)})
    refused = owner.post("/portal/chatwoot/new/", {"account": str(foreign.pk)})

    assert refused.status_code == 403
    assert Channel.objects.get().account == own
    assert "Second shop" in owner.get("/portal/").content.decode()


def test_a_channel_can_be_paused(owner: Client, channel: Channel) -> None:
    owner.post(page_of(channel), {"step": "switch"})

    channel.refresh_from_db()
    assert channel.state == Channel.State.PAUSED


@pytest.mark.parametrize("key", KEYS)
def test_every_provider_has_pages(owner: Client, account: Account, key: str) -> None:
    pages = portal.get(key)
    row = pages.new(account)

    for tab in pages.tabs:
        answer = owner.get(page_of(row, tab.name))

        assert answer.status_code == 200
        assert "style=" not in answer.content.decode()
        assert "<script>" not in answer.content.decode()
