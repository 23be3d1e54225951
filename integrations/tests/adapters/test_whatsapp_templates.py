"""What may be said on WhatsApp after the window has closed."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import pytest

from core import http
from core.exceptions import InvalidPayload, PermanentProviderError, ReplyWindowClosed
from integrations import adapters
from integrations.adapters.base import Outbound
from integrations.adapters.inbound import InboundReport
from integrations.adapters.whatsapp_templates import Template
from integrations.rehearsal.meta import BUSINESS, MetaServer
from integrations.tests.adapters.cases import CASES, payload

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 24 * 3600
REPLY = Template("reply_later", "en", "Hello {{1}}, about your question: {{2}}")
CHOSEN = REPLY.with_values(["{name}", "{reply}"])


@pytest.fixture
def meta(settings: Any) -> Iterator[MetaServer]:
    with MetaServer("whatsapp") as server:
        settings.META_GRAPH_BASE_URL = server.url
        server.heard["9001"] = time.time() - 2 * DAY
        yield server


def adapter_of(template: Template | None = CHOSEN, **credentials: str) -> Any:
    facts = CASES["whatsapp"].facts
    known = {**facts.credentials, "business_account_id": BUSINESS, **credentials}
    if template is not None:
        known["template"] = template.dump()
    facts = dataclasses.replace(facts, credentials=known)
    return adapters.get("whatsapp")(facts)


def late(
    kind: Any = "template", text: str = "It has\narrived.", **how: Any
) -> Outbound:
    how = {"is_by_person": True, "context": {"name": "Bat"}, **how}
    address = {"to": "9001", "at": time.time() - 2 * DAY, "message": "wamid.in1"}
    return Outbound(kind=kind, reference="r", address=address, text=text, **how)


def send(template: Template | None, what: Outbound) -> str:
    return str(http.run(adapter_of(template).send(what)))


def test_a_persons_words_leave_in_the_template(meta: MetaServer) -> None:
    assert send(CHOSEN, late()) == "wamid.1"

    read = "Hello Bat, about your question: It has arrived."
    assert meta.texts == [read]
    assert adapter_of().template_text("It has\narrived.", "Bat") == read
    assert meta.problems == []


def test_places_may_have_names(meta: MetaServer) -> None:
    named = Template("order_update", "en_US", "Order {{order}} is on its way.")

    send(named.with_values(["{reply}"]), late(text="7 🚚"))

    (parameter,) = meta.sent[0]["template"]["components"][0]["parameters"]
    assert parameter == {"type": "text", "text": "7 🚚", "parameter_name": "order"}
    assert meta.texts == ["Order 7 🚚 is on its way."]


def test_a_template_without_places_says_what_it_says(meta: MetaServer) -> None:
    fixed = Template("write_again", "mn", "Танд хариу байна. Бидэнд дахин бичээрэй.")

    send(fixed.with_values([]), late())

    assert meta.texts == [fixed.body]


@pytest.mark.parametrize(
    "what",
    [late("text"), late(is_by_person=False), late("text", is_by_person=False)],
    ids=["a person's plain words", "the assistant's template", "the assistant's words"],
)
def test_nothing_else_leaves_after_the_window(meta: MetaServer, what: Outbound) -> None:
    with pytest.raises(ReplyWindowClosed):
        send(CHOSEN, what)

    assert meta.sent == []


def test_without_a_template_nothing_leaves(meta: MetaServer) -> None:
    with pytest.raises(ReplyWindowClosed):
        send(None, late())

    assert adapter_of(None).template_text("x", "Bat") == ""
    assert meta.sent == []


@pytest.mark.parametrize(
    ("template", "status"),
    [
        (Template("unknown", "en", "Hi."), 404),
        (Template("reply_later", "mn", REPLY.body, ("a", "b")), 404),
        (Template("not_yet", "en", "Not yet."), 400),
        (Template("reply_later", "en", "Hello {{1}}", ("a",)), 400),
    ],
    ids=["unknown", "another language", "not approved", "too few places"],
)
def test_a_template_that_meta_refuses_is_not_repeated(
    meta: MetaServer, template: Template, status: int
) -> None:
    with pytest.raises(PermanentProviderError) as caught:
        send(template, late())

    assert caught.value.status == status


def test_what_is_too_long_is_refused_before_it_leaves() -> None:
    with pytest.raises(InvalidPayload, match="1024"):
        CHOSEN.text("a" * 1000, "Bat")
    with pytest.raises(InvalidPayload, match="2 places"):
        REPLY.with_values(["{reply}"])
    with pytest.raises(InvalidPayload):
        REPLY.with_values(["{reply}", " "])


def test_words_that_look_like_a_place_stay_as_they_are() -> None:
    assert CHOSEN.text("{name} {{1}}", "{reply}") == (
        "Hello {reply}, about your question: {name} {{1}}"
    )


def test_only_what_needs_nothing_but_words_is_offered(meta: MetaServer) -> None:
    known = http.run(adapter_of().templates())

    names = [each.name for each in known]
    assert names == ["reply_later", "write_again", "order_update"]


@pytest.mark.parametrize(
    ("template", "credentials", "words"),
    [
        (CHOSEN, {}, ""),
        (Template("not_yet", "en", "Not yet."), {}, "is not approved"),
        (Template("reply_later", "en", "Hi."), {}, "reads differently"),
        (CHOSEN, {"access_token": "old"}, "access token"),
    ],
    ids=["good", "not approved", "changed", "no permission"],
)
def test_the_check_looks_whether_it_is_still_approved(
    meta: MetaServer, template: Template, credentials: dict[str, str], words: str
) -> None:
    found = http.run(adapter_of(template, **credentials).check())[-1]

    assert found.is_ok is (words == "")
    assert words in found.detail


def test_the_business_account_is_subscribed(meta: MetaServer) -> None:
    assert not http.run(adapter_of().is_connected(""))

    http.run(adapter_of().connect(""))

    assert http.run(adapter_of().is_connected(""))


def test_a_failure_says_that_it_came_too_late() -> None:
    (found,) = adapter_of().parse(payload("whatsapp", "status_late"))

    assert isinstance(found, InboundReport)
    assert (found.state, found.is_late) == ("failed", True)
    assert "24 hours" in found.error


def test_the_stand_in_knows_the_window(meta: MetaServer) -> None:
    soon = dataclasses.replace(late("text"), address={"to": "9001", "at": time.time()})
    with pytest.raises(ReplyWindowClosed):
        send(None, soon)
    meta.heard["9001"] = time.time()

    assert send(None, soon) == "wamid.1"
