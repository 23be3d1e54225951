"""Take the pictures in `docs/images`: `python -m conversations.tests.pictures`."""

from __future__ import annotations

import json
import re
import tempfile
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from conversations.tests.browser import (
    ROOT,
    Service,
    page_of,
    running_browser,
    running_service,
    sign_in,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZE = {"width": 1280, "height": 800}
#: What other customers ask while the pictures are taken.
OTHERS = {
    "Liam Novak": "How do I wash my waterproof jacket?",
    "Сараа Бат-Эрдэнэ": "Хүргэлт хэд вэ?",
    "Anna Keller": "What are the opening hours of the shop?",
    "Mateo Ruiz": "Could your tent survive on Mars?",
    "Ines Moreau": "Where is my order?",
    "Tom Baker": "I would like to talk to a human, please.",
}


def ask(page: Page, text: str) -> None:
    """Ask in the chat, and wait for what comes of it."""
    answers = page.locator("[data-messages] > .message-assistant")
    count = answers.count()
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")
    answers.nth(count).wait_for()


def write(service: Service, channel: str, key: str, name: str, text: str) -> None:
    """Write as another customer, one who has given a name."""
    session = str(uuid.uuid4())
    body = {"session_id": session, "message_id": "1", "text": text, "name": name}
    request = urllib.request.Request(  # noqa: S310 (our own service)
        f"{service.url}/webhooks/web/{channel}",
        json.dumps(body).encode(),
        {"X-Channel-Key": key, "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()  # noqa: S310


def take(service: Service, customer: Page, support: Page) -> None:
    """Live through a handoff, and take a picture of each side."""
    customer.set_viewport_size(SIZE)
    support.set_viewport_size(SIZE)
    customer.goto(service.url)
    found = re.search(
        r'data-channel="([^"]+)" data-key="([^"]+)"',
        " ".join(customer.content().split()),
    )
    assert found is not None
    for name, text in OTHERS.items():
        write(service, found[1], found[2], name, text)
    customer.wait_for_timeout(3000)
    sign_in(support, service, "support")
    ask(customer, "How much does delivery cost?")
    customer.get_by_role("button", name="Connect Agent").click()
    support.locator("[data-row]", has_text="$5.90").first.click()
    ask(customer, "Can I talk to a person, please?")
    support.get_by_label("Reply").fill("Hi, Sam here. How can I help you?")
    support.keyboard.press("Control+Enter")
    customer.locator("[data-messages] > .message-support").wait_for()
    customer.get_by_label("Your message").fill("Can you wrap it as a present?")
    customer.keyboard.press("Enter")
    support.get_by_text("Can you wrap it as a present?").last.wait_for()
    for page in (customer, support):
        page.wait_for_timeout(2500)
    customer.screenshot(path=ROOT / "docs/images/chat.png")
    support.screenshot(path=ROOT / "docs/images/desk.png")


def embed(service: Service, page: Page) -> None:
    """Ask in the widget on a page of a CRM, and take a picture of that."""
    page.set_viewport_size({"width": 1000, "height": 760})
    query = (
        "agent-id=jane&name=Jane&email=jane@company.example&agency=Sales&office=Paris"
    )
    page.goto(f"{service.url}/widget/host?{query}")
    page.get_by_label("Open the chat").click()
    ask(page, "How much does delivery cost?")
    page.get_by_label("Helpful", exact=True).click()
    page.get_by_text("Thanks!").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=ROOT / "docs/images/widget.png")


def main() -> None:
    """Start the demo, and take the pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_browser() as browser,
        running_service(Path(folder)) as service,
        page_of(browser) as customer,
        page_of(browser) as support,
        page_of(browser) as user,
    ):
        take(service, customer, support)
        embed(service, user)


if __name__ == "__main__":
    main()
