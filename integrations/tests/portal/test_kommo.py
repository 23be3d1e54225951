"""Kommo's pages and its API: connecting, consent, checks, archive, disconnecting."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from accounts.services import create_token
from integrations.models import Channel, Grant
from integrations.rehearsal.kommo import ACCOUNT, CLIENT, CODE, HOST, LONG_LIVED, SECRET
from integrations.tests.factories import KommoChannelFactory

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

    from accounts.models import Account, User
    from integrations.rehearsal.kommo import KommoServer

CALLBACK = "/portal/kommo/callback/"
STATUS, INSTALL = "/api/kommo/chat/status", "/api/kommo/widget/install"


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def unconnected(kommo_channel: Channel) -> Channel:
    """A channel whose integration is known, and nothing more."""
    kommo_channel.credentials = {"integration_id": CLIENT, "secret_key": SECRET}
    kommo_channel.is_active = False
    kommo_channel.save()
    return kommo_channel


@pytest.fixture
def bearer(alice: User, account: Account) -> dict[str, str]:
    token = create_token(user=alice, account=account)
    return {"Authorization": f"Bearer {token}"}


def page_of(row: Channel, tab: str) -> str:
    return reverse("portal-page", args=["kommo", row.uuid, tab])


def state_of(client: Client, row: Channel) -> str:
    sent = client.get(reverse("kommo-authorise", args=[row.uuid]))["Location"]
    return dict(parse_qsl(urlsplit(sent).query))["state"]


def test_a_long_lived_token_connects_and_is_checked(
    owner: Client, account: Account, kommo: KommoServer
) -> None:
    owner.post("/portal/kommo/new/")
    row = Channel.objects.get()
    entered = {
        "step": "connect",
        "name": "Kommo",
        "host": f"https://{HOST}/leads/",
        "secret_key": SECRET,
        "token": LONG_LIVED,
    }

    owner.post(page_of(row, "connection"), entered)
    html = owner.get(page_of(row, "status")).content.decode()

    row.refresh_from_db()
    assert row.is_active
    assert (row.credentials["host"], row.external_id) == (HOST, str(ACCOUNT))
    assert "Connected to Shop (31234567)." in html
    assert "No bot has called yet." in html
    assert LONG_LIVED not in owner.get(page_of(row, "connection")).content.decode()


def test_an_address_that_is_not_kommos_is_refused(
    owner: Client, kommo_channel: Channel
) -> None:
    entered = {"step": "connect", "name": "Kommo", "host": "kommo.com.evil.example"}

    html = owner.post(page_of(kommo_channel, "connection"), entered).content.decode()

    assert "is not the address of a Kommo account" in html
    kommo_channel.refresh_from_db()
    assert kommo_channel.credentials["host"] == HOST


def test_a_consent_connects_the_account(
    owner: Client, unconnected: Channel, kommo: KommoServer
) -> None:
    told = {"code": CODE, "referer": HOST, "state": state_of(owner, unconnected)}

    answer = owner.get(CALLBACK, told)

    unconnected.refresh_from_db()
    assert answer["Location"] == page_of(unconnected, "status")
    assert Grant.objects.get().channel == unconnected
    assert unconnected.credentials["host"] == HOST
    assert unconnected.is_active
    # The state was good once.
    assert owner.get(CALLBACK, told).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "wrong"},
        {"referer": "evil.example"},
        {"referer": "kommo.com.evil.example"},
        {"code": "wrong"},
    ],
)
def test_a_consent_that_is_not_ours_connects_nothing(
    owner: Client, unconnected: Channel, kommo: KommoServer, changes: dict[str, str]
) -> None:
    told = {"code": CODE, "referer": HOST, "state": state_of(owner, unconnected)}

    answer = owner.get(CALLBACK, {**told, **changes})

    assert answer.status_code == 400
    assert not Grant.objects.exists()


def test_a_consent_for_another_account_is_refused(
    owner: Client, kommo_channel: Channel, kommo: KommoServer
) -> None:
    told = {"code": CODE, "state": state_of(owner, kommo_channel)}

    html = owner.get(CALLBACK, {**told, "referer": "other.kommo.com"}).content.decode()

    assert "this channel is for shopmn.kommo.com" in html
    assert kommo.calls == []


def test_an_installation_from_kommos_side_asks_which_channel(
    owner: Client, unconnected: Channel, kommo: KommoServer, charlie: User
) -> None:
    KommoChannelFactory(account=charlie.accounts.get(), name="Foreign")
    told = {"code": CODE, "referer": HOST, "client_id": CLIENT, "from_widget": "1"}

    page = owner.get(CALLBACK, told)
    html = page.content.decode()
    assert "Connect shopmn.kommo.com to which channel?" in html
    assert "Foreign" not in html
    assert not Grant.objects.exists()

    consent = page.context_data["consent"]  # type: ignore[attr-defined]
    owner.post(CALLBACK, {"consent": consent, "channel": str(unconnected.uuid)})
    assert Grant.objects.get().channel == unconnected
    forged = {"consent": f"{consent}x", "channel": str(unconnected.uuid)}
    assert owner.post(CALLBACK, forged).status_code == 400


def test_consent_needs_sign_in_and_ownership(
    client: Client, unconnected: Channel, bob: User, charlie: User
) -> None:
    path = reverse("kommo-authorise", args=[unconnected.uuid])
    archive = reverse("kommo-archive", args=[unconnected.uuid])
    assert client.get(path)["Location"].startswith("/login/")
    for person in (bob, charlie):
        client.force_login(person)
        assert client.get(path).status_code == 404
        assert client.get(archive).status_code == 404


def test_disconnecting_forgets_every_token(
    owner: Client, unconnected: Channel, kommo: KommoServer
) -> None:
    told = {"code": CODE, "referer": HOST, "state": state_of(owner, unconnected)}
    owner.get(CALLBACK, told)

    owner.post(page_of(unconnected, "connection"), {"step": "disconnect"})

    unconnected.refresh_from_db()
    assert not Grant.objects.exists()
    assert "token" not in unconnected.credentials
    assert not unconnected.is_active


def test_an_integration_removed_in_kommo_pauses_the_channel(
    client: Client, kommo_channel: Channel
) -> None:
    kommo_channel.external_id = str(ACCOUNT)
    kommo_channel.save()
    signature = hmac.new(
        SECRET.encode(), f"{CLIENT}|{ACCOUNT}".encode(), hashlib.sha256
    ).hexdigest()
    told = {"account_id": str(ACCOUNT), "client_uuid": CLIENT, "signature": "wrong"}
    path = reverse("kommo-uninstalled")

    assert client.get(path, told).status_code == 404
    assert client.get(path, {**told, "signature": signature}).status_code == 200

    kommo_channel.refresh_from_db()
    assert not kommo_channel.is_active
    assert "removed in Kommo" in kommo_channel.error


def test_setup_shows_a_check_behind_every_step(
    owner: Client, kommo_channel: Channel, kommo: KommoServer
) -> None:
    owner.post(page_of(kommo_channel, "setup"), {"step": "check"})

    html = owner.get(page_of(kommo_channel, "setup")).content.decode()

    assert html.count('data-check="') == 8
    assert kommo_channel.webhook_path in html
    assert 'data-copy="webhook-url"' in html


def test_the_archive_holds_the_channels_address(
    owner: Client, kommo_channel: Channel, tmp_path: Path
) -> None:
    answer = owner.get(reverse("kommo-archive", args=[kommo_channel.uuid]))
    files = zipfile.ZipFile(io.BytesIO(answer.content))

    assert {"manifest.json", "script.js", "i18n/en.json", "images/logo_main.png"} <= {
        *files.namelist()
    }
    assert kommo_channel.webhook_path in files.read("script.js").decode()
    manifest = json.loads(files.read("manifest.json"))
    assert "salesbot_designer" in manifest["locations"]
    for name in manifest["widget"]["locale"]:
        words = json.loads(files.read(f"i18n/{name}.json"))
        assert {*words["salesbot_designer"]} >= {"ask_assistant", "exit_person"}
    call_command(
        "build_kommo_widget",
        account=kommo_channel.account.name,
        output=str(tmp_path / "w.zip"),
    )
    assert (tmp_path / "w.zip").read_bytes() == answer.content


def test_the_shared_files_are_served_to_everybody(client: Client, db: None) -> None:
    script = client.get("/widgets/shared/script.js")

    assert "/api/kommo/chat/webhook" in script.content.decode()
    assert client.get("/widgets/shared/manifest.json").json()["locations"]
    assert client.get("/widgets/shared/archive.py").status_code == 404
    assert client.post("/widgets/shared/script.js").status_code == 405


def test_the_status_says_what_was_really_seen(
    client: Client, kommo_channel: Channel, kommo: KommoServer, bearer: dict[str, str]
) -> None:
    before = client.get(STATUS, headers=bearer).json()
    assert (before["connected"], before["widget_installed"]) == (False, False)

    looked = client.post(INSTALL, headers=bearer).json()
    assert (looked["connected"], looked["salesbot_configured"]) == (True, True)
    assert not looked["widget_installed"]

    Channel.objects.update(last_event_at=timezone.now())
    after = client.get(STATUS, headers=bearer).json()
    assert (after["widget_installed"], after["account"]) == (True, HOST)


def test_the_api_needs_sign_in_and_hides_other_accounts(
    client: Client, kommo_channel: Channel, charlie: User, bob: User, account: Account
) -> None:
    assert client.get(STATUS).status_code == 401
    assert client.post(INSTALL).status_code == 401
    foreign = create_token(user=charlie, account=charlie.accounts.get())
    headers = {"Authorization": f"Bearer {foreign}"}
    assert client.get(STATUS, headers=headers).json()["account"] == ""
    assert client.post(INSTALL, headers=headers).status_code == 409
    support = {"Authorization": f"Bearer {create_token(user=bob, account=account)}"}
    assert client.get(STATUS, headers=support).json()["account"] == HOST
    assert client.post(INSTALL, headers=support).status_code == 403


def test_the_api_refuses_wrong_methods(client: Client, bearer: dict[str, str]) -> None:
    assert client.post(STATUS, headers=bearer).status_code == 405
    assert client.get(INSTALL, headers=bearer).status_code == 405
    refused: Any = client.post(f"{STATUS}/", headers=bearer)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
