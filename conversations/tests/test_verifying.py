"""Links that verify: their letters, tokens, pages, and what providers are told."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any

import httpx2
import jwt
import pytest
from django.urls import reverse
from django.utils import timezone

from conversations import link_tokens, verification, verifying
from conversations.models import Message, VerificationLink, VerificationMark
from conversations.tests.acting import say
from conversations.tests.factories import ContactFactory, ConversationFactory
from core.tests.network import eventually
from integrations.adapters.chatwoot_attributes import merge
from integrations.facts import facts_of

ADDRESS = "bat@example.mn"


@pytest.fixture(autouse=True)
def _can_send(settings: Any) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    settings.DEFAULT_FROM_EMAIL = "shop@example.mn"


@pytest.fixture
def link(chatwoot: Any) -> VerificationLink:
    contact = ContactFactory(channel=chatwoot, external_id="771")
    conversation = ConversationFactory(
        channel=chatwoot, contact=contact, address={"conversation": "418"}, lang="mn"
    )
    return verifying.begin(conversation, ADDRESS, "mn")


def path_of(link: VerificationLink) -> str:
    return verifying.address_of(link).removeprefix("https://desk.example")


# --- The whole way, over a real mail server -----------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_customer_verifies_and_gets_the_answer_to_what_was_asked(
    engine: Any, chatwoot: Any, mailbox: Any, network: Any, client: Any, settings: Any
) -> None:
    settings.LANGUAGE_CODE = "mn"
    chatwoot.verifies_email = True
    chatwoot.save()
    sender = {"contact_id": "771", "contact_name": "Bat\r\nBcc: eve@evil.example"}
    asked = say(chatwoot, "Хүргэлт хэд хоног үргэлжлэх вэ?", **sender)
    eventually(lambda: Message.objects.filter(author="assistant").exists())
    say(chatwoot, f"{ADDRESS}\r\nBcc: eve@evil.example {ADDRESS}", **sender)

    letter = eventually(lambda: mailbox.messages and mailbox.messages[0])
    text = letter.get_body(("plain",)).get_content()
    link = re.search(r"https://desk\.example(/verify/\S+)", text)

    assert mailbox.recipients == [[ADDRESS]]
    assert letter["subject"].strip() == "Имэйл хаягаа баталгаажуулна уу"
    assert "eve" not in letter.as_string()
    assert "24 цаг" in text
    assert link is not None
    page = client.post(link[1])
    assert "Амжилттай баталгаажлаа" in page.content.decode()
    eventually(lambda: VerificationMark.objects.get().state == "done")
    eventually(lambda: _last_turn_is_about(asked.message_id))
    said = [each["content"] for each in network.bodies("/messages")]
    assert "Зөв имэйл хаягаа бичээд илгээнэ үү" in said[0]
    assert "Имэйл рүү баталгаажуулах линк илгээлээ" in said
    assert "Таны имэйл баталгаажлаа!" in said
    # Whatever the assistant finds, the question itself was taken up again.
    assert Message.objects.get(pk=asked.message_id).reason not in ("unverified", "")


def _last_turn_is_about(message_id: int) -> bool:
    question = Message.objects.get(pk=message_id)
    return question.state != "waiting" and question.reason != "unverified"


@pytest.mark.django_db(transaction=True)
def test_an_address_that_takes_no_mail_is_told(
    engine: Any, chatwoot: Any, mailbox: Any, network: Any
) -> None:
    mailbox.answers = ["550 no such mailbox"]
    contact = ContactFactory(channel=chatwoot)
    row = ConversationFactory(channel=chatwoot, contact=contact, lang="mn")

    link = verifying.begin(row, "nobody@example.mn", "mn")
    eventually(lambda: Message.objects.filter(reason="failed").exists())

    link.refresh_from_db()
    assert link.state == "failed"
    assert "550" in link.error
    row.refresh_from_db()
    assert row.needs_person
    assert row.last_text.startswith("Энэ хаяг руу")


# --- Tokens -------------------------------------------------------------------


def test_a_token_names_contact_address_and_channel(db: None, link: Any) -> None:
    claims = link_tokens.read(link_tokens.make(link))

    assert claims.link == link.uuid
    assert claims.fit(link)
    for name, value in [("email", "eve@evil.example"), ("contact", str(uuid.uuid4()))]:
        changed = link_tokens.Claims(**{**_as_dict(claims), name: value})
        assert not changed.fit(link)


def _as_dict(claims: link_tokens.Claims) -> dict[str, Any]:
    names = ("link", "contact", "email", "channel")
    return {name: getattr(claims, name) for name in names}


def test_the_secret_can_be_rotated(db: None, link: Any, settings: Any) -> None:
    settings.VERIFICATION_SECRETS = ["first-secret"]
    token = link_tokens.make(link)

    settings.VERIFICATION_SECRETS = ["second-secret", "first-secret"]
    assert link_tokens.read(token).link == link.uuid
    settings.VERIFICATION_SECRETS = ["second-secret"]
    with pytest.raises(link_tokens.Tampered):
        link_tokens.read(token)


def _forged(link: VerificationLink) -> list[str]:
    token = link_tokens.make(link)
    head, body, sign = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    key = link_tokens._keys()[0]
    return [
        "",
        "x",
        f"{head}.{body}.",
        f"{head}.{body[:-2]}AA.{sign}",
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, b"k" * 32, algorithm="HS256"),
        jwt.encode({**claims, "aud": "other"}, key, algorithm="HS256"),
        jwt.encode({**claims, "email": "eve@evil.example"}, key, algorithm="HS256"),
        jwt.encode({**claims, "jti": str(uuid.uuid4())}, key, algorithm="HS256"),
        jwt.encode({**claims, "jti": "not a uuid"}, key, algorithm="HS256"),
        jwt.encode({**claims, "channel": str(uuid.uuid4())}, key, algorithm="HS256"),
    ]


def test_a_tampered_token_opens_nothing(db: None, link: Any, client: Any) -> None:
    for token in _forged(link)[1:]:
        page = client.post(reverse("verify-email", args=[token]))

        assert page.status_code == 400
        assert b'data-outcome="tampered"' in page.content
    assert not VerificationLink.objects.exclude(opened_at=None).exists()


# --- Pages --------------------------------------------------------------------


def test_opening_a_link_changes_nothing_until_its_page_is_posted(
    db: None, link: Any, client: Any
) -> None:
    path = path_of(link)

    for page in (client.head(path), client.get(path)):
        assert page.status_code == 200
        assert page["Referrer-Policy"] == "no-referrer"
        assert "no-store" in page["Cache-Control"]
    assert ADDRESS in page.content.decode()
    assert not VerificationLink.objects.exclude(opened_at=None).exists()
    page = client.post(path)
    assert "Амжилттай баталгаажлаа" in page.content.decode()
    # Once more, as by a second click: it still stands, and nothing happens twice.
    assert "Амжилттай баталгаажлаа" in client.get(path).content.decode()
    assert "Амжилттай баталгаажлаа" in client.post(path).content.decode()
    assert Message.objects.filter(reason="verified").count() == 1


def test_an_expired_link_can_be_exchanged(db: None, link: Any, client: Any) -> None:
    path = path_of(link)
    VerificationLink.objects.update(expires_at=timezone.now())

    page = client.get(path)
    assert page.status_code == 410
    assert "Энэ линк хүчингүй болсон" in page.content.decode()
    assert client.post(path).status_code == 410
    assert "Шинэ линк илгээгдлээ" in client.post(path, {"again": "1"}).content.decode()

    newest = VerificationLink.objects.latest("pk")
    assert (newest.email, newest.state, newest.is_good) == (ADDRESS, "waiting", True)
    for _ in range(5):
        page = client.post(path, {"again": "1"})
    assert page.status_code == 429
    assert VerificationLink.objects.count() == 5


def test_who_owns_an_address_that_was_corrected_cannot_take_the_contact(
    db: None, link: Any, client: Any
) -> None:
    path = path_of(link)
    verifying.begin(link.conversation, "right@example.mn", "mn")

    assert client.post(path).status_code == 410
    assert client.post(path, {"again": "1"}).status_code == 410
    assert VerificationLink.objects.latest("pk").email == "right@example.mn"


def test_the_wrong_method_is_refused(db: None, link: Any, client: Any) -> None:
    assert client.delete(path_of(link)).status_code == 405


# --- What Chatwoot is told ----------------------------------------------------


def answer(known: dict[str, Any]) -> httpx2.Response:
    return httpx2.Response(200, json={"id": 418, "custom_attributes": known})


@pytest.mark.django_db(transaction=True)
def test_chatwoot_gets_the_documented_attributes_beside_its_own(
    engine: Any, link: Any, network: Any
) -> None:
    network.answer(lambda _: answer({"vip": True}))
    VerificationMark.objects.create(account=link.account, link=link)

    eventually(lambda: VerificationMark.objects.get().state == "done")

    asked, written = network.requests
    base = "/api/v1/accounts/3/conversations/418"
    assert (asked.method, asked.url.path) == ("GET", base)
    assert written.url.path == f"{base}/custom_attributes"
    assert written.headers["api-access-token"] == "bot-token"
    assert network.bodies("custom_attributes") == [
        {
            "custom_attributes": {
                "vip": True,
                "email_verified": True,
                "verified_contact_771": True,
            },
            "merge": True,
        }
    ]


def test_what_stands_already_is_not_written_again(chatwoot: Any, network: Any) -> None:
    network.answer(lambda _: answer({"email_verified": True}))

    facts = facts_of(chatwoot)
    asyncio.run(merge(facts, {"conversation": "418"}, {"email_verified": True}))

    assert [each.method for each in network.requests] == ["GET"]


def test_what_a_visitor_claims_in_chatwoot_verifies_nobody(
    db: None, chatwoot: Any
) -> None:
    row = ConversationFactory(channel=chatwoot)
    row.contact.profile = {"email_verified": True}
    row.contact.email = ADDRESS
    row.contact.save()

    assert verification.standings([row])[row.pk].email == ""
