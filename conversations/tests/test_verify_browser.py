"""The pages behind a link that verifies an address, in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from conversations.tests.browser import (
    ROOT,
    Service,
    page_of,
    running_browser,
    running_service,
    serious,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

#: Prints, for each language, a good link, one that has expired, and the first once more.
LINKS = """
import datetime as dt
from conversations import verifying
from conversations.models import VerificationLink
from conversations.tests.factories import ContactFactory, ConversationFactory
from integrations.models import Channel
channel = Channel.objects.first()
for lang in ("en", "mn", "ru", "es"):
    for hours in (24, -1):
        contact = ContactFactory(channel=channel)
        row = ConversationFactory(channel=channel, contact=contact)
        link = verifying.begin(row, f"bat{contact.pk}@example.mn", lang)
        link.expires_at = link.created_at + dt.timedelta(hours=hours)
        link.save()
        print("link", lang, hours, verifying.address_of(link))
"""
#: Headings of the pages.
VERIFIED = {"en": "Verified successfully", "mn": "Амжилттай баталгаажлаа"}
EXPIRED = {"en": "This link is no longer good", "mn": "Энэ линк хүчингүй болсон"}
TAMPERED = {"en": "This link is not from us", "mn": "Энэ линк биднийх биш байна"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def service(browser: Browser, folder: Path) -> Iterator[Service]:
    with running_service(folder) as service:
        yield service


@pytest.fixture(scope="module")
def links(service: Service, folder: Path) -> dict[tuple[str, str], str]:
    """Addresses by language and hours for which they are good."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", LINKS],
        cwd=ROOT,
        env={
            **os.environ,
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "READ_DOT_ENV": "off",
            "PUBLIC_URL": service.url,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    rows = (line.split() for line in done.stdout.splitlines())
    return {(row[1], row[2]): row[3] for row in rows if row and row[0] == "link"}


@pytest.fixture(params=["en", "mn"])
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(browser: Browser, lang: str) -> Iterator[Page]:
    with page_of(browser, locale=lang) as page:
        yield page


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_expired_and_tampered_links_say_so_in_the_customers_language(
    page: Page, links: dict[tuple[str, str], str], lang: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 780})

    page.goto(links[lang, "-1"])
    heading(page, EXPIRED[lang])
    expect(page.locator("html")).to_have_attribute("lang", lang)
    found = serious(page)
    page.goto(f"{links[lang, '24'].rpartition('.')[0]}.AAAA")
    heading(page, TAMPERED[lang])
    found += serious(page)

    assert found == []


def test_opening_a_link_in_a_browser_verifies_without_another_press(
    page: Page, links: dict[tuple[str, str], str], lang: str
) -> None:
    page.goto(links[lang, "24"])

    heading(page, VERIFIED[lang])
    expect(page.get_by_role("button")).to_have_count(0)
    assert serious(page) == []


@pytest.mark.parametrize("lang", ["ru", "es"])
def test_without_scripts_a_button_verifies(
    browser: Browser, links: dict[tuple[str, str], str], lang: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(links[lang, "24"])
    page.get_by_role("button").click()

    expect(page.locator("main")).to_have_attribute("data-outcome", "verified")
    context.close()
