from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rest_framework.exceptions import AuthenticationFailed

from accounts import services
from accounts.authentication import user_of
from accounts.models import Account, Token, User
from core.exceptions import Conflict, InvalidPayload

if TYPE_CHECKING:
    from django.test import RequestFactory

pytestmark = pytest.mark.django_db


def test_an_account_is_found_by_name_and_by_uuid(account: Account) -> None:
    assert services.find_account(account.name) == account
    assert services.find_account(str(account.uuid)) == account


def test_an_account_that_is_not_there_is_named(account: Account) -> None:
    with pytest.raises(services.UnknownAccount, match="“Nobody”"):
        services.find_account("Nobody")


def test_two_accounts_cannot_have_one_name(account: Account) -> None:
    with pytest.raises(Conflict, match="already"):
        services.create_account(name=f" {account.name} ")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201], ids=["empty", "blank", "long"])
def test_an_unusable_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidPayload, match="name is not usable"):
        services.create_account(name=name)


def test_a_member_gets_a_random_password_unless_given_one(account: Account) -> None:
    first = services.create_member(account=account, username="dora", role="support")
    second = services.create_member(
        account=account, username="emil", role="owner", password="correct horse"
    )

    assert first.user.check_password(first.password)
    assert len(first.password) >= 16
    assert second.user.check_password("correct horse")
    assert second.user.memberships.get().role == "owner"


def test_a_user_name_that_is_taken_is_refused(account: Account, charlie: User) -> None:
    with pytest.raises(Conflict, match="“charlie” is taken"):
        services.create_member(account=account, username="charlie", role="support")

    assert not charlie.memberships.filter(account=account).exists()


def test_a_token_is_stored_as_a_hash_and_can_be_revoked(
    account: Account, alice: User, rf: RequestFactory
) -> None:
    token = services.create_token(user=alice, account=account)
    request = rf.get("/", HTTP_AUTHORIZATION=f"Bearer {token}")
    row = Token.objects.get()
    assert token not in {row.digest, row.token_key}
    assert user_of(request) == alice

    assert services.revoke_tokens([row]) == 1

    with pytest.raises(AuthenticationFailed):
        user_of(request)
