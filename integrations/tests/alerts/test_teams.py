"""Alerts in Microsoft Teams: addresses, cards, answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from django.utils import translation

from core.exceptions import PermanentProviderError, TemporaryProviderError
from integrations import alerts
from integrations.alerts import card
from integrations.alerts.teams import TeamsAlertAdapter
from integrations.rehearsal.teams import PATH, QUERY, TeamsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = json.loads(
    Path(__file__)
    .with_name("contracts")
    .joinpath("adaptive-card-1.4.0.schema.json")
    .read_text("utf-8")
)
HOST = "b6.07.environment.api.powerplatform.com"
URL = f"https://{HOST}:443{PATH}?{QUERY}"
ALERT = alerts.Alert(
    reference=uuid.uuid4(),
    reason="AI хариулт олдсонгүй",
    customer="customer@email.com",
    text="Би ажилтантай ярилцмаар байна...",
    at=dt.datetime(2024, 1, 15, 14, 30, tzinfo=dt.UTC),
    url="https://desk.example/desk/7f3a/",
    take_url="https://desk.example/escalations/7f3a/take/",
    provider_url="https://chat.example/app/accounts/3/conversations/418",
    provider="Chatwoot",
)


@pytest.fixture
def teams(settings: Any) -> Iterator[TeamsServer]:
    with TeamsServer() as server:
        settings.TEAMS_WEBHOOK_URL = server.url
        yield server


def adapter(url: str = URL, lang: str = "en", **more: str) -> TeamsAlertAdapter:
    facts = alerts.AlertFacts(1, "Shop", (), {"url": url, **more}, lang)
    return TeamsAlertAdapter(facts)


def send(which: TeamsAlertAdapter, alert: alerts.Alert = ALERT) -> None:
    asyncio.run(which.send(alert))


def shown(alert: alerts.Alert = ALERT, lang: str = "en") -> dict[str, Any]:
    with translation.override(lang):
        (attachment,) = card.message(alert)["attachments"]
    content: dict[str, Any] = attachment["content"]
    return content


def words(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)


# --- Cards --------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "mn", "ru", "es"])
@pytest.mark.parametrize(
    "alert",
    [
        ALERT,
        replace(ALERT, text="", url="", take_url="", provider_url="", problem="x"),
        replace(
            ALERT,
            others=(alerts.Waiting("Bat", "No answer"),) * 40,
            list_url="https://d",
        ),
    ],
    ids=["whole", "bare", "summary"],
)
def test_cards_are_what_the_published_schema_wants(
    alert: alerts.Alert, lang: str
) -> None:
    content = shown(alert, lang)
    assert content.pop("msteams") == {"width": "Full"}

    jsonschema.Draft6Validator(SCHEMA).validate(content)
    assert {each["type"] for each in content["actions"]} <= {"Action.OpenUrl"}
    assert all(each.get("wrap", True) for each in content["body"])
    assert content["fallbackText"] == content["body"][0]["text"]


def test_the_documented_card_in_mongolian() -> None:
    content = shown(lang="mn")
    title, facts, text = content["body"]

    assert title["text"] == "🚨 Хэрэглэгч ажилтантай холбогдохыг хүсч байна"
    assert [(each["title"], each["value"]) for each in facts["facts"]] == [
        ("Шалтгаан:", "AI хариулт олдсонгүй"),
        ("Харилцагч:", "customer@email.com"),
        ("Хугацаа:", "2024-01-15 14:30:00"),
    ]
    assert text["text"] == "Мессеж: Би ажилтантай ярилцмаар байна..."
    assert content["actions"][0] == {
        "type": "Action.OpenUrl",
        "title": "Chatwoot дээр харах",
        "url": "https://chat.example/app/accounts/3/conversations/418",
    }


def test_what_customers_write_is_no_markup() -> None:
    evil = (
        "[click](https://evil.example) **bold** <at>all</at> # x\n- y `z` \u202eabc\x07"
    )
    content = shown(replace(ALERT, text=evil, customer="*Bat* [x](y)", problem="_p_"))

    text = content["body"][2]["text"]
    assert r"\[click\]\(https://evil.example\)" in text
    assert r"\*\*bold\*\*" in text
    assert "\u202e" not in text
    assert "\x07" not in text
    assert r"\*Bat\* \[x\]\(y\)" in words(content).replace("\\\\", "\\")


def test_a_card_stays_under_the_limit() -> None:
    long = "*😀" * 20_000
    alert = replace(
        ALERT,
        text=long,
        customer=long,
        reason=long,
        problem=long,
        url=f"https://d/{long}",
    )
    many = tuple(alerts.Waiting(long, long) for _ in range(300))

    for each in (alert, replace(alert, others=many)):
        body = json.dumps(card.message(each)).encode()
        assert len(body) < card.MOST_BYTES


def test_a_burst_is_one_card_that_counts() -> None:
    others = tuple(alerts.Waiting(f"Customer {n}", "No answer") for n in range(12))
    content = shown(
        replace(ALERT, others=others, list_url="https://desk.example/desk/")
    )

    assert content["body"][0]["text"] == "🚨 Customers who wait for a person: 13"
    facts = content["body"][1]["facts"]
    assert len(facts) == 11
    assert facts[-1]["value"] == "+3"
    assert [each["url"] for each in content["actions"]] == [
        "https://desk.example/desk/"
    ]


# --- Addresses ----------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.webhook.office.com/webhookb2/1/IncomingWebhook/2/3",
        "https://outlook.office.com/webhook/1",
    ],
)
def test_old_connectors_are_refused_with_the_reason(url: str, settings: Any) -> None:
    assert "Workflows" in adapter(url).refusal()
    settings.TEAMS_WEBHOOK_URL = url
    assert "Workflows" in adapter(url).refusal()
    with pytest.raises(PermanentProviderError, match="Workflows"):
        send(adapter(url))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no address",
        URL.replace("https", "http"),
        URL.replace(":443", ":8443"),
        URL.replace(":443", ":99999"),
        URL.replace("https://", "https://user:pw@"),
        f"https://{HOST}.evil.example{PATH}",
        f"https://evil{HOST.partition('07.')[2]}{PATH}",
        "https://127.0.0.1/x",
        "https://logic.azure.com.evil.example/",
        f"https://{HOST}/{'x' * 2000}",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    assert adapter(url).refusal()


def test_flows_are_taken_and_former_ones_with_a_warning() -> None:
    former = (
        "https://prod-07.westeurope.logic.azure.com:443/workflows/1/triggers/manual"
    )

    assert (adapter().refusal(), adapter().warning()) == ("", "")
    assert adapter(former).refusal() == ""
    assert "powerplatform" in adapter(former).warning()


# --- Sending ------------------------------------------------------------------


def test_a_card_arrives_by_the_address_as_it_was_given(teams: TeamsServer) -> None:
    send(adapter(teams.url, lang="mn", secret="s3cret"))

    ((line, headers),) = teams.calls
    assert line == f"POST {PATH}?{QUERY} HTTP/1.1"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Alert-Secret"] == "s3cret"
    assert teams.failed_runs == []
    assert teams.cards[0]["body"][0]["text"].startswith("🚨 Хэрэглэгч")


def test_the_query_of_a_flow_is_not_written_anew(network: Any) -> None:
    network.answer(202)

    send(adapter())

    (request,) = network.requests
    assert request.url.raw_path.decode() == f"{PATH}?{QUERY}"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "damaged"),
        (401, "Anyone"),
        (403, "Anyone"),
        (404, "deleted"),
        (410, "deleted"),
    ],
)
def test_what_is_final_says_how_to_mend_it_and_hides_the_address(
    teams: TeamsServer, status: int, words: str
) -> None:
    teams.faults.append(str(status))

    with pytest.raises(PermanentProviderError, match=words) as caught:
        send(adapter(teams.url))

    assert "sig" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "pause"), [("429", 60.0), ("408", None), ("503", None), ("hang_up", None)]
)
def test_what_passes_is_tried_again(
    teams: TeamsServer, fault: str, pause: float | None
) -> None:
    teams.faults.append(fault)

    with pytest.raises(TemporaryProviderError) as caught:
        send(adapter(teams.url))

    assert type(caught.value) is TemporaryProviderError
    assert caught.value.retry_after == pause


def test_what_is_too_large_is_shortened_once(teams: TeamsServer) -> None:
    teams.faults.append("413")

    send(adapter(teams.url))

    assert "Мессеж" not in words(teams.cards[0])
    assert len(teams.cards[0]["body"]) == 2
    teams.faults.extend(["413", "413"])
    with pytest.raises(PermanentProviderError):
        send(adapter(teams.url))
