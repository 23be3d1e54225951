"""Addresses that arrive from outside: only this account's own are ever called."""

from __future__ import annotations

import pytest

from core.exceptions import InvalidPayload
from integrations.kommo.hosts import account_host, bot_of, continue_path

HOST = "shopmn.kommo.com"
PATH = "/api/v4/salesbot/41207/continue/5599120"
HOSTILE = [
    f"http://{HOST}{PATH}",
    f"https://{HOST}:8443{PATH}",
    f"https://{HOST}:80{PATH}",
    f"https://user@{HOST}{PATH}",
    f"https://user:word@{HOST}{PATH}",
    f"https://evil.example{PATH}",
    f"https://other.kommo.com{PATH}",
    f"https://{HOST}.evil.example{PATH}",
    f"https://evil-kommo.com{PATH}",
    f"https://shopmn.evil-kommo.com{PATH}",
    f"https://a.{HOST}{PATH}",
    f"https://{HOST}.{PATH}",
    f"https://SHOPMN.kommo.com{PATH}",
    f"https://evil.example#{HOST}{PATH}",
    f"https://evil.example?{HOST}{PATH}",
    f"https://evil.example\\@{HOST}{PATH}",
    f"https://{HOST}\\@evil.example{PATH}",
    f"https://{HOST}@evil.example{PATH}",
    f"https://{HOST}%2eevil.example{PATH}",
    f"https://{HOST}%00.evil.example{PATH}",
    f"https://shopmn。kommo。com{PATH}",
    f"https://ѕhopmn.kommo.com{PATH}",
    f"https://127.0.0.1{PATH}",
    f"https://[::1]{PATH}",
    f"https://2130706433{PATH}",
    f"https://0x7f.1{PATH}",
    f"https://169.254.169.254{PATH}",
    f"https://localhost{PATH}",
    f"https://{HOST}/api/v4/leads/1",
    f"https://{HOST}{PATH}/../../../../leads",
    f"https://{HOST}/api/v4/salesbot/41207/continue/",
    f"https://{HOST}/api/v4/salesbot/41207/continue/..%2f..%2fleads",
    f"https://{HOST}/api/v4/salesbot/x/continue/1",
    f"https://{HOST}/redirect?to=https://evil.example{PATH}",
    f"https://{HOST}{PATH}?next=https://evil.example",
    f"https://{HOST}{PATH}#fragment",
    f" https://{HOST}{PATH}",
    f"https://{HOST}{PATH}\n",
    f"https://{HOST}{PATH}\r\nHost: evil.example",
    f"https:/{HOST}{PATH}",
    f"//{HOST}{PATH}",
    f"ftp://{HOST}{PATH}",
    f"file://{HOST}{PATH}",
    "https://" + "a" * 600,
    "https://[::1",
    "",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_none_of_ours(url: str) -> None:
    assert continue_path(url, HOST) == ""


@pytest.mark.parametrize(
    "url",
    [f"https://{HOST}{PATH}", f"https://{HOST}:443{PATH}", f"https://{HOST}{PATH}/",
     f"https://{HOST}/api/v4/marketingbot/7/continue/a-B_9"],
)  # fmt: skip
def test_the_accounts_own_address_is_called(url: str) -> None:
    path = continue_path(url, HOST)

    assert url.endswith(path)
    assert bot_of(path) in ("41207", "7")


def test_nothing_is_called_before_the_account_is_known() -> None:
    assert continue_path(f"https://{PATH}", "") == ""


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("shopmn.kommo.com", HOST),
        (" https://Shopmn.Kommo.com/leads/ ", HOST),
        ("shop-1.amocrm.ru", "shop-1.amocrm.ru"),
        ("shop.amocrm.com", "shop.amocrm.com"),
    ],
)
def test_an_accounts_address_is_understood(text: str, host: str) -> None:
    assert account_host(text) == host


@pytest.mark.parametrize(
    "text",
    ["", "kommo.com", "www.kommo.com", "evil-kommo.com", "a.b.kommo.com", "-.kommo.com",
     "kommo.com.evil.example", "shop.kommo.com.evil.example", "127.0.0.1", "https://[",
     "shop.kommo.ru", "amojo.kommo.com", "ѕhop.kommo.com"],
)  # fmt: skip
def test_what_is_no_account_of_kommo_is_refused(text: str) -> None:
    with pytest.raises(InvalidPayload):
        account_host(text)
