"""Fixtures for the APIs of the knowledge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.services import create_token

#: Gives a client that speaks for a person, by bearer token.
Calls = Callable[..., APIClient]


@pytest.fixture
def call(account: Any) -> Calls:
    def client_of(user: Any = None) -> APIClient:
        client = APIClient()
        if user is not None:
            token = create_token(user=user, account=user.accounts.get())
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return client_of
