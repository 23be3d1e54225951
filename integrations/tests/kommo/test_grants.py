"""Tokens are renewed once, however many need one, and nothing locks an account out."""

from __future__ import annotations

import asyncio
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone

from core import http
from core.exceptions import CredentialsRefused, UncertainProviderError
from integrations.facts import facts_of
from integrations.kommo import grants
from integrations.kommo.api import Api
from integrations.models import Channel, Grant
from integrations.rehearsal.kommo import CODE, HOST

if TYPE_CHECKING:
    from integrations.rehearsal.kommo import KommoServer

pytestmark = pytest.mark.django_db(transaction=True)

TOKENS = "/oauth2/access_token"


@pytest.fixture
def granted(kommo_channel: Channel, kommo: KommoServer) -> Channel:
    """A channel that was connected by OAuth."""
    del kommo_channel.credentials["token"]
    kommo_channel.save()
    wanted = {"grant_type": "authorization_code", "code": CODE}
    found = http.run(grants.ask(HOST, kommo_channel.credentials, wanted))
    grants.keep(kommo_channel.pk, found)
    kommo.calls.clear()
    return kommo_channel


def renew(channel: Channel, stale: str) -> str:
    return http.run(grants.renewed(facts_of(channel), HOST, stale))


def access_token(channel: Channel) -> str:
    return str(Grant.objects.get(channel=channel).tokens["access_token"])


def test_a_thousand_that_need_a_token_at_once_make_one_call(
    granted: Channel, kommo: KommoServer
) -> None:
    facts, stale = facts_of(granted), access_token(granted)

    async def many() -> list[str]:
        waiting = [grants.renewed(facts, HOST, stale) for _ in range(125)]
        return await asyncio.gather(*waiting)

    # Eight loops, as in eight processes.
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(http.run, many()) for _ in range(8)]
        tokens = {token for each in found for token in each.result()}

    assert tokens == {access_token(granted)} - {stale}
    assert kommo.paths("POST").count(TOKENS) == 1


def test_an_expired_token_is_renewed_and_both_are_kept(
    granted: Channel, kommo: KommoServer
) -> None:
    before = Grant.objects.get()
    Grant.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=1))

    found = http.run(Api(facts_of(granted), HOST).call("GET", "/api/v4/account"))

    after = Grant.objects.get()
    assert found["name"] == "Shop"
    assert after.tokens["refresh_token"] != before.tokens["refresh_token"]
    assert after.renewing_until is None
    assert after.expires_at > timezone.now() + dt.timedelta(hours=23)


def test_a_refused_token_is_renewed_once_and_the_call_repeated(
    granted: Channel, kommo: KommoServer
) -> None:
    kommo.tokens.clear()

    found = http.run(Api(facts_of(granted), HOST).call("GET", "/api/v4/account"))

    assert found["name"] == "Shop"
    assert kommo.paths("POST") == [TOKENS]


def test_an_answer_lost_before_it_was_made_is_asked_for_again(
    granted: Channel, kommo: KommoServer
) -> None:
    kommo.faults.append("lost_before")
    with pytest.raises(UncertainProviderError):
        renew(granted, access_token(granted))

    assert renew(granted, access_token(granted)) == access_token(granted)


def test_an_answer_lost_on_its_way_asks_the_owner_to_connect_again(
    granted: Channel, kommo: KommoServer
) -> None:
    kommo.faults.append("lost_after")
    with pytest.raises(UncertainProviderError):
        renew(granted, access_token(granted))

    with pytest.raises(CredentialsRefused, match="connect the account again"):
        renew(granted, access_token(granted))

    # Connected again, all is well.
    wanted = {"grant_type": "authorization_code", "code": CODE}
    grants.keep(granted.pk, http.run(grants.ask(HOST, granted.credentials, wanted)))
    found = http.run(Api(facts_of(granted), HOST).call("GET", "/api/v4/account"))
    assert found["name"] == "Shop"


def test_a_worker_that_died_while_it_renewed_is_followed_by_another(
    granted: Channel,
) -> None:
    past = timezone.now() - dt.timedelta(seconds=1)
    Grant.objects.update(renewing_until=past)

    assert renew(granted, access_token(granted)) == access_token(granted)


def test_tokens_are_encrypted_at_rest(granted: Channel) -> None:
    token = access_token(granted)

    with connection.cursor() as cursor:
        cursor.execute("SELECT tokens FROM integrations_grant")
        (stored,) = cursor.fetchone()

    assert token
    assert token not in stored
    assert "refresh" not in stored


def test_without_a_token_nothing_is_called(
    kommo_channel: Any, kommo: KommoServer
) -> None:
    del kommo_channel.credentials["token"]

    with pytest.raises(CredentialsRefused, match="not connected"):
        http.run(Api(facts_of(kommo_channel), HOST).call("GET", "/api/v4/account"))

    assert kommo.calls == []
