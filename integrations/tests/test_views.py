"""The address at which a desk says that a ticket has changed."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.tests.asgi import call
from integrations import following
from integrations.models import FollowedTicket
from integrations.tests.factories import HOOK_SECRET, HOOK_TOKEN

if TYPE_CHECKING:
    from integrations.models import Desk

PAYLOADS = Path(__file__).parent / "payloads" / "freshdesk"


@pytest.fixture
def ticket(transactional_db: None, desk: Desk) -> FollowedTicket:
    following.follow(desk, "101")
    return FollowedTicket.objects.get()


def hint(desk: Desk, body: bytes, **how: Any) -> Any:
    token = how.pop("token", HOOK_TOKEN)
    headers = {"x-webhook-secret": how.pop("secret", HOOK_SECRET)}
    path = f"/webhooks/desk/{how.pop('uuid', desk.uuid)}/{token}"
    return call(path, body, headers=headers, **how)


@pytest.mark.parametrize("path", sorted(PAYLOADS.iterdir()), ids=lambda path: path.stem)
def test_a_hint_in_any_shape_has_the_ticket_read(
    desk: Desk, ticket: FollowedTicket, path: Path, freshdesk: Any
) -> None:
    answer = hint(desk, path.read_bytes())

    ticket.refresh_from_db()
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert ticket.due_at is not None
    assert freshdesk.calls == []  # the answer waits for nobody


@pytest.mark.parametrize(
    "how",
    [
        {"token": "other"},
        {"secret": "other"},
        {"secret": ""},
        {"secret": "ключ".encode().decode("latin-1")},
    ],
    ids=["token", "secret", "no secret", "foreign letters"],
)
def test_both_secrets_are_needed(
    desk: Desk, ticket: FollowedTicket, how: dict[str, str]
) -> None:
    answer = hint(desk, b'{"ticket_id": 101}', **how)

    ticket.refresh_from_db()
    assert (answer.status, answer.json["code"]) == (401, "invalid_signature")
    assert ticket.due_at is None


def test_a_desk_whose_secrets_are_lost_takes_nothing(
    desk: Desk, ticket: FollowedTicket
) -> None:
    desk.credentials = {"domain": "shop", "api_key": "key", "hook_token": "t"}
    desk.save()

    assert hint(desk, b'{"ticket_id": 101}', token="t", secret="").status == 401


def test_a_ticket_that_is_not_ours_is_no_error(
    desk: Desk, ticket: FollowedTicket
) -> None:
    assert hint(desk, b'{"ticket_id": 999}').status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"ticket_id": "x"}', b'{"ticket_id": 1' + b"0" * 30 + b"}"]
)
def test_a_body_without_a_ticket_is_refused(
    desk: Desk, ticket: FollowedTicket, body: bytes
) -> None:
    answer = hint(desk, body)

    assert (answer.status, answer.json["code"]) == (400, "invalid_payload")


def test_an_unknown_or_paused_desk_is_not_there(
    desk: Desk, ticket: FollowedTicket
) -> None:
    assert hint(desk, b"{}", uuid=uuid.uuid4()).status == 404
    desk.is_active = False
    desk.save()

    assert hint(desk, b'{"ticket_id": 101}').status == 404


def test_another_desks_secrets_open_nothing(desk: Desk, ticket: FollowedTicket) -> None:
    from integrations.tests.factories import DeskFactory

    other = DeskFactory(
        credentials={**desk.credentials, "hook_token": "a", "hook_secret": "b"}
    )

    assert hint(other, b'{"ticket_id": 101}').status == 401
    hint(other, b'{"ticket_id": 101}', token="a", secret="b")

    ticket.refresh_from_db()
    assert ticket.due_at is None


def test_only_post_is_taken(desk: Desk, ticket: FollowedTicket) -> None:
    answer = hint(desk, b"", method="GET")

    assert answer.status == 405
    assert json.loads(answer.body)["code"] == "method_not_allowed"
