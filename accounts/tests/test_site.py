"""The administration as somebody of staff meets it who belongs to no account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from accounts.models import Membership

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

pytestmark = pytest.mark.django_db

PAGES = [
    "/admin/",
    "/admin/accounts/",
    "/admin/accounts/user/",
    "/admin/accounts/user/1/change/",
    "/admin/nowhere/",
]


@pytest.fixture
def newcomer(alice: User) -> User:
    Membership.objects.filter(user=alice).delete()
    return alice


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_to_do(client: Client, newcomer: User, page: str) -> None:
    client.force_login(newcomer)

    response = client.get(page)

    body = response.content.decode()
    assert response.status_code == 403
    assert "You belong to no account yet" in body
    assert "Ask an owner" in body
    assert f'action="{reverse("logout")}"' in body


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("es", "Todavía no pertenece a ninguna cuenta"),
        ("ru", "Вы пока не состоите ни в одном аккаунте"),
        ("mn", "Та одоогоор ямар ч бүртгэлд хамаарахгүй байна"),
    ],
)
def test_it_says_so_in_their_language(
    client: Client, newcomer: User, lang: str, words: str
) -> None:
    client.force_login(newcomer)

    response = client.get("/admin/", headers={"accept-language": lang})

    assert words in response.content.decode()


def test_they_may_change_their_password(client: Client, newcomer: User) -> None:
    client.force_login(newcomer)

    assert client.get(reverse("admin:password_change")).status_code == 200


def test_others_are_refused_as_ever(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    found = [client.get(page).status_code for page in PAGES]

    assert found[0] == 200
    assert found[-1] == 404


def test_superusers_need_no_account(client: Client, newcomer: User) -> None:
    newcomer.is_superuser = True
    newcomer.save()
    client.force_login(newcomer)

    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/nowhere/").status_code == 404


def test_whoever_is_not_of_staff_is_asked_to_sign_in(
    client: Client, newcomer: User
) -> None:
    newcomer.is_staff = False
    newcomer.save()
    client.force_login(newcomer)

    assert client.get("/admin/").status_code == 302
