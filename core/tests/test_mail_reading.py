"""What e-mails say, from many programs and from people who mean no good."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from typing import Any

import pytest

from core.mail_reading import html_to_text, read, without_history

US = "desk@shop.example"
OURS = "7f3a0c52-5e0c-4b51-9b0e-0d6a6b7f1c11"


def mail(text: str = "Thanks!", **headers: str) -> EmailMessage:
    made = EmailMessage()
    given = {
        "From": "Jane <Jane@Company.com>",
        "Subject": "Re: [#1] Your support ticket",
        "Message-ID": "<1@company.com>",
        "References": f"<0@x> <{OURS}@shop.example>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in given.items():
        made[name] = value
    made.set_content(text)
    return made


def understood(made: EmailMessage | bytes) -> Any:
    raw = made if isinstance(made, bytes) else made.as_bytes()
    return read(raw, own_address=US)


def test_a_reply_names_what_it_answers() -> None:
    found = understood(mail())

    assert found.sender == "jane@company.com"
    assert found.references == (OURS,)
    assert found.text == "Thanks!"
    assert not found.is_automatic
    assert found.digest == understood(mail("Another copy")).digest


HISTORIES = {
    "Gmail": f"Yes, please.\n\nOn Mon, 22 Nov 2026 at 01:00, Shop <{US}> wrote:\n"
    "\n> We have created\n> a ticket.\n",
    "Gmail, broken": "Yes, please.\n\nOn Mon, 22 Nov 2026 at 01:00,\n"
    f"Shop <{US}> wrote:\n> Hi\n",
    "Gmail, broken behind the address": "Yes, please.\n"
    f"On Mon, 22 Nov 2026 at 01:00, Shop <{US}>\nwrote:\n> Hi\n",
    "Gmail in Mongolian": "Yes, please.\n"
    f"2026 оны 11-р сарын 22, Ня 01:00 цагт Shop <{US}> бичсэн:\n> Hi\n",
    "Apple": "Yes, please.\n\n> On 22 Nov 2026, at 01:00, Shop wrote:\n> \n> Hi\n",
    "by name": "Yes, please.\n\nAm 22.11.2026 um 01:00 schrieb Shop:\n> Hi\n",
    "Outlook": f"Yes, please.\n\n________________________________\nFrom: Shop <{US}>\n"
    "Sent: Monday\n\nHi Jane,\nWe have created …",
    "Outlook without a rule": f"Yes, please.\n\n*Von:* Shop <{US}>\n*Gesendet:* Montag\n"
    "\nHi Jane",
    "old Outlook": "Yes, please.\n\n-----Original Message-----\nFrom: Shop\n\nHi",
    "a signature": "Yes, please.\n\n-- \nJane Smith\nSales",
    "below": f"On Mon, 22 Nov 2026 at 01:00, Shop <{US}> wrote:\n> Shall we?\n\n"
    "Yes, please.\n",
}


@pytest.mark.parametrize("text", HISTORIES.values(), ids=HISTORIES)
def test_only_what_is_new_is_read(text: str) -> None:
    assert without_history(text, US) == "Yes, please."


def test_words_between_quotations_are_kept() -> None:
    text = "> Which size?\nLarge.\n> Which colour?\nBlue."

    assert without_history(text, US) == "Large.\nBlue."


def test_our_address_in_the_customers_own_words_stays() -> None:
    text = f"I wrote to {US} yesterday.\nNobody answered."

    assert without_history(text, US) == text


def test_what_is_only_a_quotation_stays_whole() -> None:
    assert understood(mail("> This?\n")).text == "> This?"


def test_html_becomes_text_without_scripts_and_history() -> None:
    page = (
        "<html><head><title>No</title><style>p{}</style></head><body>"
        "<p>Yes,&nbsp;please &lt;b&gt;.<br>Soon</p><script>alert(1)</script>"
        "<ul><li>one<li>two</ul>"
        '<div class="gmail_quote"><div>On Mon wrote:</div><blockquote>Hi</blockquote>'
        "</div><p>Below</p></body>"
    )

    lines = html_to_text(page).split("\n")

    assert [each for each in lines if each] == [
        "Yes, please <b>.", "Soon", "one", "two", "Below",
    ]  # fmt: skip


def test_html_without_plain_text_is_read() -> None:
    made = mail()
    made.set_content("<p>Hello</p><blockquote>old</blockquote>", subtype="html")

    assert understood(made).text == "Hello"


@pytest.mark.parametrize(
    "page", ["<" * 5000, "<div>" * 5000 + "x", "</p>" * 99, "<!--"]
)
def test_html_that_is_broken_does_no_harm(page: str) -> None:
    assert isinstance(html_to_text(page), str)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; type=x"},
        {"Precedence": "bulk"},
        {"X_Autoreply": "yes"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@mx.example"},
        {"From": "no-reply@company.com"},
    ],
    ids=str,
)
def test_what_a_program_wrote_is_told_apart(headers: dict[str, str]) -> None:
    assert understood(mail(**headers)).is_automatic


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "no"}, {"Return_Path": "<jane@company.com>"}],
    ids=str,
)
def test_what_a_person_wrote_is_too(headers: dict[str, str]) -> None:
    assert not understood(mail(**headers)).is_automatic


BOUNCE = f"""\
From: Mail Delivery <MAILER-DAEMON@mx.example>
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

550 No such user here
--b
Content-Type: message/delivery-status

Final-Recipient: rfc822; jane@company.com
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: <{OURS}@shop.example>
--b--
"""


def test_a_bounce_names_what_did_not_arrive() -> None:
    found = understood(BOUNCE.encode())

    assert (found.is_report, found.has_failed, found.is_automatic) == (True,) * 3
    assert found.references == (OURS,)
    assert found.text == "550 No such user here"


def test_a_report_of_a_delay_is_no_bounce() -> None:
    late = BOUNCE.replace("Action: failed", "Action: delayed")

    assert not understood(late.encode()).has_failed


def test_files_are_named_and_not_kept() -> None:
    made = mail("See there.")
    made.add_attachment(
        b"%PDF" * 10, maintype="application", subtype="pdf", filename="зураг\r\n.pdf"
    )
    made.add_attachment("Not my words", filename="notes.txt")

    found = understood(made)

    assert found.text == "See there."
    assert [each.content_type for each in found.files] == [
        "application/pdf", "text/plain",
    ]  # fmt: skip
    assert found.files[1].name == "notes.txt"


def test_a_mail_that_is_cut_off_is_read_as_far_as_it_goes() -> None:
    made = mail("Here it is.")
    made.add_attachment(b"x" * 9000, maintype="image", subtype="png", filename="a.png")

    found = understood(made.as_bytes()[:1500])

    assert (found.text, found.files[0].name) == ("Here it is.", "a.png")


BROKEN = {
    "nothing": b"",
    "no header": b"\r\n\r\nHello",
    "bytes": bytes(range(256)) * 4,
    "unknown charset": b"From: a@b\nContent-Type: text/plain; charset=klingon\n\nHi",
    "bad encoding": b"From: a@b\nContent-Transfer-Encoding: base64\n\n!!!!",
    "bad sender": b"From: =?utf-8?b?!!!?= <<a@@b>\nSubject: =?x?y?z?=\n\nHi",
    "no sender": b"From: \nMessage-ID: <>\n\nHi",
    "deep": b"Content-Type: multipart/mixed; boundary=a\n\n--a\n" * 200,
    "a NUL": b"From: a@b\nSubject: a\x00b\n\nHi\x00",
    "8 bits in headers": "From: Жан <a@b>\nSubject: Сайн\n\nHi".encode(),
    "many references": b"References: " + b" ".join([b"<x@y>"] * 9000) + b"\n\nHi",
    "a long word": b"Subject: " + b"x" * 100_000 + b"\n\n" + b"y" * 100_000,
    "half a character": b"Content-Type: text/plain; charset=utf-7\n\n+2AA-",
    "base64": b"Content-Transfer-Encoding: base64\n\n" + base64.b64encode(b"\xff" * 99),
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_whatever_comes_is_read_somehow(raw: bytes) -> None:
    found = understood(raw)

    assert len(found.text) <= 20_000
    assert len(found.subject) <= 200
    assert "\x00" not in found.text + found.subject + found.sender
    (found.text + found.subject + found.sender).encode()
