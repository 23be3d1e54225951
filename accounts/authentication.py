"""Bearer tokens: each belongs to one user in one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from knox.auth import TokenAuthentication
from rest_framework import exceptions

from accounts.models import Account, Token, User

if TYPE_CHECKING:
    from django.http import HttpRequest


class BearerAuthentication(TokenAuthentication):  # type: ignore[misc]
    """`Authorization: Bearer …`; `request.auth` is the token, with its account."""

    def authenticate(self, request: Any) -> tuple[User, Token] | None:
        found: tuple[User, Token] | None = super().authenticate(request)
        if found is None:
            return None
        user, token = found
        if not user.memberships.filter(account=token.account_id).exists():
            raise exceptions.AuthenticationFailed(
                "The token's user is no longer a member of its account."
            )
        return user, token


def user_of(request: HttpRequest) -> User | None:
    """Who makes a plain request, by session or bearer token; None: nobody we know.

    Raises DRF's `AuthenticationFailed` for a token that is wrong or revoked.
    """
    found = BearerAuthentication().authenticate(request)
    if found is not None:
        return found[0]
    user = request.user
    return user if isinstance(user, User) and user.is_active else None


def is_member(user: User | None, account: Account) -> bool:
    """Whether this person works for the account; superusers work for all."""
    if user is None:
        return False
    return user.is_superuser or user.memberships.filter(account=account).exists()
