"""A provider that refuses our credentials: kept, and told to the owners once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from integrations import breakage

if TYPE_CHECKING:
    from integrations.models import Channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(chatwoot: Channel, alice: Any) -> Channel:
    alice.email = "alice@shop.example"
    alice.save()
    breakage.note_refusal(chatwoot.pk, "chatwoot answered 401.")
    chatwoot.refresh_from_db()
    return chatwoot


def test_a_refusal_is_kept_with_its_time_and_words(broken: Channel) -> None:
    since = broken.broken_at

    breakage.note_refusal(broken.pk, "chatwoot answered 401 again.")

    broken.refresh_from_db()
    assert (broken.error, broken.broken_at) == ("chatwoot answered 401.", since)


def test_the_owners_are_told_once(broken: Channel, mailbox: Any) -> None:
    assert breakage.tell_owners() == 1
    assert breakage.tell_owners() == 0

    (letter,) = mailbox.wait_for()
    assert letter["To"] == "alice@shop.example"
    assert "chatwoot answered 401." in letter.get_body(("plain",)).get_content()


def test_owners_are_told_when_the_mail_server_is_back(
    broken: Channel, mailbox: Any
) -> None:
    mailbox.answers.append("451 Come back later")

    assert breakage.tell_owners() == 0
    assert breakage.tell_owners() == 1


def test_a_call_that_works_mends_it(broken: Channel) -> None:
    breakage.note_success(broken.pk)

    broken.refresh_from_db()
    assert (broken.error, broken.broken_at) == ("", None)
