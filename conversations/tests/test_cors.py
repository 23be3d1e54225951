"""Pages of other sites: those that a channel lists, and all others."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import Message
from conversations.tests.test_api import PATH, body
from core.tests.asgi import Answer, call, call_json
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)

SHOP = "https://shop.example"
OTHER = "https://other.example"
EVIL = "https://evil.example"
ALLOWED = "access-control-allow-origin"


@pytest.fixture
def channel(channel: Any) -> Any:
    channel.allowed_origins = [SHOP]
    channel.save()
    return channel


@pytest.fixture
def other(channel: Any) -> Any:
    return ChannelFactory(allowed_origins=[OTHER])


def preflight(path: str = PATH, origin: str = SHOP, query: str = "") -> Answer:
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-channel-key",
    }
    return call(path, method="OPTIONS", headers=headers, query=query)


def ask(origin: str, **headers: str) -> Answer:
    return call_json(PATH, body("Hello"), headers={"origin": origin, **headers})


def test_a_listed_page_may_ask_and_read(engine: Any, channel: Any) -> None:
    answer = ask(SHOP)

    assert answer.status == 200
    assert answer.headers[ALLOWED] == SHOP
    assert "Origin" in answer.headers["vary"]
    assert answer.headers["access-control-expose-headers"] == "Retry-After"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_foreign_page_may_not_and_nothing_is_stored(channel: Any) -> None:
    answer = ask(EVIL)

    assert (answer.status, answer.json["code"]) == (403, "foreign_origin")
    assert answer.headers["content-length"] == str(len(answer.body))
    assert ALLOWED not in answer.headers
    assert "Origin" in answer.headers["vary"]
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "origin", ["null", f"{SHOP}.evil.example", "http://shop.example", f"{SHOP}:8443"]
)
def test_only_the_very_origin_counts(channel: Any, origin: str) -> None:
    assert ask(origin).status == 403
    assert preflight(origin=origin).status == 403


@pytest.mark.parametrize("origin", ["http://localhost", "https://localhost"])
def test_our_own_pages_need_no_list(engine: Any, channel: Any, origin: str) -> None:
    answer = ask(origin)

    assert answer.status == 200
    assert ALLOWED not in answer.headers


def test_our_public_address_is_our_own(
    engine: Any, channel: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://desk.example"

    assert ask("https://desk.example").status == 200


def test_a_program_that_names_no_page_is_answered(engine: Any, channel: Any) -> None:
    answer = call_json(PATH, body("Hello"))

    assert answer.status == 200
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        "/api/agent-failure/",
        "/api/feedback",
        "/api/health",
        "/api/chat/x/messages",
    ],
)
def test_who_asks_first_is_told_what_may_be_sent(channel: Any, path: str) -> None:
    answer = preflight(path)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers[ALLOWED] == SHOP
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert "X-Channel-Key" in answer.headers["access-control-allow-headers"]
    assert "Origin" in answer.headers["vary"]


def test_who_asks_first_without_a_key_may_be_any_channels(
    channel: Any, other: Any
) -> None:
    assert preflight(origin=OTHER).status == 204
    # What follows is about one channel.
    assert ask(OTHER).status == 403


def test_who_asks_first_with_a_key_is_that_channels(channel: Any, other: Any) -> None:
    query = f"key={other.key}"

    assert preflight(origin=OTHER, query=query).status == 204
    assert preflight(origin=SHOP, query=query).status == 403
    refused = preflight(query="key=unknown")
    assert (refused.status, refused.headers["content-length"]) == (
        404, str(len(refused.body)),
    )  # fmt: skip


def test_a_key_in_the_header_names_the_channel(
    engine: Any, channel: Any, other: Any
) -> None:
    named = {"x-channel-key": other.key}

    assert ask(OTHER, **named).headers[ALLOWED] == OTHER
    assert ask(SHOP, **named).status == 403


def test_a_channel_that_is_switched_off_lists_nothing(channel: Any, other: Any) -> None:
    other.is_active = False
    other.save()

    assert preflight(origin=OTHER).status == 403


def test_errors_can_be_read_too(channel: Any, settings: Any) -> None:
    sent = {"headers": {"origin": SHOP, "content-type": "application/json"}}
    answers = [
        call(PATH, b"{", **sent),
        call(PATH, method="GET", **sent),
        call("/api/agent/nobody/", b"{}", **sent),
        call("/api/feedback/", b"{}", **sent),
        call("/api/agent/customer", b"{}", **sent),
    ]

    assert [each.status for each in answers] == [400, 405, 404, 404, 404]
    assert {each.headers[ALLOWED] for each in answers[:3]} == {SHOP}
    assert {each.headers.get(ALLOWED) for each in answers[3:]} == {SHOP}


def test_a_rate_limit_can_be_read_too(engine: Any, channel: Any, settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = "1/hour"
    ask(SHOP)

    answer = ask(SHOP)

    assert (answer.status, answer.headers[ALLOWED]) == (429, SHOP)


@pytest.mark.parametrize(("origin", "allowed"), [(SHOP, SHOP), (EVIL, None)])
def test_whether_we_are_well_is_read_by_listed_pages(
    channel: Any, origin: str, allowed: str | None
) -> None:
    answer = call("/api/health", method="GET", headers={"origin": origin})

    assert answer.status == 200
    assert answer.headers.get(ALLOWED) == allowed


def test_other_paths_know_no_other_sites(channel: Any) -> None:
    answer = call("/login/", method="GET", headers={"origin": SHOP})

    assert ALLOWED not in answer.headers


def test_without_a_preflight_options_is_not_a_method(channel: Any) -> None:
    answer = call(PATH, method="OPTIONS", headers={"origin": SHOP})

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_djangos_plain_requests_work_too(channel: Any, client: Any) -> None:
    refused = client.post(
        "/api/feedback", {}, "application/json", headers={"origin": EVIL}
    )
    listed = client.post(
        "/api/feedback", {}, "application/json", headers={"origin": SHOP}
    )

    assert refused.status_code == 403
    assert (listed.status_code, listed.headers["Access-Control-Allow-Origin"]) == (
        400,
        SHOP,
    )
