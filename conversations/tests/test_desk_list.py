"""What the live desk lists: its tabs, its pages, what changed in it."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from conversations.tests.factories import ConversationFactory
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db

# --- The desk: its list -------------------------------------------------------


@pytest.fixture
def desk(client, bob):
    """Bob's browser."""
    client.force_login(bob)
    return client


def rows_in(response) -> list[str]:
    """The conversations that a part of the list shows, in order."""
    parts = response.content.decode().split('data-row="')[1:]
    return [part[:36] for part in parts]


def test_the_desk_lists_conversations_newest_first(desk, channel):
    now = timezone.now()
    older = ConversationFactory(channel=channel, last_message_at=now)
    newer = ConversationFactory(
        channel=channel, last_message_at=now + dt.timedelta(seconds=1)
    )

    response = desk.get("/desk/")

    assert rows_in(response) == [str(newer.uuid), str(older.uuid)]


def test_the_desk_needs_sign_in(client, conversation):
    response = client.get("/desk/")

    assert response.status_code == 302
    assert response["Location"] == "/login/?next=/desk/"


def test_the_desk_is_found_without_its_slash(desk):
    assert desk.get("/desk")["Location"] == "/desk/"


def test_the_desk_hides_other_accounts(client, conversation, charlie):
    client.force_login(charlie)

    assert rows_in(client.get("/desk/")) == []
    assert rows_in(client.get("/desk/rows/")) == []


def test_the_desk_is_not_there_for_who_works_for_no_account(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("dora"))

    assert client.get("/desk/").status_code == 404


def test_a_superuser_sees_every_account_by_name(client, conversation, admin_user):
    ConversationFactory(channel=ChannelFactory())
    client.force_login(admin_user)

    response = client.get("/desk/")

    assert len(rows_in(response)) == 2
    assert "Alice&#x27;s Shop" in response.content.decode()


def test_with_too_many_accounts_the_list_is_read_again_instead(
    client, conversation, admin_user, monkeypatch
):
    monkeypatch.setattr("conversations.desk.MOST_CURSORS", 0)
    client.force_login(admin_user)

    page = client.get("/desk/").content.decode()

    assert 'id="cursors"' not in page
    assert str(conversation.uuid) in page


@pytest.mark.parametrize("name", ["desk", "desk-rows", "desk-changes"])
def test_the_list_refuses_post(desk, conversation, name):
    assert desk.post(reverse(name)).status_code == 405


@pytest.mark.parametrize(
    ("tab", "expected"),
    [
        ("all", {"active", "wanted", "support", "closed"}),
        ("needs_person", {"wanted"}),
        ("active", {"active", "wanted"}),
        ("support_active", {"support"}),
        ("closed", {"closed"}),
        ("nonsense", {"active", "wanted", "support", "closed"}),
    ],
)
def test_tabs_filter_the_list(desk, channel, tab, expected):
    rows = {
        "active": ConversationFactory(channel=channel),
        "wanted": ConversationFactory(channel=channel, needs_person=True),
        "support": ConversationFactory(channel=channel, status="support_active"),
        "closed": ConversationFactory(channel=channel, status="closed"),
    }

    found = rows_in(desk.get("/desk/", {"filter": tab}))

    assert set(found) == {str(rows[name].uuid) for name in expected}


def test_the_list_goes_on_where_it_stopped(desk, channel, monkeypatch):
    monkeypatch.setattr("conversations.desk.ROWS", 2)
    at = timezone.now()
    # All at one time: the place in the list must not depend on the time alone.
    made = [ConversationFactory(channel=channel, last_message_at=at) for _ in range(5)]

    found: list[str] = []
    before = ""
    for _ in range(3):
        response = desk.get("/desk/rows/", {"before": before})
        found += rows_in(response)
        page = response.content.decode()
        before = (
            page.split('data-more="')[1].split('"')[0] if "data-more" in page else ""
        )

    assert found == [str(each.uuid) for each in reversed(made)]
    assert before == ""


def test_a_list_costs_the_same_whatever_its_length(
    desk, channel, django_assert_num_queries
):
    ConversationFactory.create_batch(3, channel=channel, unread=2)

    # Session, user, membership twice, accounts, rows, and three that go with them.
    with django_assert_num_queries(9):
        desk.get("/desk/rows/")


@pytest.mark.parametrize("before", ["x", "1.2.3", "99999999999999999999.x", "1.no-id"])
def test_a_place_that_is_none_is_refused(desk, conversation, before):
    assert desk.get("/desk/rows/", {"before": before}).status_code == 400


def test_changes_are_those_after_a_number(desk, account, channel):
    ConversationFactory(channel=channel, seq=3)
    newer = ConversationFactory(channel=channel, seq=4)

    response = desk.get("/desk/changes/", {"after": f"{account.uuid}:3"})

    assert rows_in(response) == [str(newer.uuid)]
    assert 'data-complete="true"' in response.content.decode()


def test_a_change_that_left_the_tab_says_so(desk, account, channel):
    ConversationFactory(channel=channel, seq=1, status="closed")

    response = desk.get(
        "/desk/changes/", {"after": f"{account.uuid}:0", "filter": "active"}
    )

    assert 'data-listed="false"' in response.content.decode()


def test_changes_come_in_parts_when_they_are_many(desk, account, channel, monkeypatch):
    monkeypatch.setattr("conversations.desk.CHANGES", 2)
    made = [ConversationFactory(channel=channel, seq=seq) for seq in (1, 2, 3)]

    response = desk.get("/desk/changes/", {"after": f"{account.uuid}:0"})

    assert rows_in(response) == [str(each.uuid) for each in made[:2]]
    assert 'data-complete="false"' in response.content.decode()


def test_changes_of_other_accounts_stay_hidden(client, account, conversation, charlie):
    client.force_login(charlie)

    response = client.get("/desk/changes/", {"after": f"{account.uuid}:0"})

    assert response.status_code == 200
    assert rows_in(response) == []


@pytest.mark.parametrize("after", ["x", "x:1", f"{uuid.uuid4()}:-1", ":"])
def test_a_number_that_is_none_is_refused(desk, after):
    assert desk.get("/desk/changes/", {"after": after}).status_code == 400


def test_changes_need_sign_in(client, account):
    response = client.get("/desk/changes/", {"after": f"{account.uuid}:0"})

    assert response.status_code == 302
