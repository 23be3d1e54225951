"""Our calls of Chatwoot and the stand-in's answers, against the published documents."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from core.exceptions import ConversationGone, CredentialsRefused, ProviderError
from integrations.adapters.base import Outbound
from integrations.rehearsal.chatwoot_account import ACCOUNT
from integrations.tests.chatwoot import Rehearsal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.adapters.chatwoot import ChatwootAdapter

CONTRACT = json.loads(
    (Path(__file__).parent / "contracts" / "chatwoot.json").read_text("utf-8")
)
#: Values for the places in a path.
_PLACES = re.compile(r"\{[a-z_]+\}")


def operation(method: str, path: str) -> Any:
    """The published description of a call; a path may be below the account."""
    whole = path if path.startswith("/") else f"/api/v1/accounts/{ACCOUNT['id']}/{path}"
    for name, found in CONTRACT["operations"].items():
        verb, _, pattern = name.partition(" ")
        if verb == method and re.fullmatch(_PLACES.sub(r"[0-9]+", pattern), whole):
            return found
    raise AssertionError(f"{method} {whole} is not published")


def conforms(value: Any, schema: Any) -> None:
    whole = {**schema, "components": CONTRACT["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def known_fields(schema: Any) -> set[str]:
    """Names of the fields of an object; empty where it may have any."""
    if "$ref" in schema:
        return known_fields(
            CONTRACT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        )
    return set(schema.get("properties", ()))


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        made.account.customer_writes("Where is my parcel?")
        yield made


def outbound(kind: Any, number: int = 401, text: str = "Three days.") -> Outbound:
    context = {
        "summary": "Where?",
        "sources": ["Delivery"],
        "link": "https://d.example",
    }
    return Outbound(kind, "ref-1", {"conversation": str(number)}, text, context)


def do_everything(adapter: ChatwootAdapter) -> None:
    """Each call that we ever make."""

    async def calls() -> None:
        await adapter.show_typing({"conversation": "401"})
        await adapter.look("401", {"conversation": "401"})
        for kind in ("text", "note", "hand_off", "hand_back"):
            await adapter.send(outbound(kind))
        await adapter.find_sent(outbound("text"))
        await adapter.missed(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        await adapter.check()

    asyncio.run(calls())


def test_every_call_of_ours_is_published(rehearsal: Rehearsal) -> None:
    do_everything(rehearsal.adapter(handoff_label="needs-person"))

    made = {(call.method, re.sub(r"\d+", "0", call.path)) for call in rehearsal.calls}
    assert len(made) == 10
    for call in rehearsal.calls:
        found = operation(call.method, call.path)
        assert set(call.query) <= set(found["query"])
        for name, value in call.query.items():
            kind = found["query"][name]["type"]
            conforms(int(value) if kind == "integer" else value, found["query"][name])
        if call.method == "POST":
            conforms(call.body, found["body"])
            assert set(call.body) <= known_fields(found["body"])


def test_every_answer_of_the_stand_in_is_published(rehearsal: Rehearsal) -> None:
    do_everything(rehearsal.adapter(handoff_label="needs-person"))

    checked = 0
    for call, reply in rehearsal.answers:
        answers = operation(call.method, call.path)["answers"]
        value = reply.content
        if call.path.endswith("/agent_bot"):
            # Published as 204 and without its wrapping.
            conforms(value["agent_bot"], answers["204"])
        elif reply.content is not None and str(reply.status) in answers:
            conforms(value, answers[str(reply.status)])
            checked += 1
    assert checked >= 12


@pytest.mark.parametrize("number", [401, 999])
def test_refusals_are_published_too(rehearsal: Rehearsal, number: int) -> None:
    token = "wrong" if number == 401 else None
    adapter = rehearsal.adapter(**({"bot_token": token} if token else {}))

    with pytest.raises(CredentialsRefused if token else ConversationGone):
        asyncio.run(adapter.send(outbound("text", number)))

    ((_, reply),) = rehearsal.answers
    answers = operation("POST", "conversations/1/toggle_typing_status")["answers"]
    conforms(reply.content, answers[str(reply.status)])


@pytest.mark.parametrize("action", ["messages", "labels"])
def test_the_stand_in_keeps_a_bots_token_to_its_calls(
    rehearsal: Rehearsal, action: str
) -> None:
    adapter = rehearsal.adapter(user_token=rehearsal.bot_token)

    if action == "labels":
        asyncio.run(adapter.send(outbound("hand_off")))
        return
    with pytest.raises(ProviderError, match="may not do this"):
        asyncio.run(adapter.find_sent(outbound("text")))
