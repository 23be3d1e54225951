"""Fixtures that every app's tests share.

One cast: Alice owns the account, Bob is on her team, Charlie is a stranger.
"""

from __future__ import annotations

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


@pytest.fixture(autouse=True)
def _own_surroundings(settings: Any, tmp_path_factory: Any) -> None:
    settings.DATA_DIR = tmp_path_factory.mktemp("data")
    # The real hasher is slow on purpose, and most tests make somebody.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    yield
    from ai_model import setup
    from ai_model.providers import chain
    from integrations import facts, inbox
    from knowledge import search

    chain.reset_breakers()
    inbox.intake.close()
    facts.cache.clear()
    setup.clear()
    search.clear()


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
def conversation(channel: Any) -> Any:
    from conversations.tests.factories import ConversationFactory

    return ConversationFactory(channel=channel)
