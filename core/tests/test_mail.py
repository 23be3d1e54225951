"""E-mail over a real connection: one attempt, and what is known after it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest

from core import mail
from core.exceptions import (
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from core.mail import Mail
from core.tests.mailbox import HANG_UP

LETTER = Mail(
    reference=uuid.UUID("7f3a0c52-5e0c-4b51-9b0e-0d6a6b7f1c11"),
    to=("jane@company.com",),
    subject="[#12] Таны тасалбар",
    text="Сайн байна уу, Жэйн",
    html="<p>Сайн байна уу, Жэйн</p>",
    sender_name="Alice's Shop",
)


def send(letter: Mail = LETTER) -> None:
    asyncio.run(mail.send(letter))


def test_a_letter_arrives_in_text_and_html(mailbox: Any) -> None:
    send()

    (found,) = mailbox.messages
    assert mailbox.recipients == [["jane@company.com"]]
    assert found["Subject"] == "[#12] Таны тасалбар"
    assert found["From"] == "Alice's Shop <desk@shop.example>"
    assert found["To"] == "jane@company.com"
    assert found["Reply-To"] == "desk@shop.example"
    assert found["Message-ID"] == f"<{LETTER.reference}@shop.example>"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Date"]
    assert found.get_body(["plain"]).get_content().strip() == LETTER.text
    assert found.get_body(["html"]).get_content().strip() == LETTER.html


def test_a_persons_reply_stands_in_its_thread(mailbox: Any) -> None:
    send(replace(LETTER, thread=uuid.UUID(int=1), is_automatic=False))

    (found,) = mailbox.messages
    first = "<00000000-0000-0000-0000-000000000001@shop.example>"
    assert (found["References"], found["In-Reply-To"]) == (first, first)
    assert found["Auto-Submitted"] is None


def test_line_breaks_do_not_make_headers(mailbox: Any) -> None:
    evil = "Shop\r\nBcc: victim@example.com"

    send(replace(LETTER, sender_name=evil, subject=evil))

    (found,) = mailbox.messages
    assert found["Bcc"] is None
    assert found["Subject"] == "Shop Bcc: victim@example.com"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("451 Come back later", TemporaryProviderError),
        ("550 No such user", PermanentProviderError),
        (HANG_UP, UncertainProviderError),
    ],
)
def test_what_the_server_says_is_kept(mailbox: Any, answer: str, kind: Any) -> None:
    mailbox.answers.append(answer)

    with pytest.raises(kind) as caught:
        send()

    assert type(caught.value) is kind
    if answer != HANG_UP:
        assert str(caught.value) == answer


def test_a_server_that_is_away_is_tried_again(mailbox: Any, settings: Any) -> None:
    settings.EMAIL_PORT = 1

    with pytest.raises(TemporaryProviderError) as caught:
        send()

    assert type(caught.value) is TemporaryProviderError


def test_nothing_leaves_where_nothing_is_configured(
    mailbox: Any, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL = ""

    assert not mail.is_configured()
    with pytest.raises(PermanentProviderError):
        send()
    assert mailbox.messages == []
