"""Name, language and picture of a contact, where the provider tells them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone

from conversations import intake, profiles
from conversations.models import Contact, Conversation, Portrait
from conversations.tasks import refresh_profiles
from conversations.tests.acting import say
from integrations.adapters.base import Profile
from integrations.adapters.inbound import InboundErasure
from integrations.facts import facts_of
from integrations.rehearsal.meta import MetaServer
from integrations.tests.factories import META, ChannelFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

PICTURE = b"\xff\xd8\xff" + b"a picture" * 50


@pytest.fixture(params=["instagram", "messenger"])
def meta(request: Any, settings: Any) -> Iterator[MetaServer]:
    with MetaServer(request.param) as server:
        settings.META_GRAPH_BASE_URL = server.url
        # The stand-in's pictures are not on the open internet.
        settings.PRIVATE_HOSTS_ALLOWED = ["127.0.0.1"]
        url = f"{server.url}/pictures/1.jpg"
        server.people["9001"] = {"name": "Bat Dorj", "profile_pic": url}
        server.pictures["/pictures/1.jpg"] = PICTURE
        yield server


@pytest.fixture
def shop(account: Any, meta: MetaServer) -> Any:
    """A channel of Meta's on which somebody has just written."""
    known = META[meta.product]
    channel = ChannelFactory(account=account, provider=meta.product, credentials=known)
    say(channel, "How long?", contact_id="9001")
    return channel


def only() -> Contact:
    return Contact.objects.get()


def run() -> int:
    return int(refresh_profiles()["contacts"])


def test_who_has_written_is_asked_about_once(shop: Any) -> None:
    assert (run(), run()) == (1, 0)

    assert only().name == "Bat Dorj"
    portrait = Portrait.objects.get()
    assert (bytes(portrait.image), portrait.content_type) == (PICTURE, "image/jpeg")


def test_telegram_gives_a_picture(telegram: Any, telegram_api: Any) -> None:
    telegram_api.portraits[5551] = PICTURE
    say(telegram, "How long?", contact_id="5551", contact_name="Bat")

    run()

    assert bytes(Portrait.objects.get().image) == PICTURE
    assert only().name == "Bat"
    (asked,) = telegram_api.called("getUserProfilePhotos")
    assert asked == {"user_id": 5551, "limit": 1}


def test_the_language_is_known_where_the_page_may_ask(
    shop: Any, meta: MetaServer
) -> None:
    meta.people["9001"]["locale"] = "mn_MN"

    run()

    lang = "mn" if meta.product == "messenger" else ""
    assert Conversation.objects.get().lang == lang


def test_what_is_known_already_stays(shop: Any) -> None:
    Contact.objects.update(name="Mr Bat")
    Conversation.objects.update(lang="ru")

    run()

    assert only().name == "Mr Bat"
    assert Conversation.objects.get().lang == "ru"


def test_it_is_asked_again_after_a_month(shop: Any, meta: MetaServer) -> None:
    run()
    meta.people["9001"].pop("profile_pic")
    Contact.objects.update(profile_due_at=timezone.now() - dt.timedelta(seconds=1))

    assert run() == 1

    assert not Portrait.objects.exists()
    assert only().portrait_at is None


@pytest.mark.parametrize(("is_told", "days"), [(True, 30), (False, 1)])
def test_what_cannot_be_asked_is_asked_the_next_day(
    shop: Any, meta: MetaServer, *, is_told: bool, days: int
) -> None:
    if not is_told:
        meta.people.clear()

    run()

    due = only().profile_due_at
    assert due is not None
    late = due - timezone.now() - dt.timedelta(days=days)
    assert abs(late) < dt.timedelta(hours=1)


def test_a_picture_inside_our_network_is_not_fetched(shop: Any, settings: Any) -> None:
    settings.PRIVATE_HOSTS_ALLOWED = []

    run()

    assert only().name == "Bat Dorj"
    assert not Portrait.objects.exists()


@pytest.mark.parametrize(
    "image",
    [b"<svg onload='alert(1)'/>", b"<html>", PICTURE + b"x" * 600_000],
    ids=["SVG", "HTML", "too large"],
)
def test_only_small_pictures_are_kept(
    shop: Any, meta: MetaServer, image: bytes
) -> None:
    meta.pictures["/pictures/1.jpg"] = image

    run()

    assert only().name == "Bat Dorj"
    assert not Portrait.objects.exists()


def test_who_has_not_written_lately_is_not_asked_about(shop: Any) -> None:
    before = timezone.now() - dt.timedelta(hours=2)
    Conversation.objects.update(last_message_at=before)

    assert run() == 0


def test_a_channel_that_is_broken_is_not_asked(shop: Any) -> None:
    shop.error = "The token is refused."
    shop.save()

    assert run() == 0


def test_a_provider_without_profiles_is_not_asked(channel: Any) -> None:
    say(channel, "How long?")

    assert run() == 0


def test_who_is_forgotten_loses_the_picture_and_is_not_asked_about(
    shop: Any,
) -> None:
    run()
    contact = only()

    intake.receive([(facts_of(shop), InboundErasure("9001"))])

    assert not Portrait.objects.exists()
    assert (only().name, only().portrait_at) == ("", None)
    assert run() == 0
    # An answer that was on its way comes too late.
    profiles.keep(contact, Profile(name="Bat Dorj", picture=PICTURE))
    assert only().name == ""
    assert not Portrait.objects.exists()


def test_the_desk_shows_who_it_is(client: Any, shop: Any, bob: Any) -> None:
    Conversation.objects.update(lang="mn")
    run()
    client.force_login(bob)
    row = Conversation.objects.get()

    page = client.get(reverse("desk-thread", args=[row.uuid])).content.decode()
    url = reverse("desk-portrait", args=[only().uuid])
    answer = client.get(url)

    assert "Bat Dorj" in page
    assert "Монгол" in page or "Mongolian" in page or "монгол" in page
    assert f'src="{url}?at=' in page
    assert (answer.content, answer["Content-Type"]) == (PICTURE, "image/jpeg")
    assert "sandbox" in answer["Content-Security-Policy"]


def test_a_picture_is_only_its_accounts(
    client: Any, shop: Any, bob: Any, charlie: Any
) -> None:
    url = reverse("desk-portrait", args=[only().uuid])
    run()

    assert client.get(url).status_code == 302
    client.force_login(charlie)
    assert client.get(url).status_code == 404
    client.force_login(bob)
    assert client.post(url).status_code == 405
    Portrait.objects.all().delete()
    assert client.get(url).status_code == 404
