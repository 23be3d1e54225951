"""What the contract suite needs to know of each adapter."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from integrations.adapters.base import ChannelFacts, WebhookRequest
from integrations.kommo import signing
from integrations.rehearsal import kommo
from integrations.tests.factories import CHATWOOT_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOADS = Path(__file__).parents[1] / "payloads"
WEB_KEY = "ck_of-the-channel"


def payload(provider: str, name: str) -> dict[str, Any]:
    """A payload in the provider's published shape."""
    text = (PAYLOADS / provider / f"{name}.json").read_text("utf-8")
    return dict(json.loads(text))


def signed_headers(body: bytes, secret: str, at: float | None = None) -> dict[str, str]:
    """As Chatwoot signs."""
    stamp = str(int(time.time() if at is None else at))
    made = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return {
        "x-chatwoot-timestamp": stamp,
        "x-chatwoot-signature": f"sha256={made.hexdigest()}",
    }


@dataclass(frozen=True)
class Case:
    """One adapter: its channel, a message as it arrives, and how it is signed."""

    facts: ChannelFacts
    message: dict[str, Any]
    #: Headers and query that prove a body genuine, made with a secret.
    sign: Callable[[bytes, str], tuple[dict[str, str], dict[str, str]]]
    secret: str
    #: The channel with these secrets, newest first; None: it has one that stays.
    with_secrets: Callable[[ChannelFacts, list[str]], ChannelFacts] | None
    #: Changes that turn the message into another account's.
    foreign: dict[str, Any] | None
    #: Changes that turn the message into another message.
    other: dict[str, Any]

    def request(
        self, body: dict[str, Any] | bytes, secret: str | None = None
    ) -> WebhookRequest:
        """A genuine request, or one with another secret."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers, query = self.sign(raw, self.secret if secret is None else secret)
        return WebhookRequest(headers=headers, query=query, body=raw)


def _facts(provider: str, credentials: dict[str, str]) -> ChannelFacts:
    return ChannelFacts(
        id=1,
        uuid="2f1f6f0e-6a43-4f3e-9a53-0c4a1d1f0f11",
        account_id=1,
        provider=provider,
        key=WEB_KEY,
        credentials=credentials,
    )


def _with_chatwoot_secrets(facts: ChannelFacts, secrets: list[str]) -> ChannelFacts:
    return _facts(
        "chatwoot", {**facts.credentials, "webhook_secret": ",".join(secrets)}
    )


def _kommo_token(secret: str) -> str:
    now = int(time.time())
    claims = {"iss": f"https://{kommo.HOST}", "iat": now, "exp": now + 300}
    return signing.make({**claims, "account_id": kommo.ACCOUNT}, secret)


CASES = {
    "chatwoot": Case(
        facts=_facts(
            "chatwoot",
            {
                "base_url": "https://chatwoot.example",
                "account_id": "3",
                "bot_token": "bot-token",
                "webhook_secret": CHATWOOT_SECRET,
                "inbox_id": "12",
                "user_token": "user-token",
            },
        ),
        message=payload("chatwoot", "message_created"),
        sign=lambda body, secret: (signed_headers(body, secret), {}),
        secret=CHATWOOT_SECRET,
        with_secrets=_with_chatwoot_secrets,
        foreign={"account": {"id": 4, "name": "Somebody else"}},
        other={"id": 90499},
    ),
    "kommo": Case(
        facts=_facts("kommo", {"host": kommo.HOST, "secret_key": kommo.SECRET}),
        message=payload("kommo", "widget_request"),
        # A body without its token, which may stand in a header as well.
        sign=lambda _, secret: ({"x-auth-token": _kommo_token(secret)}, {}),
        secret=kommo.SECRET,
        with_secrets=lambda facts, secrets: _facts(
            "kommo", {**facts.credentials, "secret_key": ",".join(secrets)}
        ),
        foreign=None,
        other={
            "return_url": "https://shopmn.kommo.com/api/v4/salesbot/41207/continue/2"
        },
    ),
    "web": Case(
        facts=_facts("web", {}),
        message={
            "session_id": "f3a1c2d4-0000-4000-8000-1234567890ab",
            "message_id": "m1",
            "text": "Where is my parcel?",
        },
        sign=lambda _, secret: ({"x-channel-key": secret}, {}),
        secret=WEB_KEY,
        with_secrets=None,
        foreign=None,
        other={"message_id": "m2"},
    ),
}
