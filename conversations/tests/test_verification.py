"""The dialogue with contacts who have to prove an e-mail address, and what follows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from ai_model import claiming, gate, turns
from ai_model.exchange import Answer
from conversations import services, verification, verifying
from conversations.models import (
    Contact,
    Conversation,
    Message,
    VerificationLink,
    VerificationMark,
)
from conversations.tests.acting import say
from conversations.verification import Standing
from conversations.verifying import Outcome
from integrations.adapters.inbound import Attachment

WORKER = 7
ADDRESS = "bat@example.mn"


@pytest.fixture(autouse=True)
def _can_send(settings: Any) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    settings.DEFAULT_FROM_EMAIL = "shop@example.mn"
    settings.LANGUAGE_CODE = "mn"


@pytest.fixture
def gated(chatwoot: Any) -> Any:
    chatwoot.verifies_email = True
    chatwoot.save()
    return chatwoot


def turn(channel: Any) -> Answer | None:
    """One turn of the only waiting conversation; None: the assistant may answer it."""
    Conversation.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    (claimed,), _ = claiming.claim(WORKER, 10)
    stopped = gate.stop(claimed.question)
    answer = stopped or Answer("Three days.", Message.State.ANSWERED, "answered", "mn")
    turns.settle([(claimed, answer, False)])
    return stopped


def ask(channel: Any, text: str, **more: Any) -> str:
    """What a contact writes and the dialogue says to it."""
    say(channel, text, **more)
    stopped = turn(channel)
    assert stopped is not None
    return stopped.text


def the_link() -> VerificationLink:
    return VerificationLink.objects.select_related(
        "account", "contact__channel"
    ).latest("pk")


# --- Words --------------------------------------------------------------------


def test_the_documented_words_are_said_in_mongolian(db: None, gated: Any) -> None:
    first = ask(gated, "Миний захиалга хаана байна вэ?")
    second = ask(gated, ADDRESS)

    assert first == "Зөв имэйл хаягаа бичээд илгээнэ үү"
    assert second == "Имэйл рүү баталгаажуулах линк илгээлээ"
    verifying.open_link(the_link())
    told = Message.objects.filter(reason="verified").get()
    assert told.text == "Таны имэйл баталгаажлаа!"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Where is my order? I have been waiting for it.", "correct e-mail address"),
        ("Где мой заказ? Я его жду уже неделю.", "электронной почты"),
        ("¿Dónde está mi pedido? Lo espero desde hace una semana.", "correo"),
    ],
    ids=["en", "ru", "es"],
)
def test_the_customers_language_decides(
    db: None, gated: Any, text: str, wanted: str
) -> None:
    assert wanted in ask(gated, text)


@pytest.mark.parametrize("name", sorted(verification.LINES))
def test_every_line_is_translated(name: str) -> None:
    said = {verification.line(name, lang) for lang in ("en", "mn", "ru", "es")}

    assert len(said) == 4


# --- Addresses ----------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "bat@example.mn",
        "Миний хаяг bat@example.mn.",
        "<bat@example.mn>",
        "mailto:bat@example.mn, баярлалаа",
        "it was dorj@example.mn, now it is bat@example.mn",
        "bat＠example.mn",
    ],
)
def test_an_address_is_found_in_what_is_written(text: str) -> None:
    assert verification.decide(Standing(), [text]).email == ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        "bat@",
        "bat@example",
        "bat@@example.mn",
        "bat@exa mple",
        "bat..@example.mn",
        "bat@-example.mn",
        f"{'b' * 65}@example.mn",
        f"b@{'e' * 250}.mn",
        "бат@example.mn",
        "bat\x01@example.mn",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    step = verification.decide(Standing(), [address])

    assert (step.line, step.email) == ("invalid", "")


@pytest.mark.parametrize(
    "text",
    [
        "bat@example.mn\nBcc: eve@evil.example",
        "bat@example.mn\r\nSubject: Hi",
        "bat@example.mn%0aBcc:eve@evil.example",
        '"bat\\\r\nBcc: x"@example.mn',
    ],
)
def test_nothing_of_it_can_break_a_header(text: str) -> None:
    email = verification.decide(Standing(), [text]).email

    assert not set(email) & set('\r\n\0 ,;:<>"')
    assert not email or verification.is_address(email)


@pytest.mark.parametrize(
    "text",
    ["new link", "Шинэ линк", "дахин илгээнэ үү", "the link never came",
     "линк ирсэнгүй", "новую ссылку", "otro enlace por favor", "resend"],
)  # fmt: skip
def test_a_new_link_comes_on_request(text: str) -> None:
    standing = Standing(email=ADDRESS)

    assert verification.decide(standing, [text]).email == ADDRESS
    assert verification.decide(Standing(), [text]).line == "ask"
    assert not verification.is_question("new link")


@pytest.mark.parametrize(
    "text", ["Where is my parcel?", "Can I order something new?", "Хүргэлт хэд вэ?"]
)
def test_a_question_is_no_request_for_a_link(text: str) -> None:
    assert verification.decide(Standing(email=ADDRESS), [text]).line == "waiting"
    assert verification.is_question(text)
    assert verification.is_question(f"{text} I am writing from {ADDRESS}")


# --- The way ------------------------------------------------------------------


def test_what_was_asked_before_is_answered_after(db: None, gated: Any) -> None:
    ask(gated, "Хүргэлт хэд хоног вэ?")
    ask(gated, ADDRESS)
    ask(gated, "Та тэнд байна уу?")

    assert verifying.open_link(the_link()) is Outcome.VERIFIED

    waiting = Message.objects.filter(state="waiting").values_list("text", flat=True)
    assert list(waiting) == ["Хүргэлт хэд хоног вэ?", "Та тэнд байна уу?"]
    assert turn(gated) is None
    row = Conversation.objects.get()
    assert (row.due_at, row.worker) == (None, None)
    assert not Message.objects.filter(state="waiting").exists()
    assert Message.objects.latest("pk").text == "Three days."


def test_a_picture_waits_like_a_question(db: None, gated: Any) -> None:
    picture = Attachment("image", url="https://chatwoot.example/1.png")

    assert "имэйл" in ask(gated, "", attachments=(picture,))
    ask(gated, ADDRESS)
    verifying.open_link(the_link())

    assert Message.objects.get(state="waiting").attachments


def test_a_turn_under_way_cannot_lose_the_question(db: None, gated: Any) -> None:
    ask(gated, "Хүргэлт хэд хоног вэ?")
    ask(gated, ADDRESS)
    say(gated, "Та тэнд байна уу?")
    Conversation.objects.update(due_at=timezone.now())
    (claimed,), _ = claiming.claim(WORKER, 10)
    stale = gate.stop(claimed.question)
    assert stale is not None

    verifying.open_link(the_link())
    (result,) = turns.settle([(claimed, stale, True)])

    assert result.verdict == "person_acted"
    assert Message.objects.filter(state="waiting").count() == 2
    assert turn(gated) is None


def test_a_link_works_once(db: None, gated: Any) -> None:
    ask(gated, ADDRESS)
    link = the_link()

    assert verifying.open_link(link) is Outcome.VERIFIED
    assert verifying.open_link(link) is Outcome.EXPIRED
    assert VerificationMark.objects.count() == 1


def test_a_new_link_ends_the_one_before(db: None, gated: Any) -> None:
    ask(gated, "dorj@example.mn")
    first = the_link()
    ask(gated, ADDRESS)

    assert verifying.open_link(first) is Outcome.EXPIRED
    assert verifying.open_link(the_link()) is Outcome.VERIFIED
    assert Contact.objects.get().email == ADDRESS


def test_a_link_is_good_for_a_day(db: None, gated: Any) -> None:
    ask(gated, ADDRESS)
    link = the_link()
    assert link.expires_at - link.created_at == pytest.approx(
        dt.timedelta(hours=24), abs=dt.timedelta(seconds=5)
    )
    VerificationLink.objects.update(expires_at=timezone.now())

    assert verifying.open_link(link) is Outcome.EXPIRED
    assert ask(gated, "Сайн уу?") == "Зөв имэйл хаягаа бичээд илгээнэ үү"


def test_each_contact_verifies_alone(db: None, gated: Any) -> None:
    ask(gated, "Миний нууц асуулт", thread="1")
    ask(gated, ADDRESS, thread="1")
    ask(gated, "Өөр асуулт", thread="2")
    verifying.open_link(the_link())

    waiting = Message.objects.filter(state="waiting")
    assert [each.text for each in waiting] == ["Миний нууц асуулт"]
    turn(gated)
    assert "баталгаажуулах" in ask(gated, ADDRESS, thread="2")
    say(gated, "Баярлалаа", thread="1")
    Conversation.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    (claimed,), _ = claiming.claim(WORKER, 10)
    assert "Өөр асуулт" not in {each.text for each in claimed.question.history}


def test_a_verified_contact_stays_so_in_the_next_conversation(
    db: None, gated: Any
) -> None:
    ask(gated, ADDRESS)
    verifying.open_link(the_link())
    say(gated, "Хэзээ онгойх вэ?", thread="next", contact_id="contact-of-thread-1")

    assert turn(gated) is None


def test_other_channels_ask_for_nothing(db: None, chatwoot: Any) -> None:
    say(chatwoot, "How long does it take?")

    assert turn(chatwoot) is None


def test_a_person_is_within_reach_without_an_address(db: None, gated: Any) -> None:
    say(gated, "Ажилтантай холбоод өгөөч")

    stopped = turn(gated)

    assert stopped is not None
    assert (stopped.reason, stopped.hands_off) == ("asked_for_person", True)


def test_where_a_person_replies_the_assistant_says_nothing(
    db: None, gated: Any
) -> None:
    ask(gated, "Хүргэлт хэд хоног вэ?")
    ask(gated, ADDRESS)
    services.hand_off(conversation=Conversation.objects.get(), reason="taken_over")

    assert verifying.open_link(the_link()) is Outcome.VERIFIED

    assert not Message.objects.filter(reason="verified").exists()
    assert not Message.objects.filter(state="waiting").exists()


def test_without_e_mail_a_person_is_called(db: None, gated: Any, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = ""
    say(gated, "Хүргэлт хэд хоног вэ?")

    stopped = turn(gated)

    assert stopped is not None
    assert stopped.hands_off


# --- Limits -------------------------------------------------------------------


def test_a_contact_gets_five_links_an_hour(db: None, gated: Any) -> None:
    said = [ask(gated, f"bat{number}@example.mn") for number in range(6)]

    assert VerificationLink.objects.count() == 5
    assert len(set(said[:5])) == 1
    assert said[5] != said[0]
    VerificationLink.objects.update(
        created_at=timezone.now() - dt.timedelta(minutes=61)
    )
    assert ask(gated, ADDRESS) == said[0]


def test_an_address_gets_five_links_an_hour_and_nobody_learns_of_it(
    db: None, gated: Any
) -> None:
    said = [ask(gated, ADDRESS, thread=str(number)) for number in range(7)]

    assert len(set(said)) == 1
    assert VerificationLink.objects.filter(state="waiting").count() == 5
    assert VerificationLink.objects.filter(state="done").count() == 2


def test_a_known_address_is_answered_as_an_unknown_one(db: None, gated: Any) -> None:
    ask(gated, ADDRESS, thread="1")
    verifying.open_link(the_link())

    assert ask(gated, ADDRESS, thread="2") == ask(gated, "new@example.mn", thread="3")
