"""Reading a mailbox over the wire."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from core import imap
from core.exceptions import PermanentProviderError, TemporaryProviderError
from integrations.rehearsal.mail import MailServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def opened(mail: MailServer) -> imap.Reader:
    return imap.Reader(imap.parse(mail.mailbox_url))


def test_an_address_names_all_that_is_needed() -> None:
    found = imap.parse("imaps://desk%40shop.example:a%2Fb@mail.example/My%20Mail")

    assert found == imap.Server(
        "imaps", "mail.example", 993, "desk@shop.example", "a/b", "My Mail"
    )
    assert "a/b" not in found.name


@pytest.mark.parametrize("url", ["", "mail.example", "https://a:b@c", "imaps://host"])
def test_what_is_no_mailbox_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="imaps://"):
        imap.parse(url)


def test_what_came_since_is_read_and_nothing_is_changed(mail: MailServer) -> None:
    for number in range(1, 4):
        mail.put(f"Subject: {number}\r\n\r\nWords {number}".encode())

    with opened(mail) as reader:
        assert reader.validity == 1
        assert reader.after(1) == [2, 3]
        assert reader.after(3) == []
        assert reader.after(0, since=dt.datetime(2026, 11, 2, tzinfo=dt.UTC)) == [
            1,
            2,
            3,
        ]
        assert reader.heads([2, 3, 9]) == {
            2: b"Subject: 2\n\n", 3: b"Subject: 3\n\n",
        }  # fmt: skip
        assert reader.whole(2, 1000) == b"Subject: 2\r\n\r\nWords 2"
        assert reader.whole(2, 7) == b"Subject"
        assert reader.whole(9, 7) == b""
    assert "SEARCH UID 1:* SINCE 02-Nov-2026" in mail.asked
    assert mail.asked[1:3] == ["LOGIN", 'EXAMINE "INBOX"']
    assert all("PEEK" in each for each in mail.asked if "FETCH" in each)


def test_a_login_that_is_refused_is_told_in_the_servers_words(mail: MailServer) -> None:
    mail.faults.append("login")

    with pytest.raises(PermanentProviderError, match="Invalid credentials"):
        opened(mail).__enter__()


def test_a_folder_that_there_is_not_is_told(mail: MailServer) -> None:
    server = imap.parse(mail.mailbox_url.replace("INBOX", "Elsewhere"))

    with pytest.raises(PermanentProviderError, match="no such folder"):
        imap.Reader(server).__enter__()


def test_a_server_that_goes_away_is_tried_later(mail: MailServer) -> None:
    mail.put(b"Subject: Hi\r\n\r\nHi")
    mail.faults.extend(["hang_up", "bye"])

    for _ in range(2):
        with opened(mail) as reader, pytest.raises(TemporaryProviderError):
            reader.whole(1, 100)


def test_a_server_that_is_away_is_tried_later(mail: MailServer) -> None:
    url = mail.mailbox_url
    mail.__exit__()

    with pytest.raises(TemporaryProviderError):
        imap.Reader(imap.parse(url)).__enter__()


def test_a_server_that_speaks_no_tls_is_no_place_for_a_password(
    mail: MailServer,
) -> None:
    for scheme in ("imaps", "imap+tls"):
        url = mail.mailbox_url.replace("imap:", f"{scheme}:")

        with pytest.raises(TemporaryProviderError):
            imap.Reader(imap.parse(url)).__enter__()
    assert "LOGIN" not in mail.asked
