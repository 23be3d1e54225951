"""Alert services of an account: entered, tested, checked, and set by the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.urls import reverse

from ai_model import validation
from integrations import configured
from integrations.models import AlertTarget
from integrations.rehearsal.teams import TeamsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOW = (
    "https://b6.07.environment.api.powerplatform.com:443/powerautomate/automations/direct"
    "/workflows/0a/triggers/manual/paths/invoke?api-version=1&sig=very-secret"
)
ADD = "admin:integrations_alerttarget_add"


@pytest.fixture
def teams(settings: Any) -> Iterator[TeamsServer]:
    with TeamsServer() as server:
        settings.TEAMS_WEBHOOK_URL = server.url
        yield server


def entered(account: Any, **values: str) -> dict[str, str]:
    return {"account": account.pk, "service": "teams", "is_active": "on", **values}


def make(account: Any, url: str = FLOW, **more: Any) -> AlertTarget:
    return AlertTarget.objects.create(
        account=account, service="teams", credentials={"url": url}, **more
    )


def page_of(target: AlertTarget) -> str:
    return reverse("admin:integrations_alerttarget_change", args=[target.pk])


def test_an_owner_enters_a_flow_that_is_stored_encrypted_and_not_shown(
    alice: Any, account: Any, client: Any
) -> None:
    client.force_login(alice)

    answer = client.post(reverse(ADD), entered(account, url=FLOW))

    assert answer.status_code == 302
    target = AlertTarget.objects.get()
    assert target.credentials == {"url": FLOW}
    page = client.get(page_of(target)).content.decode()
    assert "very-secret" not in page
    assert "powerplatform.com" in page
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_alerttarget")
        assert "very-secret" not in str(cursor.fetchone())


def test_an_old_connector_is_refused_with_the_reason(
    alice: Any, account: Any, client: Any
) -> None:
    client.force_login(alice)
    url = "https://shop.webhook.office.com/webhookb2/1"

    page = client.post(reverse(ADD), entered(account, url=url)).content.decode()

    assert "Workflows" in page
    assert not AlertTarget.objects.exists()


def test_an_empty_field_keeps_the_address_and_a_new_one_replaces_it(
    alice: Any, account: Any, client: Any
) -> None:
    client.force_login(alice)
    target = make(account, error="gone")

    client.post(page_of(target), entered(account, secret="s"))
    target.refresh_from_db()
    assert target.credentials == {"url": FLOW, "secret": "s"}
    assert target.error == ""
    client.post(page_of(target), entered(account, url=FLOW + "2"))
    target.refresh_from_db()
    assert target.credentials["url"] == FLOW + "2"


def test_a_test_alert_leaves(
    alice: Any, account: Any, client: Any, teams: TeamsServer
) -> None:
    client.force_login(alice)
    target = make(account, teams.url)
    address = reverse("admin:integrations_alerttarget_test", args=[target.pk])
    assert client.get(address).status_code == 405

    page = client.post(address, follow=True).content.decode()

    assert "Did it appear?" in page
    assert len(teams.cards) == 1
    teams.faults.append("404")
    assert (
        "Copy its address again" in client.post(address, follow=True).content.decode()
    )
    target.refresh_from_db()
    assert "(404)" in target.error


def test_strangers_and_support_send_no_test(
    account: Any, bob: Any, charlie: Any, client: Any
) -> None:
    target = make(account)
    address = reverse("admin:integrations_alerttarget_test", args=[target.pk])

    assert client.post(address).status_code == 302
    for user in (bob, charlie):
        client.force_login(user)
        assert client.post(address).status_code in (302, 403, 404)
        assert client.get(page_of(target)).status_code in (302, 403)


def test_alerts_by_e_mail_go_to_the_support_address(
    account: Any, alice: Any, client: Any, mailbox: Any
) -> None:
    client.force_login(alice)
    values = {**entered(account, address="help@shop.example"), "service": "email"}

    client.post(reverse(ADD), values)
    target = AlertTarget.objects.get()
    client.post(reverse("admin:integrations_alerttarget_test", args=[target.pk]))

    (letter,) = mailbox.wait_for()
    assert mailbox.recipients == [["help@shop.example"]]
    text = letter.get_body(["plain"]).get_content()
    for label in ("Reason:", "Customer:", "Time:", "Message:"):
        assert label in text


def test_the_environment_names_the_default_accounts_flow(
    channel: Any, teams: TeamsServer, settings: Any
) -> None:
    (line,) = configured.apply()

    target = AlertTarget.objects.get()
    assert (target.account, target.credentials) == (channel.account, {"url": teams.url})
    assert "sig" not in line
    assert configured.apply() == []
    settings.TEAMS_WEBHOOK_URL = "https://shop.webhook.office.com/webhookb2/1"
    (line,) = configured.apply()
    assert "Workflows" in line


def test_validation_finds_what_keeps_alerts_away(account: Any, settings: Any) -> None:
    target = make(account, "https://shop.webhook.office.com/webhookb2/1")
    assert [code for _, code, *_ in validation._alerts(account)] == ["alerts_refused"]
    target.credentials = {"url": "https://prod-1.x.logic.azure.com/workflows/1"}
    target.save()
    assert [code for _, code, *_ in validation._alerts(account)] == ["alerts_ending"]
    target.credentials = {"url": FLOW}
    target.save()
    assert list(validation._alerts(account)) == []
