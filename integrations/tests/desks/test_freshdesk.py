"""Freshdesk over real sockets, against the stand-in that rehearses it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from core import http
from core.exceptions import (
    PermanentProviderError,
    ProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from integrations.desks import limits
from integrations.desks.base import Attachment, DeskFacts, TicketDraft
from integrations.desks.freshdesk import FreshdeskAdapter
from integrations.rehearsal.freshdesk import KEY, FreshdeskServer

run = http.run
REFERENCE = uuid.UUID("7f3a0c52-5e0c-4b51-9b0e-0d6a6b7f1c11")
VALUES = {"custom_fields.cf_shop": "Darkhan"}


@pytest.fixture
def server(freshdesk: FreshdeskServer) -> FreshdeskServer:
    return freshdesk


def adapter(api_key: str = KEY, domain: str = "shop", **settings: Any) -> Any:
    chosen = {"values": VALUES, **settings}
    login = {"domain": domain, "api_key": api_key}
    return FreshdeskAdapter(DeskFacts(1, "u", 1, "freshdesk", login, chosen))


def draft(**values: Any) -> TicketDraft:
    plain = TicketDraft(
        reference=REFERENCE,
        subject="Where is my parcel?",
        html="<p>Where &amp; when?</p>",
        requester_name="Bat",
        requester_email="bat@example.mn",
        started_at=dt.datetime.now(dt.UTC),
        tags=("billing",),
    )
    return replace(plain, **values)


def test_a_ticket_is_made_as_freshdesk_wants_it(server: FreshdeskServer) -> None:
    desk = adapter(reference_field="custom_fields.cf_conversation")

    made = run(desk.create(draft()))

    assert made.external_id == "101"
    assert made.url == f"{server.url}/a/tickets/101"
    assert server.calls[-1].body == {
        "email": "bat@example.mn",
        "name": "Bat",
        "subject": "Where is my parcel?",
        "description": "<p>Where &amp; when?</p>",
        "status": 2,
        "priority": 2,
        "source": 7,
        "tags": ["assistant", "billing"],
        "custom_fields": {"cf_shop": "Darkhan", "cf_conversation": str(REFERENCE)},
    }


def test_values_of_the_owner_go_into_the_ticket(server: FreshdeskServer) -> None:
    values = {**VALUES, "priority": 4, "group_id": 9001, "type": "Incident"}

    run(adapter(values=values).create(draft()))

    body = server.calls[-1].body
    assert (body["priority"], body["group_id"], body["type"]) == (4, 9001, "Incident")


def test_without_a_field_the_reference_stands_in_tag_and_subject(
    server: FreshdeskServer,
) -> None:
    run(adapter().create(draft(subject="long\r\nand " * 90)))

    body = server.calls[-1].body
    assert body["tags"] == ["assistant", "billing", "esc-7f3a0c525e0c"]
    assert body["subject"].endswith("… (esc-7f3a0c525e0c)")
    assert len(body["subject"]) == 250
    assert "\n" not in body["subject"]


def test_an_empty_subject_is_filled(server: FreshdeskServer) -> None:
    run(
        adapter(reference_field="custom_fields.cf_conversation").create(
            draft(subject=" ")
        )
    )

    assert server.calls[-1].body["subject"] == "Chat"


def test_without_an_address_the_ticket_has_a_contact_of_its_own(
    server: FreshdeskServer,
) -> None:
    nobody = draft(requester_email="", requester_name="")

    made = run(adapter().create(nobody))

    assert server.calls[-1].body["unique_external_id"] == str(REFERENCE)
    assert "email" not in server.calls[-1].body
    assert run(adapter().find(nobody)) == made


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        ("lost_before", UncertainProviderError, None),
        ("lost_after", UncertainProviderError, None),
        ("500", UncertainProviderError, 500),
        ("500_after", UncertainProviderError, 500),
        ("504_after", UncertainProviderError, 504),
        ("nonsense_after", UncertainProviderError, None),
        ("429", TemporaryProviderError, 429),
        ("400", PermanentProviderError, 400),
        ("401", PermanentProviderError, 401),
        ("403", PermanentProviderError, 403),
        ("409", PermanentProviderError, 409),
    ],
)
def test_what_goes_wrong_with_a_ticket(
    server: FreshdeskServer, fault: str, kind: type[ProviderError], status: int | None
) -> None:
    server.faults.append(fault)

    with pytest.raises(ProviderError) as caught:
        run(adapter().create(draft()))

    assert type(caught.value) is kind
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ReadTimeout("slow"), UncertainProviderError),
        (httpx2.RemoteProtocolError("cut"), UncertainProviderError),
        (httpx2.ConnectError("refused"), TemporaryProviderError),
        (httpx2.ConnectTimeout("away"), TemporaryProviderError),
        (httpx2.Response(302), PermanentProviderError),
        (httpx2.Response(406), PermanentProviderError),
        (httpx2.Response(415), PermanentProviderError),
        (httpx2.Response(201, json={"id": None}), UncertainProviderError),
        (httpx2.Response(201, json=[]), UncertainProviderError),
    ],
    ids=lambda value: getattr(value, "__name__", None) or repr(value),
)
def test_what_goes_wrong_on_the_way_to_a_ticket(
    network: Any, error: Any, kind: type[ProviderError]
) -> None:
    network.answer(error)

    with pytest.raises(ProviderError) as caught:
        run(adapter().create(draft()))

    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_read_that_fails_may_be_repeated(network: Any, status: int) -> None:
    network.answer(status)

    with pytest.raises(TemporaryProviderError) as caught:
        run(adapter().read("101"))

    limits.clear()
    assert type(caught.value) is TemporaryProviderError


@pytest.mark.parametrize(
    ("fault", "is_there"),
    [
        ("lost_before", False),
        ("lost_after", True),
        ("500", False),
        ("500_after", True),
        ("504_after", True),
        ("nonsense_after", True),
    ],
)
@pytest.mark.parametrize("field", ["", "custom_fields.cf_conversation"])
def test_after_a_doubtful_attempt_the_ticket_is_found_or_not(
    server: FreshdeskServer, fault: str, is_there: bool, field: str
) -> None:
    desk = adapter(reference_field=field)
    run(desk.create(draft(reference=uuid.uuid4())))
    server.faults.append(fault)
    with pytest.raises(UncertainProviderError):
        run(desk.create(draft()))

    found = run(desk.find(draft()))

    assert (found.external_id if found else None) == ("102" if is_there else None)
    assert not [path for path in server.paths("GET") if "search" in path]


def test_a_requester_whom_the_desk_does_not_know_has_no_ticket(
    server: FreshdeskServer,
) -> None:
    assert run(adapter().find(draft())) is None


def test_a_ticket_is_found_on_a_later_page(server: FreshdeskServer) -> None:
    desk = adapter()
    made = run(desk.create(draft()))
    for _ in range(100):
        server.tickets.add({"email": "bat@example.mn"})

    assert run(desk.find(draft())) == made
    assert [call.query["page"] for call in server.calls[1:]] == ["1", "2"]


def test_a_refusal_says_what_is_wrong_in_the_desks_words(
    server: FreshdeskServer,
) -> None:
    with pytest.raises(PermanentProviderError) as caught:
        run(adapter(values={"custom_fields.cf_old": "x"}).create(draft()))

    assert str(caught.value) == (
        "cf_old: Unexpected/invalid field in request; "
        "cf_shop: It should not be blank as this is a mandatory field"
    )
    assert not server.tickets.rows


def test_a_wrong_key_is_named(server: FreshdeskServer) -> None:
    with pytest.raises(PermanentProviderError, match="API key") as caught:
        run(adapter(api_key="other").check())

    assert caught.value.status == 401
    assert "other" not in str(caught.value)


def test_the_check_names_the_agent(server: FreshdeskServer) -> None:
    assert run(adapter().check()) == "Assistant"


@pytest.mark.parametrize(
    "domain", ["", "Shop", "shop.example", "-shop", "shop/..", "a@b", "ш", "a" * 64]
)
def test_a_domain_is_a_label_and_no_address(settings: Any, domain: str) -> None:
    settings.FRESHDESK_BASE_URL = ""

    with pytest.raises(PermanentProviderError, match="part before"):
        run(adapter(domain=domain).check())


def test_the_host_is_built_by_us(network: Any, settings: Any) -> None:
    settings.FRESHDESK_BASE_URL = ""
    network.answer({"contact": {"name": "Assistant"}})

    run(adapter(domain="my-shop").check())

    assert network.requests[0].url == "https://my-shop.freshdesk.com/api/v2/agents/me"
    assert network.requests[0].headers["authorization"] == (
        "Basic cmVoZWFyc2FsLWtleTpY"
    )


def test_a_page_in_place_of_the_desk_means_a_wrong_domain(
    server: FreshdeskServer, settings: Any
) -> None:
    settings.FRESHDESK_BASE_URL = f"{server.url}/elsewhere"

    with pytest.raises(PermanentProviderError, match="no Freshdesk of this domain"):
        run(adapter().check())
    with pytest.raises(PermanentProviderError, match="no Freshdesk of this domain"):
        run(adapter().read("101"))


def test_something_else_than_freshdesk_is_told_from_it(
    network: Any, settings: Any
) -> None:
    settings.FRESHDESK_BASE_URL = "http://127.0.0.1:1"
    network.answer({"hello": "world"})

    with pytest.raises(TemporaryProviderError, match="is not Freshdesk"):
        run(adapter().check())


def test_the_form_says_what_is_required_and_where_our_reference_fits(
    server: FreshdeskServer,
) -> None:
    server.tickets.form.append(
        {
            "name": "cf_area",
            "label": "Area",
            "type": "nested_field",
            "default": False,
            "required_for_agents": True,
            "choices": {"North": {"Hill": []}},
            "nested_ticket_fields": [{"name": "cf_street", "label": "Street"}],
        }
    )

    form = {each.name: each for each in run(adapter().form())}

    assert [name for name, each in form.items() if each.is_required] == [
        "custom_fields.cf_shop",
        "custom_fields.cf_area",
        "custom_fields.cf_street",
    ]
    assert form["custom_fields.cf_shop"].choices[0] == ("Ulaanbaatar", "Ulaanbaatar")
    assert form["custom_fields.cf_area"].choices == (("North", "North"),)
    assert form["custom_fields.cf_conversation"].can_hold_reference
    assert form["group_id"].choices == ((9001, "Support"), (9002, "Billing"))
    assert form["priority"].choices[3] == (4, "Urgent")
    assert not {"subject", "status", "source", "requester"} & set(form)


@pytest.mark.parametrize(
    ("status", "said"),
    [(2, "open"), (3, "pending"), (4, "solved"), (5, "closed"), (19, "open")],
)
def test_a_status_is_read_as_one_of_ours(
    server: FreshdeskServer, status: int, said: str
) -> None:
    made = run(adapter().create(draft()))
    server.tickets.change(101, status=status)

    assert run(adapter().read(made.external_id)).status == said


def test_only_public_replies_of_staff_are_read(server: FreshdeskServer) -> None:
    run(adapter().create(draft()))
    server.tickets.say(101, "It is at the post office.")
    server.tickets.say(101, "He is angry.", private=True, source=2)
    server.tickets.say(101, "To the boss.", private=True)
    server.tickets.say(101, "Thank you!", incoming=True, user_id=3001)
    server.tickets.say(101, "A public note.", source=2)
    run(adapter().note("101", "<p>Ours</p>"))

    news = run(adapter().read("101"))

    assert [reply.text for reply in news.replies] == ["It is at the post office."]
    assert news.replies[0].external_id == "5001"
    assert news.replies[0].at.tzinfo is not None
    assert news.solution == ""


def test_the_last_reply_of_a_solved_ticket_is_its_solution(
    server: FreshdeskServer,
) -> None:
    run(adapter().create(draft()))
    server.tickets.say(101, "We look for it.")
    server.tickets.say(101, "It lies in shelf 4.")
    server.tickets.change(101, status=4)

    assert run(adapter().read("101")).solution == "It lies in shelf 4."


def test_more_than_ten_conversations_are_read_whole(server: FreshdeskServer) -> None:
    run(adapter().create(draft()))
    for number in range(105):
        server.tickets.say(101, f"reply {number}")

    replies = run(adapter().read("101")).replies

    assert [reply.text for reply in replies] == [f"reply {n}" for n in range(105)]


@pytest.mark.parametrize("how", ["deleted", "spam", "unknown"])
def test_a_ticket_that_is_no_more_is_gone(server: FreshdeskServer, how: str) -> None:
    run(adapter().create(draft()))
    server.tickets.change(101, **{how: True})

    number = "999" if how == "unknown" else "101"

    assert run(adapter().read(number)).status == "gone"


def test_a_note_is_for_staff(server: FreshdeskServer) -> None:
    run(adapter().create(draft()))

    run(adapter().note("101", "<p>More</p>"))

    assert server.calls[-1].body == {"body": "<p>More</p>", "private": True}


def test_files_travel_with_a_note(server: FreshdeskServer) -> None:
    run(adapter().create(draft()))
    files = [
        Attachment("гэрээ.pdf", b"%PDF-1.7", "application/pdf"),
        Attachment("a.png", b"\x89PNG", "image/png"),
    ]

    run(adapter().note("101", "<p>Зураг</p>", files))

    sent = server.calls[-1]
    assert sent.body == {"body": "<p>Зураг</p>", "private": "true"}
    assert sent.files == (
        ("гэрээ.pdf", "application/pdf", 8),
        ("a.png", "image/png", 4),
    )


def test_what_changed_is_listed_page_by_page(server: FreshdeskServer) -> None:
    for _ in range(120):
        server.tickets.add({})
    server.tickets.change(101).update(updated_at="2020-01-01T00:00:00Z")

    found = run(adapter().changed_since(dt.datetime.now(dt.UTC)))

    assert found == {str(number) for number in range(102, 221)}


@pytest.mark.parametrize("external_id", ["", "1/../2", "٣", "1?x=1"])
def test_a_ticket_number_is_a_number(server: FreshdeskServer, external_id: str) -> None:
    with pytest.raises(PermanentProviderError):
        run(adapter().read(external_id))

    assert not server.calls


def test_a_used_up_budget_is_waited_for_without_a_call(
    server: FreshdeskServer,
) -> None:
    server.limit = 2
    run(adapter().create(draft()))
    run(adapter().create(draft()))

    with pytest.raises(TemporaryProviderError) as caught:
        run(adapter().create(draft()))

    assert 0 < (caught.value.retry_after or 0) <= limits.WINDOW_S
    assert not isinstance(caught.value, UncertainProviderError)
    assert len(server.calls) == 2


def test_too_many_calls_wait_as_long_as_freshdesk_says(
    server: FreshdeskServer,
) -> None:
    server.retry_after_s = 17
    server.faults.append("429")

    with pytest.raises(TemporaryProviderError) as first:
        run(adapter().create(draft()))
    with pytest.raises(TemporaryProviderError) as second:
        run(adapter().create(draft()))

    assert first.value.retry_after == 17
    assert 0 < (second.value.retry_after or 0) <= 17
    assert len(server.calls) == 1
