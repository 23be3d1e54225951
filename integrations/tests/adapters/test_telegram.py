"""Telegram: what arrives means, what we send, and what refusals stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core import http
from core.exceptions import (
    ConversationGone,
    CredentialsRefused,
    InvalidPayload,
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from integrations.adapters.base import Outbound, WebhookRequest
from integrations.adapters.inbound import (
    Attachment,
    InboundDeletion,
    InboundEdit,
    InboundMessage,
    InboundRating,
    InboundTurnover,
    Turnover,
)
from integrations.adapters.telegram import TelegramAdapter
from integrations.rehearsal.telegram_schema import problems_of
from integrations.tests.adapters.cases import CASES, PAYLOADS, payload

if TYPE_CHECKING:
    from integrations.rehearsal.telegram import TelegramServer

ADAPTER = TelegramAdapter(CASES["telegram"].facts)
NAMES = [path.stem for path in sorted((PAYLOADS / "telegram").glob("*.json"))]
URL = "https://desk.example/webhooks/telegram/2f1f6f0e-6a43-4f3e-9a53-0c4a1d1f0f11"


def read(name: str, **changes: Any) -> Any:
    """What the adapter makes of an update; None: it is not even kept."""
    update = {**payload("telegram", name), **changes}
    body = json.dumps(update).encode()
    request = WebhookRequest(headers={}, query={}, body=body)
    return ADAPTER.parse(update) if ADAPTER.delivery_key(request, update) else None


def said(name: str, **changes: Any) -> InboundMessage:
    (found,) = read(name, **changes)
    assert isinstance(found, InboundMessage)
    return found


def outbound(text: str = "Three days.", **how: Any) -> Outbound:
    how = {"address": {"chat": 5551}, **how}
    return Outbound(kind="text", reference="ref-1", text=text, **how)


def send(what: Outbound) -> str:
    return http.run(ADAPTER.send(what))


@pytest.mark.parametrize("name", NAMES)
def test_each_payload_is_in_the_published_shape(name: str) -> None:
    assert problems_of("Update", payload("telegram", name)) == []


def test_every_payload_is_spoken_of_here() -> None:
    source = Path(__file__).read_text("utf-8")

    assert [name for name in NAMES if f'"{name}"' not in source] == []


def test_a_customer_writes() -> None:
    assert said("message") == InboundMessage(
        conversation_id="5551",
        contact_id="5551",
        external_id="12",
        text="Where is my parcel?",
        contact_name="Bat Dorj",
        profile={"username": "bat_d", "language": "mn"},
        address={"chat": 5551},
        lang="mn",
    )


def test_an_edit_changes_what_was_said() -> None:
    assert read("edited_message") == [
        InboundEdit("5551", "12", "Where is my big parcel?")
    ]


def test_what_is_answered_stands_above_the_answer() -> None:
    assert said("reply").text == "> from 9 to 18\nAnd on Sunday?"


@pytest.mark.parametrize(
    ("name", "text", "attachment"),
    [
        (
            "photo",
            "It came broken.",
            Attachment(
                "image",
                external_id="AgAC-large",
                content_type="image/jpeg",
                size=98123,
            ),
        ),
        (
            "voice",
            "",
            Attachment(
                "voice",
                external_id="AwAC-voice",
                content_type="audio/ogg",
                size=30123,
            ),
        ),
        (
            "document",
            "",
            Attachment(
                "file",
                external_id="BQAC-doc",
                name="invoice.pdf",
                content_type="application/pdf",
                size=20480,
            ),
        ),
        (
            "video",
            "",
            Attachment(
                "video",
                external_id="BAAC-video",
                content_type="video/mp4",
                size=512000,
            ),
        ),
    ],
)
def test_what_is_no_text_comes_as_an_attachment(
    name: str, text: str, attachment: Attachment
) -> None:
    found = said(name)

    assert found.text == text
    assert found.attachments == (attachment,)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("contact", "Bat +97699112233"),
        ("location", "47.9185, 106.9176"),
        ("venue", "State Department Store, Peace Avenue 44, 47.9185, 106.9176"),
        ("sticker", "👍"),
        ("dice", "🎲"),
    ],
)
def test_what_can_be_written_comes_as_words(name: str, text: str) -> None:
    found = said(name)

    assert (found.text, found.attachments) == (text, ())


def test_a_sticker_that_stands_for_nothing_is_a_picture() -> None:
    message = payload("telegram", "sticker")["message"]
    del message["sticker"]["emoji"]

    assert [each.kind for each in said("sticker", message=message).attachments] == [
        "image"
    ]
    assert said("album").attachments[0].kind == "image"


def test_a_file_is_fetched_by_its_id(telegram_api: TelegramServer) -> None:
    file = Attachment("image", external_id="AgAC-large")

    assert http.run(ADAPTER.fetch(file, most=100)) == b"AgAC-large"


@pytest.mark.parametrize(
    ("name", "text", "start"),
    [
        ("start", "/start", None),
        ("start_payload", "/start", "order_42"),
        ("start_human", "/human", "human"),
        ("human", "/human", None),
        ("group_command", "/human", None),
    ],
)
def test_commands_are_understood(name: str, text: str, start: str | None) -> None:
    found = said(name)

    assert found.text == text
    assert found.profile.get("start") == start


def test_stop_ends_the_conversation() -> None:
    assert read("stop") == [InboundTurnover("5551", Turnover.CLOSED)]


@pytest.mark.parametrize("name", ["by_bot", "business_by_us", "pinned", "unblocked"])
def test_what_no_person_said_changes_nothing(name: str) -> None:
    assert read(name) == []


@pytest.mark.parametrize("name", ["group_message", "group_upgraded", "channel_post"])
def test_what_is_not_said_to_us_is_not_even_kept(name: str) -> None:
    assert read(name) is None


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("group_mention", "when are you open?", 41),
        ("group_reply", "And on Sunday?", 42),
    ],
)
def test_in_a_group_the_one_who_asks_is_answered(
    name: str, text: str, number: int
) -> None:
    found = said(name)

    assert found.text == text
    assert found.conversation_id == "-100200300:5551"
    assert found.address == {"chat": -100200300, "answers": number}


def test_presses_rate_or_say_something() -> None:
    reference = "0b7f3f0c-1d55-4b59-8a6d-2f6e9d2f4a11"

    assert read("pressed_helpful") == [InboundRating("5551", reference, True)]
    assert read("pressed_old") == [InboundRating("5551", reference, False)]
    assert said("pressed_choice").text == "Тийм"
    assert said("pressed_choice").conversation_id == "5551"


def test_who_blocks_the_bot_ends_the_conversation() -> None:
    assert read("blocked") == [InboundTurnover("5551", Turnover.CLOSED)]


def test_in_a_business_account_the_owners_own_words_are_a_persons() -> None:
    asked, answered = said("business_message"), said("business_owner")

    assert (asked.author, answered.author) == ("contact", "support")
    assert asked.conversation_id == answered.conversation_id == "business:5551"
    assert asked.address == {"chat": 5551, "business": "Vw1pQx-connection"}
    assert answered.contact_name == "Bat Dorj"
    assert read("business_connection") == []


def test_business_messages_can_be_edited_and_deleted() -> None:
    (edit,) = read("edited_business_message")

    assert edit.conversation_id == "business:5551"
    assert read("deleted_business_messages") == [
        InboundDeletion("business:5551", "50"),
        InboundDeletion("business:5551", "51"),
    ]


@pytest.mark.parametrize("value", [None, True, "12", 1.5, 2**63])
def test_an_update_without_a_number_is_refused(value: Any) -> None:
    with pytest.raises(InvalidPayload):
        read("message", update_id=value)


def test_a_reply_is_plain_text_with_its_buttons(telegram_api: TelegramServer) -> None:
    number = send(outbound("<b>5 < 6_*", choices=("Yes", "No"), is_rateable=True))

    (call,) = telegram_api.called("sendMessage")
    assert number == "9001"
    assert call["text"] == "<b>5 < 6_*"
    assert "parse_mode" not in call
    assert call["reply_markup"]["inline_keyboard"] == [
        [
            {"text": "Yes", "callback_data": "say:Yes"},
            {"text": "No", "callback_data": "say:No"},
        ],
        [
            {"text": "👍", "callback_data": "helpful:ref-1"},
            {"text": "👎", "callback_data": "unhelpful:ref-1"},
        ],
    ]


def test_a_reply_goes_where_the_question_came_from(
    telegram_api: TelegramServer,
) -> None:
    address = {"chat": -100, "answers": 41, "topic": 7, "business": "b"}

    send(outbound(address=address))
    http.run(ADAPTER.show_typing(address))

    (call,), (shown,) = map(telegram_api.called, ("sendMessage", "sendChatAction"))
    assert call["reply_parameters"]["message_id"] == 41
    for each in (call, shown):
        assert (each["chat_id"], each["message_thread_id"]) == (-100, 7)
        assert each["business_connection_id"] == "b"


def test_the_longest_parts_are_taken(telegram_api: TelegramServer) -> None:
    text = "Ажлын цаг 9-18. 😀" * 1000

    for each in ADAPTER.split(text):
        send(outbound(each))

    assert "".join(telegram_api.texts(5551)).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("fault", "error", "wait"),
    [
        ("429", TemporaryProviderError, 1.0),
        ("403", ConversationGone, None),
        ("400", PermanentProviderError, None),
        ("500", TemporaryProviderError, None),
        ("lost_after", UncertainProviderError, None),
    ],
)
def test_a_reply_that_fails_says_how(
    telegram_api: TelegramServer, fault: str, error: type, wait: float | None
) -> None:
    telegram_api.faults.append(fault)

    with pytest.raises(error) as caught:
        send(outbound())

    assert type(caught.value) is error
    assert caught.value.retry_after == wait


def test_a_group_that_was_upgraded_is_followed(telegram_api: TelegramServer) -> None:
    telegram_api.faults.append("migrated")

    assert send(outbound(address={"chat": -4001})) == "9001"
    assert [each["chat_id"] for each in telegram_api.called("sendMessage")] == [
        -4001,
        -1_000_000_004_001,
    ]


def test_a_wrong_token_is_told_apart(network: Any) -> None:
    network.answer(401)

    with pytest.raises(CredentialsRefused):
        send(outbound())


def test_an_answer_that_is_not_telegrams_leaves_it_open(network: Any) -> None:
    network.answer({"hello": 1})

    with pytest.raises(UncertainProviderError):
        send(outbound())


def test_a_press_is_answered(telegram_api: TelegramServer) -> None:
    for name in ("pressed_helpful", "pressed_choice"):
        assert ADAPTER.wants_answer(payload("telegram", name))
        http.run(ADAPTER.answer_back(payload("telegram", name)))

    first, second = telegram_api.called("answerCallbackQuery")
    assert first["text"] == "Баярлалаа!"
    assert "text" not in second


def test_connecting_sets_the_webhook_and_learns_the_name(
    telegram_api: TelegramServer, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    assert http.run(ADAPTER.connect(URL)) == {"username": "shop_bot"}

    hook = telegram_api.webhook
    assert (hook.url, hook.secret) == (
        URL,
        ADAPTER.channel.credentials["webhook_secret"],
    )
    assert "callback_query" in hook.allowed
    assert http.run(ADAPTER.is_connected(URL))
    assert all(each.is_ok for each in http.run(ADAPTER.check()))


def test_without_a_public_address_that_is_said(
    telegram_api: TelegramServer, settings: Any
) -> None:
    settings.PUBLIC_URL = ""

    with pytest.raises(PermanentProviderError, match="PUBLIC_URL"):
        http.run(ADAPTER.connect("/webhooks/telegram/2f1f6f0e"))
    (bad,) = [each for each in http.run(ADAPTER.check()) if not each.is_ok]

    assert (bad.name, bad.hint) == ("Webhook", "The operator sets PUBLIC_URL.")
    assert telegram_api.webhook.url == ""


def test_a_webhook_that_others_took_shows(
    telegram_api: TelegramServer, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    http.run(ADAPTER.connect(URL))
    telegram_api.webhook.url = "https://somebody.else/hook"
    telegram_api.webhook.error = "Connection timed out"

    assert not http.run(ADAPTER.is_connected(URL))
    bad = [each.detail for each in http.run(ADAPTER.check()) if not each.is_ok]
    assert bad == ["https://somebody.else/hook", "Connection timed out"]


@pytest.mark.parametrize(
    "url", ["http://desk.example/hook", "https://desk.example:9000/hook"]
)
def test_an_address_that_telegram_cannot_call_is_refused(
    telegram_api: TelegramServer, url: str
) -> None:
    with pytest.raises(PermanentProviderError, match="bad webhook"):
        http.run(ADAPTER.connect(url))
