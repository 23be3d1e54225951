"""The owner's page of analytics: figures and drawings, filters, and the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ai_model.analytics import feeding, settling
from ai_model.tests.activity import Clock, Traffic

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

pytestmark = pytest.mark.django_db

PAGE = "/admin/ai_model/tally/"


@pytest.fixture
def traffic(monkeypatch: Any, channel: Any, chatwoot: Any) -> Traffic:
    found = Traffic(Clock(monkeypatch), [channel, chatwoot], seed=3)
    for _ in range(12):
        found.ask()
        found.clock.pass_by(hours=5)
    feeding.feed()
    settling.settle()
    return found


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def read(client: Client, **asked: Any) -> str:
    response = client.get(PAGE, asked)
    assert response.status_code == 200
    return str(response.content.decode())


def test_an_owner_gets_there_from_the_first_page(client: Client, alice: User) -> None:
    client.force_login(alice)

    index = client.get(reverse("admin:index")).content.decode()

    assert f'href="{PAGE}"' in index


def test_it_shows_figures_drawings_and_the_same_as_tables(
    client: Client, alice: User, traffic: Traffic
) -> None:
    client.force_login(alice)

    html = read(client)

    assert html.count('<rect class="answered"') > 30
    shown = words(html)
    for text in ("Questions by day", "Why questions were handed over", "Channels"):
        assert text in shown
    assert "The same as a table" in shown


def test_nothing_in_it_needs_what_the_policy_forbids(
    client: Client, alice: User, traffic: Traffic
) -> None:
    client.force_login(alice)

    own = read(client).partition('<div class="analytics">')[2].partition("</main>")[0]

    assert "<svg" in own
    assert " style=" not in own
    assert not re.search(r"\son\w+=|<script", own)


@pytest.mark.parametrize("lang", ["ru", "es", "mn"])
def test_drawings_have_plain_numbers_in_every_language(
    client: Client, alice: User, traffic: Traffic, lang: str
) -> None:
    client.force_login(alice)

    html = client.get(PAGE, headers={"accept-language": lang}).content.decode()

    assert not re.search(r'(?:x|y|width|height)="[^"]*,', html)


def test_a_year_is_drawn_by_weeks(
    client: Client, alice: User, traffic: Traffic
) -> None:
    client.force_login(alice)

    html = read(client, days=365)

    assert "Questions by week" in html
    assert html.count("<g>") == 53


@pytest.mark.parametrize("lang", ["en", "mn"])
@pytest.mark.parametrize("days", [7, 30, 90, 365])
def test_the_last_day_stands_below_its_bar_and_no_label_in_another(
    client: Client, alice: User, traffic: Traffic, days: int, lang: str
) -> None:
    client.force_login(alice)
    asked = {"days": days}

    html = client.get(PAGE, asked, headers={"accept-language": lang}).content.decode()

    bars = re.findall(r"<title>([^:]+):", html)
    labels = re.findall(r'<text class="below([^"]*)" x="([^"]+)"[^>]*>([^<]+)', html)
    assert labels[-1][2] == bars[-1]
    ends = [0.0]
    for how, x, text in labels:
        # As wide as on a phone; one that ends with its bar lies all to the left of it.
        wide = len(text) * 10
        start = float(x) - (wide if "is-last" in how else wide / 2)
        assert start >= ends[-1]
        ends.append(start + wide + 10)
    assert ends[-1] <= 770
    assert len(labels) >= 3


def test_it_is_narrowed_to_a_channel(
    client: Client, alice: User, traffic: Traffic
) -> None:
    client.force_login(alice)
    channel = traffic.channels[1]

    rows = read(client, channel=channel.uuid).partition("<h2>Channels</h2>")[2]

    assert f"<td>{channel.name}</td>" in rows
    assert "<td>Website</td>" not in rows


@pytest.mark.parametrize(
    "asked",
    [{"days": "3"}, {"days": "x"}, {"channel": "x"}, {"account": "x"}, {"file": "x"}],
)
def test_nonsense_shows_the_last_thirty_days(
    client: Client, alice: User, traffic: Traffic, asked: dict[str, str]
) -> None:
    client.force_login(alice)

    assert read(client, **asked).count("<g>") == 30


def test_the_file_holds_what_is_shown(
    client: Client, alice: User, traffic: Traffic
) -> None:
    client.force_login(alice)

    response = client.get(PAGE, {"file": "csv", "channel": traffic.channels[0].uuid})

    assert response["Content-Type"].startswith("text/csv")
    lines = response.content.decode().splitlines()
    assert len(lines) > 1
    assert all(",web,Website," in line for line in lines[1:])


def test_without_anything_it_says_so(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    assert "Nothing happened in these days yet" in read(client)


def test_figures_of_others_are_not_shown(
    client: Client, charlie: User, account: Account, traffic: Traffic
) -> None:
    client.force_login(charlie)

    for asked in ({}, {"account": account.uuid}, {"channel": traffic.channels[0].uuid}):
        assert "Nothing happened in these days yet" in read(client, **asked)


def test_it_is_for_owners(client: Client, bob: User, traffic: Traffic) -> None:
    assert client.get(PAGE).status_code == 302
    bob.is_staff = True
    bob.save()
    client.force_login(bob)

    assert client.get(PAGE).status_code == 403
