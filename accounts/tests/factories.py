"""Accounts and the people in them."""

from __future__ import annotations

from typing import Any

import factory
from factory.django import DjangoModelFactory

from accounts.models import Account, Membership, User


class AccountFactory(DjangoModelFactory):
    name = factory.Sequence(lambda number: f"Business {number}")

    class Meta:
        model = Account


class UserFactory(DjangoModelFactory):
    """`UserFactory(member_of=account, role="owner")`; the password is "secret"."""

    username = factory.Sequence(lambda number: f"user{number}")

    class Meta:
        model = User
        skip_postgeneration_save = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> User:
        account = kwargs.pop("member_of", None)
        role = kwargs.pop("role", "support")
        user: User = model_class.objects.create_user(
            *args, **{"password": "secret", **kwargs}
        )
        if account is not None:
            Membership.objects.create(user=user, account=account, role=role)
        return user
