"""Fixtures that every app's tests share.

One cast: Alice owns the account, Bob is on her team, Charlie is a stranger.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: Any
) -> None:
    """SQLite in a file: the engine's threads need what only a real one does."""
    from django.conf import settings

    if settings.IS_SQLITE:
        folder = tmp_path_factory.mktemp("database")
        settings.DATABASES["default"]["TEST"]["NAME"] = str(folder / "test.db")


@pytest.fixture(scope="session", autouse=True)
def _empty_tables_by_deleting() -> Iterator[None]:
    """After tests that commit, delete what they left.

    Django's own flush truncates every table and makes all permissions anew, which takes
    a third of a second on PostgreSQL.
    """
    from django.db import connection, transaction
    from django.test import TransactionTestCase

    def empty(_case: TransactionTestCase) -> None:
        tables = connection.introspection.django_table_names(
            only_existing=True, include_views=False
        )
        # What migrations made, and no test changes.
        made = {"auth_permission", "django_content_type"}
        # In any order: constraints are checked at the end of the transaction.
        with transaction.atomic(), connection.cursor() as cursor:
            for name in set(tables) - made:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(name)}")  # noqa: S608

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(autouse=True)
def _counts_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What earlier tests counted in Redis is of other people with the same names."""
    from core import rates

    monkeypatch.setattr(rates, "_PREFIX", f"answerdesk.test.{uuid.uuid4().hex}.")


@pytest.fixture(autouse=True)
def _own_surroundings(settings: Any, tmp_path_factory: Any) -> None:
    settings.DATA_DIR = tmp_path_factory.mktemp("data")
    # The real hasher is slow on purpose, and most tests make somebody.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    yield
    from django.utils import translation

    from ai_model import pricing, setup
    from ai_model.providers import chain
    from core import periodic, rates
    from integrations import facts, inbox
    from knowledge import embedders, queries, search

    chain.reset_breakers()
    inbox.intake.close()
    facts.cache.clear()
    rates.memory.clear()
    periodic.clear()
    setup.clear()
    pricing.forget()
    search.clear()
    embedders.clear()
    queries.encoder.clear()
    # A request leaves the language that it was answered in.
    translation.deactivate()


@pytest.fixture
def network() -> Iterator[Any]:
    """The outside world: queue replies, read what was sent."""
    from core.tests.network import Network

    with Network().installed() as installed:
        yield installed


@pytest.fixture
def engine(transactional_db: None) -> Iterator[Any]:
    """A running worker loop, as in a worker process."""
    from core import work

    yield work.start()
    work.stop()


@pytest.fixture
def account(db: None) -> Any:
    from accounts.tests.factories import AccountFactory

    return AccountFactory(name="Alice's Shop")


@pytest.fixture
def alice(account: Any) -> Any:
    from accounts.tests.factories import UserFactory

    return UserFactory(username="alice", is_staff=True, member_of=account, role="owner")


@pytest.fixture
def bob(account: Any) -> Any:
    from accounts.tests.factories import UserFactory

    return UserFactory(username="bob", member_of=account, role="support")


@pytest.fixture
def support_user(bob: Any) -> Any:
    return bob


@pytest.fixture
def charlie(db: None) -> Any:
    from accounts.tests.factories import AccountFactory, UserFactory

    other = AccountFactory(name="Charlie's Garage")
    return UserFactory(username="charlie", is_staff=True, member_of=other, role="owner")


@pytest.fixture
def channel(account: Any) -> Any:
    from integrations.tests.factories import ChannelFactory

    return ChannelFactory(account=account, is_default=True)


@pytest.fixture
def chatwoot(account: Any) -> Any:
    from integrations.tests.factories import ChatwootChannelFactory

    return ChatwootChannelFactory(account=account)


@pytest.fixture
def freshdesk(settings: Any) -> Iterator[Any]:
    """A stand-in for Freshdesk, over real sockets."""
    from integrations.desks import limits
    from integrations.rehearsal.freshdesk import FreshdeskServer

    with FreshdeskServer() as server:
        settings.FRESHDESK_BASE_URL = server.url
        yield server
    limits.clear()


@pytest.fixture
def telegram_api(settings: Any) -> Iterator[Any]:
    """A stand-in for Telegram, over real sockets; every call must fit its schema."""
    from integrations.rehearsal.telegram import TelegramServer

    with TelegramServer() as server:
        settings.TELEGRAM_BASE_URL = server.url
        yield server
    assert server.problems == []


@pytest.fixture
def telegram(account: Any, telegram_api: Any) -> Any:
    from integrations.tests.factories import TelegramChannelFactory

    return TelegramChannelFactory(account=account)


@pytest.fixture
def desk(account: Any, freshdesk: Any) -> Any:
    from integrations.tests.factories import DeskFactory

    return DeskFactory(account=account)


@pytest.fixture
def kommo(settings: Any) -> Iterator[Any]:
    """A stand-in for Kommo, over real sockets."""
    from integrations.rehearsal.kommo import KommoServer

    with KommoServer(limit=0) as server:
        settings.KOMMO_BASE_URL = server.url
        yield server


@pytest.fixture
def kommo_channel(account: Any) -> Any:
    from integrations.tests.factories import KommoChannelFactory

    return KommoChannelFactory(account=account)


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Any]:
    """A mail server, over real sockets."""
    from core.tests.mailbox import Mailbox

    with Mailbox() as server:
        server.configure(settings)
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser."""
    from conversations.tests.browser import running_browser

    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def service(browser: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """The running service with the demo business, for the browser."""
    from conversations.tests.browser import running_service

    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def conversation(channel: Any) -> Any:
    from conversations.tests.factories import ConversationFactory

    return ConversationFactory(channel=channel)
