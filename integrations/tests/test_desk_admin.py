"""The owner's pages that connect a help desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from integrations.models import Desk
from integrations.rehearsal.freshdesk import KEY, FreshdeskServer

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

VALUES = {
    "custom_fields.cf_shop": "Darkhan",
    "priority": "3",
    "reference_field": "custom_fields.cf_conversation",
}


@pytest.fixture
def owner(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def new_desk(owner: Client, account: Account, freshdesk: FreshdeskServer) -> Desk:
    """A desk that Alice has just added."""
    owner.post(
        reverse("admin:integrations_desk_add"),
        {"account": account.pk, "provider": "freshdesk", "name": "Freshdesk"},
    )
    return Desk.objects.get()


def page_of(desk: Desk, tab: str = "setup") -> str:
    return reverse("portal-page", args=["freshdesk", desk.uuid, tab])


def take(
    client: Client, desk: Desk, step: str, tab: str = "setup", **values: Any
) -> Any:
    answer = client.post(page_of(desk, tab), {"step": step, **values}, follow=True)
    desk.refresh_from_db()
    return answer


def connect(client: Client, desk: Desk, **values: str) -> Any:
    entered = {"name": "Freshdesk", "domain": "shop", "api_key": KEY, **values}
    return take(client, desk, "connect", **entered)


def test_a_desk_takes_no_tickets_before_it_is_connected(new_desk: Desk) -> None:
    assert not new_desk.is_active


def test_the_key_is_tried_and_the_form_is_read(owner: Client, new_desk: Desk) -> None:
    html = connect(owner, new_desk).content.decode()

    assert "Connected as Assistant." in html
    assert "The desk refuses tickets without: Shop" in html
    assert new_desk.is_active
    assert KEY not in html
    assert LogEntry.objects.get(change_message="connect").object_id == str(new_desk.pk)


def test_a_wrong_key_changes_nothing(owner: Client, new_desk: Desk) -> None:
    connect(owner, new_desk)

    html = connect(owner, new_desk, api_key="wrong", name="Other").content.decode()

    assert "does not accept the API key" in html
    assert new_desk.credentials["api_key"] == KEY
    assert new_desk.name == "Freshdesk"


def test_an_empty_key_is_kept(owner: Client, new_desk: Desk) -> None:
    connect(owner, new_desk)

    connect(owner, new_desk, api_key="", name="Support")

    assert new_desk.credentials["api_key"] == KEY
    assert new_desk.name == "Support"


def test_a_first_key_is_needed(owner: Client, new_desk: Desk) -> None:
    html = connect(owner, new_desk, api_key="").content.decode()

    assert "API key: This field is required." in html


def test_values_are_kept_as_the_desk_wants_them(owner: Client, new_desk: Desk) -> None:
    connect(owner, new_desk)

    html = take(owner, new_desk, "set_values", **VALUES).content.decode()

    assert "refuses tickets without" not in html
    assert new_desk.settings["values"] == {
        "custom_fields.cf_shop": "Darkhan",
        "priority": 3,
    }
    assert new_desk.settings["reference_field"] == "custom_fields.cf_conversation"


def test_a_test_ticket_is_made_with_the_values(
    owner: Client, new_desk: Desk, freshdesk: FreshdeskServer
) -> None:
    connect(owner, new_desk)
    take(owner, new_desk, "set_values", **VALUES)

    html = take(owner, new_desk, "test", "test").content.decode()

    (made,) = freshdesk.tickets.rows.values()
    assert "Ticket 101 was made." in html
    assert (made["priority"], made["tags"]) == (3, ["assistant", "test"])


def test_a_refused_test_ticket_shows_the_desks_words(
    owner: Client, new_desk: Desk
) -> None:
    connect(owner, new_desk)

    html = take(owner, new_desk, "test", "test").content.decode()

    assert "cf_shop: It should not be blank" in html


def test_a_field_that_was_required_meanwhile_shows_after_reading_the_form(
    owner: Client, new_desk: Desk, freshdesk: FreshdeskServer
) -> None:
    connect(owner, new_desk)
    take(owner, new_desk, "set_values", **VALUES)
    own = {"type": "custom_number", "default": False, "required_for_agents": True}
    freshdesk.tickets.form.append({"name": "cf_age", "label": "Age", **own})

    html = take(owner, new_desk, "read_form").content.decode()
    assert "refuses tickets without: Age" in html
    refused = {**VALUES, "custom_fields.cf_age": "old"}
    html = take(owner, new_desk, "set_values", **refused).content.decode()
    assert "“old” does not fit “Age”." in html

    take(owner, new_desk, "set_values", **{**VALUES, "custom_fields.cf_age": "7"})

    assert new_desk.settings["values"]["custom_fields.cf_age"] == 7


def test_the_webhooks_secrets_are_shown_once(owner: Client, new_desk: Desk) -> None:
    connect(owner, new_desk)
    former = dict(new_desk.credentials)

    answer = take(owner, new_desk, "renew")

    html = answer.content.decode()
    secrets = [new_desk.credentials[name] for name in ("hook_token", "hook_secret")]
    assert all(secret in html for secret in secrets)
    assert "no-store" in answer["Cache-Control"]
    assert new_desk.credentials["hook_token"] != former["hook_token"]
    again = owner.get(page_of(new_desk)).content.decode()
    assert not [secret for secret in [*secrets, KEY] if secret in again]


def test_a_desk_can_be_paused(owner: Client, new_desk: Desk) -> None:
    connect(owner, new_desk)

    take(owner, new_desk, "switch")
    assert not new_desk.is_active
    connect(owner, new_desk)
    assert not new_desk.is_active

    take(owner, new_desk, "switch")
    assert new_desk.is_active


def test_an_unknown_step_is_refused(owner: Client, new_desk: Desk) -> None:
    assert "no such step" in take(owner, new_desk, "dance").content.decode()


def test_the_list_says_which_desk_works(owner: Client, new_desk: Desk) -> None:
    listed = reverse("admin:integrations_desk_changelist")
    assert "icon-no" in owner.get(listed).content.decode()
    connect(owner, new_desk)
    take(owner, new_desk, "set_values", **VALUES)

    assert "icon-no" not in owner.get(listed).content.decode()


def test_a_look_shows_what_is_missing_and_how_to_mend_it(
    owner: Client, new_desk: Desk
) -> None:
    connect(owner, new_desk)

    html = take(owner, new_desk, "check", "status").content.decode()

    assert "Connected as Assistant." in html
    assert "Freshdesk refuses tickets without: Shop" in html
    assert "Set values for them under Setup." in html
    assert new_desk.state == Desk.State.BROKEN


def test_a_look_tells_that_the_key_was_revoked(
    owner: Client, new_desk: Desk, freshdesk: FreshdeskServer
) -> None:
    connect(owner, new_desk)
    new_desk.credentials["api_key"] = "revoked"
    new_desk.save()

    html = take(owner, new_desk, "check", "status").content.decode()

    assert "does not accept the API key" in html
    assert "Works" not in html


def test_the_administration_leads_to_the_portal(owner: Client, new_desk: Desk) -> None:
    answer = owner.get(reverse("admin:integrations_desk_change", args=[new_desk.pk]))

    assert answer["Location"] == page_of(new_desk)


def test_strangers_and_staff_without_the_role_do_not_see_it(
    client: Client, desk: Desk, charlie: User, bob: User
) -> None:
    assert client.get(page_of(desk)).status_code == 302
    client.force_login(charlie)
    assert client.get(page_of(desk)).status_code == 404
    bob.is_staff = True
    bob.save()
    client.force_login(bob)

    assert client.get(page_of(desk)).status_code == 403
    assert take(client, desk, "switch").status_code == 403
    assert desk.is_active
