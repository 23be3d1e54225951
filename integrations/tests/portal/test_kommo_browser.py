"""Kommo's tabs, and the widget's script, in a real browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from conversations.tests.browser import (
    Service,
    page_of,
    running_service,
    sign_in,
)
from integrations.kommo.archive import FOLDER
from integrations.kommo.replies import ASK, DECIDE, SHOW_REPLY
from integrations.rehearsal.kommo import CLIENT, HOST, LONG_LIVED, SECRET, KommoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

#: What Kommo's designer gives a widget, as far as this one uses it.
DESIGNER = """
window.define = (needed, make) => { window.made = make(); };
window.load = (words) => {
  const host = { i18n: (name) => words[name] };
  window.made.call(host);
  window.widget = host.callbacks;
};
"""


@pytest.fixture(scope="module")
def kommo_server() -> Iterator[KommoServer]:
    with KommoServer(limit=0) as server:
        yield server


@pytest.fixture(scope="module")
def service(
    browser: Browser,
    kommo_server: KommoServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    outside = {
        "KOMMO_BASE_URL": kommo_server.url,
        "PUBLIC_URL": "http://127.0.0.1:9",
    }
    with running_service(folder, **outside) as service:
        yield service


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_of(browser) as page:
        yield page


def saved_by(page: Page, params: dict[str, str]) -> list[dict[str, Any]]:
    """What the designer keeps of the block."""
    script = "params => widget.onSalesbotDesignerSave('ask_assistant', params)"
    steps: list[dict[str, Any]] = json.loads(page.evaluate(script, params))
    return steps


def answer_almost_certainly(route: Route) -> None:
    """The service's own answer, with another confidence."""
    response = route.fetch()
    route.fulfill(response=response, json=response.json() | {"confidence": 0.9987})


def test_an_owner_connects_looks_and_tries(page: Page, service: Service) -> None:
    sign_in(page, service, "owner")
    page.get_by_role("link", name="Channels").click()
    page.get_by_role("button", name="Kommo").click()
    expect(page.get_by_role("heading", name="2. Upload the widget")).to_be_visible()

    page.get_by_role("link", name="Connection").first.click()
    page.get_by_label("Address of the account").fill(HOST)
    page.get_by_label("Integration ID").fill(CLIENT)
    page.get_by_label("Secret key").fill(SECRET)
    page.get_by_label("Long-lived token").fill(LONG_LIVED)
    page.get_by_role("button", name="Check and save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()

    page.get_by_role("link", name="Chat").first.click()
    expect(page.get_by_text("Connected to Shop (31234567).")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("Checked.")).to_be_visible()
    assert Axe().run(page).violations_count == 0

    page.get_by_role("link", name="Setup").click()
    page.get_by_role("button", name="Copy address").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert Axe().run(page).violations_count == 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the widget").click()
    assert download.value.suggested_filename == "answerdesk-kommo.zip"

    page.get_by_role("link", name="Test").click()
    page.route("**/api/kommo/chat/test**", answer_almost_certainly)
    page.get_by_label("Message of a customer").fill("How much does delivery cost?")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="Reply")).to_be_visible()
    expect(page.locator("[data-trial-confidence]")).to_have_text("99%")
    expect(page.locator("[data-trial-json]")).to_contain_text("execute_handlers")
    assert Axe().run(page).violations_count == 0

    page.set_viewport_size({"width": 390, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def connect(page: Page, service: Service) -> None:
    """Make a channel that is connected, and open its Setup tab."""
    sign_in(page, service, "owner")
    page.goto(f"{service.url}/portal/")
    page.get_by_role("button", name="Kommo").click()
    page.get_by_role("link", name="Connection").first.click()
    page.get_by_label("Address of the account").fill(HOST)
    page.get_by_label("Long-lived token").fill(LONG_LIVED)
    page.get_by_role("button", name="Check and save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("link", name="Chat").first.click()
    page.get_by_role("link", name="Setup").click()


def is_sound(page: Page) -> bool:
    """Nobody is kept from using it, on a large screen and on a small one."""
    page.set_viewport_size({"width": 390, "height": 780})
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    on_phone = Axe().run(page).violations_count
    page.set_viewport_size({"width": 1280, "height": 800})
    return bool(fits) and on_phone + Axe().run(page).violations_count == 0


def test_an_owner_connects_without_a_widget_and_chooses_about_leads(
    page: Page, service: Service, kommo_server: KommoServer
) -> None:
    connect(page, service)
    page.get_by_label("Bot that sends it").select_option("Send the reply")
    page.get_by_role("button", name="Connect without a widget").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert len(kommo_server.account.webhooks) == 1
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("Kommo tells us: add_message.")).to_be_visible()
    assert is_sound(page)

    page.get_by_role("link", name="Leads").click()
    page.get_by_label("The assistant may read the lead").check()
    page.get_by_label("City").check()
    page.get_by_label("Stage that gives back").select_option("Sales · Assistant")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("City")).to_be_checked()
    (hook,) = kommo_server.account.webhooks.values()
    assert set(hook["settings"]) == {"add_message", "status_lead"}
    assert is_sound(page)


def test_an_owner_writes_instructions_and_goes_back(
    page: Page, service: Service
) -> None:
    connect(page, service)
    page.get_by_role("link", name="Instructions").click()
    expect(
        page.get_by_text("The instructions that all accounts share.")
    ).to_be_visible()
    page.get_by_label("Instructions", exact=True).fill("Say it in one sentence.")
    page.get_by_role("button", name="Keep as a draft").click()
    expect(page.locator("ins", has_text="Say it in one sentence.")).to_be_visible()
    assert is_sound(page)

    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Your own instructions, version 1.")).to_be_visible()
    page.get_by_role("button", name="Use the shared instructions").click()
    expect(
        page.get_by_text("The instructions that all accounts share.")
    ).to_be_visible()
    page.get_by_role("button", name="Use again 1").click()
    expect(page.get_by_text("Your own instructions, version 3.")).to_be_visible()
    assert is_sound(page)


def test_the_widgets_block_asks_shows_and_leaves(page: Page) -> None:
    words = json.loads((FOLDER / "i18n" / "en.json").read_text("utf-8"))
    page.set_content("<p>Designer</p>")
    page.add_script_tag(content=DESIGNER)
    page.add_script_tag(content=(FOLDER / "script.js").read_text("utf-8"))
    page.evaluate("words => load(words)", words)

    exits = page.evaluate("widget.salesbotDesignerSettings()")["exits"]
    steps = saved_by(page, {"address": "https://desk.example/webhooks/kommo/1"})

    assert [each["code"] for each in exits] == ["person", "done"]
    assert all(each["title"] for each in exits)
    (asking, _) = steps[ASK]["question"]
    assert asking["handler"] == "widget_request"
    assert asking["params"]["url"] == "https://desk.example/webhooks/kommo/1"
    assert asking["params"]["data"]["message"] == "{{message_text}}"
    assert steps[SHOW_REPLY]["question"][0]["params"]["value"] == "{{json.reply}}"
    handoff, done, listening = steps[DECIDE]["question"]
    assert handoff["params"]["result"][0]["params"]["value"] == "person"
    assert done["params"]["result"][0]["params"]["value"] == "done"
    # The bot waits for the next words, and asks again: it answers more than once.
    last = steps[listening["params"]["step"]]
    assert last["answer"][0]["params"] == {"type": "question", "step": ASK}
    assert len(json.dumps(steps)) < 64 * 1024
    # Without an address of its own the block has the archive's.
    assert saved_by(page, {})[ASK]["question"][0]["params"]["url"] == "__ADDRESS__"
