"""What is done to accounts and the people who work for them."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Account, Membership, Token, User
from core.exceptions import AppError, Conflict, InvalidPayload

if TYPE_CHECKING:
    from collections.abc import Iterable


class UnknownAccount(AppError):
    """No account has this name or id."""

    code = "unknown_account"
    status_code = 404


class UnknownUser(AppError):
    """No user has this name."""

    code = "unknown_user"
    status_code = 404


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in, with the password that is known only now."""

    user: User
    role: str
    password: str


def find_account(text: str) -> Account:
    """The account of this name or uuid; raises `UnknownAccount`."""
    account: Account | None = Account.objects.filter(name=text).first()
    if account is None and (key := as_uuid(text)) is not None:
        account = Account.objects.filter(uuid=key).first()
    if account is None:
        raise UnknownAccount(f"There is no account with the name or id “{text}”.")
    return account


def accounts_of(username: str) -> list[Account]:
    """The accounts that a user works for, by name; raises `UnknownUser`."""
    user: User | None = User.objects.filter(username=username).first()
    if user is None:
        raise UnknownUser(f"There is no user “{username}”.")
    return list(user.accounts.order_by("name"))


def create_account(*, name: str, is_demo: bool = False) -> Account:
    """Add a business; raises `InvalidPayload` or `Conflict`."""
    account = Account(name=name.strip(), is_demo=is_demo)
    _add(account, "name", f"There is an account called “{account.name}” already.")
    return account


@transaction.atomic
def create_member(
    *,
    account: Account,
    username: str,
    role: str,
    password: str = "",
    is_staff: bool = False,
) -> Person:
    """Add somebody who works for the account, with a random password unless given one.

    Raises `Conflict` when the user name is taken, `InvalidPayload` when it cannot be
    one. `is_staff` opens the admin.
    """
    password = password or secrets.token_urlsafe(12)
    user = User(username=username, is_staff=is_staff)
    user.set_password(password)
    _add(user, "username", f"The user name “{username}” is taken.")
    Membership.objects.create(user=user, account=account, role=role)
    return Person(user, role, password)


def create_token(*, user: User, account: Account, name: str = "") -> str:
    """Add a bearer token that never expires; returns it, for the only time."""
    _row, token = Token.objects.create(
        user=user, account=account, name=name, expiry=None
    )
    return str(token)


def revoke_tokens(tokens: Iterable[Token]) -> int:
    """Make bearer tokens useless from now on; returns how many there were."""
    keys = [each.pk for each in tokens]
    count, _by_model = Token.objects.filter(pk__in=keys).delete()
    return int(count)


def set_random_password(*, user: User) -> str:
    """Give the user a new password; returns it, for the only time."""
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def as_uuid(text: str) -> uuid.UUID | None:
    """The text as a UUID, if it is one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _add(row: Account | User, field: str, taken: str) -> None:
    """Save a new row, which is named by `field`.

    Raises `Conflict` with the words of `taken`, and `InvalidPayload`.
    """
    namesakes = type(row)._default_manager.filter(**{field: getattr(row, field)})
    if namesakes.exists():
        raise Conflict(taken)
    try:
        row.clean_fields(exclude={each.name for each in row._meta.fields} - {field})
    except ValidationError as exc:
        words = " ".join(exc.messages)
        raise InvalidPayload(f"The {field} is not usable: {words}") from exc
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as exc:
        raise Conflict(taken) from exc
