"""The CRM of each test, once in process and once at a running service.

`ANSWERDESK_URL=http://…` names a service that runs already, with the demo business.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from core.tests.contract import crm as speaking

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What one person may ask of the service that is started here.
LIMIT = "12/hour"
#: Where its confirmations come from.
SENDER = "help@shop.example"


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the service runs."""
    named = os.environ.get("ANSWERDESK_URL", "").rstrip("/")
    if named:
        yield named
        return
    from conversations.tests.browser import running_service

    folder = tmp_path_factory.mktemp("contract")
    told = {"SENDER_EMAIL": SENDER, "EMAIL_URL": "dummymail://"}
    with running_service(folder, CHAT_RATE_LIMIT=LIMIT, **told) as service:
        yield service.url


@pytest.fixture
def business(request: pytest.FixtureRequest, settings: Any) -> None:
    """A business in this process that knows what the demo knows."""
    from knowledge.tests.factories import EntryFactory

    settings.CHAT_RATE_LIMIT, settings.DEFAULT_FROM_EMAIL = LIMIT, SENDER
    request.getfixturevalue("engine")
    account = request.getfixturevalue("channel").account
    for title, body in {
        "What delivery costs": "Delivery costs $5.90 for each order.",
        "Returning an item": "You may send it back within 30 days.",
        "Gift cards": "Gift cards are valid for two years.",
    }.items():
        EntryFactory(account=account, title=title, body=body)


@pytest.fixture(params=["in_process", "served"])
def send(request: pytest.FixtureRequest, transactional_db: None) -> Any:
    """The way to us."""
    if request.param == "served":
        return speaking.served(request.getfixturevalue("service_url"))
    request.getfixturevalue("business")
    return speaking.in_process(request.getfixturevalue("client"))


@pytest.fixture
def crm(send: Any) -> speaking.Crm:
    """A user of the CRM with a chat window."""
    return speaking.Crm(send)
