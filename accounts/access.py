"""Who listens to which accounts, and whether they still may.

A request is checked once and is over; a socket stays open while tokens are revoked,
people leave and sessions end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.sessions.models import Session
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from accounts.authentication import BearerAuthentication
from accounts.models import Account, Membership, Token, User

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Access:
    """By what somebody was let in, and to what."""

    user: int
    accounts: frozenset[int]
    #: Key of the bearer token's row; empty: they are signed in.
    token: str = ""
    #: Key of the session; empty: they have a token.
    session: str = ""
    #: Another one after a change of password.
    password_hash: str = ""


def by_token(token: str) -> Access | None:
    """Access by a bearer token, to its account; None: the token opens nothing."""
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    try:
        found = BearerAuthentication().authenticate(request)
    except AuthenticationFailed:
        return None
    if found is None:
        return None
    user, row = found
    return Access(user.pk, frozenset([row.account_id]), token=str(row.pk))


def by_session(user: object, session: str | None) -> Access | None:
    """Access of somebody who is signed in, to all of their accounts; None: to none."""
    if not isinstance(user, User):
        return None
    accounts = Account.objects.for_user(user).values_list("pk", flat=True)
    if not accounts:
        return None
    return Access(
        user.pk,
        frozenset(accounts),
        session=session or "",
        password_hash=user.get_session_auth_hash(),
    )


def standing(accesses: Collection[Access]) -> set[Access]:
    """Those that were still given today; a handful of queries for any number."""
    now = timezone.now()
    unexpired = Q(expiry=None) | Q(expiry__gt=now)
    tokens = set(
        Token.objects.filter(
            unexpired, pk__in={each.token for each in accesses}
        ).values_list("pk", flat=True)
    )
    sessions = set(
        Session.objects.filter(
            session_key__in={each.session for each in accesses}, expire_date__gt=now
        ).values_list("session_key", flat=True)
    )
    users = User.objects.filter(is_active=True).in_bulk(
        {each.user for each in accesses}
    )
    members = set(
        Membership.objects.filter(user__in=users).values_list("user_id", "account_id")
    )

    def stands(access: Access) -> bool:
        user = users.get(access.user)
        if user is None:
            return False
        if access.token:
            is_known = access.token in tokens
        else:
            is_known = (
                access.session in sessions
                and access.password_hash == user.get_session_auth_hash()
            )
        pairs = {(user.pk, account) for account in access.accounts}
        # A token is of a member, whatever else its user may do.
        sees_all = user.is_superuser and not access.token
        return is_known and (sees_all or pairs <= members)

    return {each for each in accesses if stands(each)}
