"""The widget in a real browser, on a strict page of another origin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from conversations.tests.browser import (
    Service,
    page_of,
    serious,
    sign_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

JANE = {
    "agent-id": "jane",
    "name": "Jane Smith",
    "email": "jane@company.com",
    "agency": "Sales",
    "office": "Cape Town",
}
KNOWN = "How much does delivery cost?"
UNKNOWN = "Who won the chess championship in 1972?"
UNABLE = "Unable to connect right now. Please try again shortly."
PHONE = {"width": 390, "height": 780}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_of(browser) as page:
        yield page


class Tickets:
    """Stands in for the paths of failures and tickets, and keeps what was sent."""

    def __init__(self, page: Page) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.ticket: dict[str, Any] = {"status": 200, "json": {"ticket_id": "9630"}}
        page.route("**/api/agent-failure/**", self.answer)

    def answer(self, route: Route) -> None:
        request = route.request
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Headers": "*",
        }
        if request.method == "OPTIONS":
            route.fulfill(status=204, headers=headers)
            return
        path = request.url.partition("/api/agent-failure/")[2]
        self.calls.append((path, request.post_data_json))
        told: dict[str, Any] = {"json": {"failure_id": "abc-123"}}
        if path.endswith("create-ticket"):
            told = self.ticket
        elif path.endswith("decline"):
            told = {"json": {"success": True}}
        route.fulfill(**told, headers=headers)


@pytest.fixture
def tickets(page: Page) -> Tickets:
    return Tickets(page)


def visit(page: Page, service: Service, **data: str) -> None:
    """Go to a page of a CRM whose origin is not the widget's."""
    query = urlencode({**JANE, "lang": "en", "is-foreign": "", **data})
    page.goto(f"{service.url.replace('127.0.0.1', 'localhost')}/widget/host?{query}")


def launcher(page: Page):
    return page.get_by_role("button", name="Open the chat")


def composer(page: Page):
    return page.get_by_label("Your message")


def said(page: Page, author: str):
    return page.locator(f"[data-messages] > .message-{author}")


def ask(page: Page, text: str) -> None:
    if launcher(page).is_visible() or not composer(page).is_visible():
        launcher(page).click()
    composer(page).fill(text)
    page.keyboard.press("Enter")


def style(locator: Any, name: str) -> str:
    found: str = locator.evaluate(f"each => getComputedStyle(each).{name}")
    return found


# --- The journey of the document ----------------------------------------------


def test_from_welcome_to_a_rated_answer(page, service):
    sent = []
    page.on("request", lambda each: sent.append(each))
    visit(page, service)
    launcher(page).click()
    expect(
        page.get_by_role("heading", name="Hi Jane, how can we help?")
    ).to_be_visible()

    held: list[Route] = []
    page.route("**/api/agent/**", lambda route: held.append(route))
    ask(page, KNOWN)
    expect(page.get_by_text("Bot is writing")).to_be_attached()
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()

    answer = said(page, "assistant").last
    expect(answer).to_contain_text("$5.90")
    expect(answer.locator("[data-first-title]")).to_have_text("What delivery costs")
    expect(answer.locator("[data-percent]")).to_contain_text("%")
    expect(page.get_by_text("Bot is writing")).to_be_hidden()
    thumbs = answer.get_by_role("group", name="Was this answer helpful?")
    thumbs.get_by_role("button", name="Helpful", exact=True).click()
    expect(thumbs).to_contain_text("Thanks!")
    for name in ("Helpful", "Not helpful"):
        expect(thumbs.get_by_role("button", name=name, exact=True)).to_be_disabled()
    rated = [each.post_data_json for each in sent if each.url.endswith("/api/feedback")]
    assert [each["feedback_type"] for each in rated if each] == ["helpful"]
    assert page.get_by_role("button", name="Yes, Create Ticket").count() == 0


def test_only_what_is_certain_is_shown_as_certain(page, service):
    answer = {
        "response": "$5.90",
        "session_id": "support-session-1",
        "timestamp": "2026-02-09T10:30:45.123Z",
        "requires_escalation": False,
        "classification_confidence": 0.9987,
        "sources": [
            {"title": "Costs", "confidence": 1, "entry_type": "faq", "entry_id": "1"},
            {"title": "Times", "confidence": 0.996, "entry_type": "", "entry_id": "2"},
        ],
    }
    visit(page, service)
    page.route(
        "**/api/agent/**",
        lambda route: (
            route.fulfill(json=answer, headers={"Access-Control-Allow-Origin": "*"})
            if route.request.method == "POST"
            else route.continue_()
        ),
    )
    ask(page, KNOWN)

    shown = said(page, "assistant").last
    expect(shown.locator("[data-percent]")).to_have_text("99%")
    expect(shown.locator("[data-first-percent]")).to_have_text("100%")
    expect(shown.locator("[data-rest] .source-percent")).to_have_text("99%")


def test_a_poor_answer_becomes_a_ticket(page, service, tickets):
    visit(page, service)
    ask(page, KNOWN)
    expect(said(page, "assistant").last).to_contain_text("$5.90")
    ask(page, UNKNOWN)

    question = said(page, "assistant").last
    expect(question).to_contain_text(
        "I couldn't find a confident answer. Would you like to create a support ticket?"
    )
    assert question.locator("[data-rating]").count() == 0
    [(path, failure)] = tickets.calls  # nobody has chosen yet
    assert path == ""
    assert failure["query"] == UNKNOWN
    assert failure["escalation_reason"] in ("low_confidence", "no_results")
    assert (failure["user_name"], failure["user_office"]) == ("Jane Smith", "Cape Town")
    page.get_by_role("button", name="Yes, Create Ticket").click()

    expect(said(page, "assistant").last).to_contain_text(
        "Hi Jane, I've created support ticket #9630 for you and emailed a copy to"
        " jane@company.com for your reference. A support agent will reach out to you"
        " shortly with more details."
    )
    expect(page.get_by_role("button", name="Yes, Create Ticket")).to_have_count(0)
    path, body = tickets.calls[1]
    assert path == "abc-123/create-ticket"
    history = body["conversation_history"]
    assert [each["role"] for each in history] == ["user", "assistant"] * 2
    assert [history[0]["content"], history[2]["content"]] == [KNOWN, UNKNOWN]
    assert all(re.match(r"\d{4}-.*Z$", each["timestamp"]) for each in history)


def test_who_wants_no_ticket_goes_on(page, service, tickets):
    visit(page, service)
    ask(page, UNKNOWN)

    page.get_by_role("button", name="No Thanks").click()

    expect(said(page, "assistant").last).to_contain_text(
        "No problem! Feel free to ask another question."
    )
    expect(page.get_by_role("button", name="No Thanks")).to_have_count(0)
    assert tickets.calls[1] == ("abc-123/decline", None)
    ask(page, KNOWN)
    expect(said(page, "assistant").last).to_contain_text("$5.90")


def test_a_ticket_that_could_not_be_made_is_asked_for_again(page, service, tickets):
    tickets.ticket = {"status": 503, "json": {"detail": "Away.", "error": "Away."}}
    visit(page, service)
    ask(page, UNKNOWN)
    page.get_by_role("button", name="Yes, Create Ticket").click()
    expect(page.get_by_text(UNABLE)).to_be_visible()

    tickets.ticket = {"json": {"ticket_id": "7", "message": "We are on it: #7."}}
    page.get_by_role("button", name="Yes, Create Ticket").click()

    expect(said(page, "assistant").last).to_contain_text("We are on it: #7.")
    assert [path for path, _ in tickets.calls].count("") == 1


def test_the_limit_blocks_until_it_has_passed(page, service):
    refusal = {
        "status": 429,
        "json": {"detail": {"reset_in_seconds": 290}},
        "headers": {"Access-Control-Allow-Origin": "*"},
    }
    page.clock.install()
    visit(page, service)
    page.route(
        "**/api/agent/**",
        lambda route: (
            route.fulfill(**refusal)
            if route.request.method == "POST"
            else route.continue_()
        ),
    )
    ask(page, KNOWN)

    limit = page.get_by_role("alert")
    expect(limit).to_have_text(
        "You've reached your query limit. Please try again in 5 minutes."
    )
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    expect(composer(page)).to_have_value(KNOWN)
    page.keyboard.press("Enter")
    expect(said(page, "contact")).to_have_count(0)
    page.clock.fast_forward(60_000)
    expect(limit).to_contain_text("in 4 minutes")
    page.unroute("**/api/agent/**")
    page.clock.fast_forward(240_000)
    expect(limit).to_be_hidden()
    composer(page).press("Enter")
    expect(said(page, "assistant").last).to_contain_text("$5.90")


# --- What goes wrong ----------------------------------------------------------


def test_words_that_could_not_be_sent_are_kept_and_asked_once(page, service):
    visit(page, service)
    page.route("**/api/agent/**", lambda route: route.abort())
    ask(page, KNOWN)
    expect(said(page, "contact")).to_contain_text(KNOWN)
    expect(said(page, "contact")).to_contain_text(UNABLE)

    page.unroute("**/api/agent/**")
    page.get_by_role("button", name="Try again").click()

    expect(said(page, "assistant").last).to_contain_text("$5.90")
    expect(said(page, "contact")).to_have_count(1)
    expect(page.get_by_text(UNABLE)).to_have_count(0)


def test_an_answer_that_was_lost_on_the_way_is_not_asked_for_twice(page, service):
    replies = []

    def lose_first(route: Route) -> None:
        response = route.fetch()
        if route.request.method == "POST":
            replies.append(response.json()["message_id"])
        if len(replies) == 1:
            route.abort()
        else:
            route.fulfill(response=response)

    visit(page, service)
    page.route("**/api/agent/**", lose_first)
    ask(page, KNOWN)

    expect(said(page, "assistant").last).to_contain_text("$5.90")
    assert len(replies) == 2
    assert len(set(replies)) == 1


def test_who_is_offline_is_told_and_answered_later(page, service):
    visit(page, service)
    launcher(page).click()
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline")).to_be_visible()
    ask(page, KNOWN)
    expect(said(page, "contact")).to_contain_text(UNABLE)

    page.context.set_offline(False)

    expect(page.get_by_text("The assistant answers")).to_be_visible()
    expect(said(page, "assistant").last).to_contain_text("$5.90")


# --- Sessions -----------------------------------------------------------------


def test_a_session_ends_with_a_reload_and_with_closing(page, service):
    sessions = []

    def note(request: Any) -> None:
        if "/api/agent/" in request.url and request.method == "POST":
            sessions.append(request.post_data_json["session_id"])

    page.on("request", note)
    visit(page, service)
    for text in (KNOWN, "And express?"):
        count = said(page, "assistant").count()
        ask(page, text)
        expect(said(page, "assistant")).not_to_have_count(count)
    page.get_by_role("button", name="Minimise").click()
    launcher(page).click()
    expect(said(page, "contact")).to_have_count(2)
    page.get_by_role("button", name="Close the chat").click()
    ask(page, KNOWN)
    expect(said(page, "assistant")).to_have_count(1)
    page.reload()
    ask(page, KNOWN)
    expect(said(page, "assistant")).to_have_count(1)

    assert sessions[0] == sessions[1]
    assert len(set(sessions)) == 3
    assert all(re.fullmatch(r"customer-session-\d{43}", each) for each in sessions)


def test_what_people_say_later_appears(browser, page, service):
    visit(page, service, **{"agent-id": "with-people"})
    ask(page, "I would like to talk to a human, please.")
    expect(page.get_by_text("A person answers")).to_be_visible()
    assert page.get_by_role("button", name="Yes, Create Ticket").count() == 0
    page.get_by_role("button", name="Minimise").click()

    with page_of(browser) as staff:
        sign_in(staff, service, "support")
        staff.locator("[data-row]", has_text="Jane Smith").first.click()
        staff.get_by_label("Reply").fill("Hello Jane, Sam here.")
        staff.keyboard.press("Control+Enter")
        news = page.get_by_role("button", name="Open the chat: there are new messages")
        expect(news).to_be_visible()
        news.click()
        expect(said(page, "support")).to_contain_text("Hello Jane, Sam here.")
        ask(page, "Thank you, Sam.")
        expect(staff.locator("[data-thread]")).to_contain_text("Thank you, Sam.")

    expect(said(page, "support")).to_have_count(1)
    expect(said(page, "contact")).to_have_count(2)


def test_a_page_may_say_later_who_writes(page, service):
    warnings = []
    page.on("console", lambda message: warnings.append(message.text))
    visit(page, service, **{"agent-id": ""})
    page.wait_for_function("window.Answerdesk")
    page.evaluate("Answerdesk.open()")
    page.evaluate("Answerdesk.identify({agent_id: 'john', name: 'John'})")
    assert warnings == [
        "Answerdesk: the chat is not shown, as it does not know: email, agency, office"
    ]
    expect(launcher(page)).to_be_hidden()
    john = {"email": "j@company.com", "agency": "Sales", "office": "Paris"}
    identify = (
        "facts => Answerdesk.identify({agent_id: 'john', name: 'John', ...facts})"
    )

    page.evaluate(identify, john)

    expect(
        page.get_by_role("heading", name="Hi John, how can we help?")
    ).to_be_visible()
    ask(page, KNOWN)
    expect(said(page, "assistant")).to_have_count(1)
    page.evaluate(identify, {**john, "agent_id": "joan", "name": "Joan"})
    expect(
        page.get_by_role("heading", name="Hi Joan, how can we help?")
    ).to_be_visible()
    page.evaluate("Answerdesk.close()")
    expect(launcher(page)).to_be_focused()


# --- On all kinds of pages, for all kinds of people ----------------------------


def test_styles_of_the_page_do_not_reach_the_widget(page, service):
    visit(page, service, **{"is-hostile": ""})
    assert style(page.locator("h1"), "textTransform") == "uppercase"
    ask(page, KNOWN)

    answer = said(page, "assistant").last.locator(".message-text")
    expect(answer).to_be_visible()
    assert style(answer, "fontSize") == "15px"
    assert style(answer, "color") == "rgb(23, 23, 28)"
    assert style(answer, "textTransform") == "none"
    assert style(answer, "letterSpacing") == "normal"
    assert style(answer, "direction") == "ltr"
    box = page.get_by_role("dialog").bounding_box()
    assert (round(box["width"]), round(box["height"])) == (400, 672)


def test_the_keyboard_alone_is_enough(page, service):
    visit(page, service)
    expect(launcher(page)).to_be_visible()
    page.evaluate(
        "() => { document.onkeydown = event => { document.title = event.key } }"
    )

    page.keyboard.press("Tab")
    expect(launcher(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(composer(page)).to_be_focused()
    page.keyboard.type("How much does")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("delivery cost?")
    expect(said(page, "contact")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(said(page, "contact")).to_contain_text("How much does\ndelivery cost?")
    thumb = page.get_by_role("button", name="Helpful", exact=True)
    expect(thumb).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Shift+Tab")
        if thumb.evaluate("each => each.matches(':focus')"):
            break
    expect(thumb).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_text("Thanks!")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(launcher(page)).to_be_focused()
    assert page.title() == "Tab"  # the page's own shortcuts heard nothing of it


def test_on_a_phone_the_window_is_the_screen_and_keeps_the_focus(page, service):
    page.set_viewport_size(PHONE)
    visit(page, service)
    launcher(page).click()

    window = page.get_by_role("dialog")
    # It comes up from below.
    window.evaluate("each => Promise.all(each.getAnimations().map(a => a.finished))")
    box = window.bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 780)
    for _ in range(12):
        page.keyboard.press("Tab")
        outside = "document.querySelector('main').contains(document.activeElement)"
        assert not page.evaluate(outside)
    assert page.get_by_role("dialog").evaluate("each => each.matches(':modal')")
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.get_by_role("dialog")).to_be_visible()
    assert not page.get_by_role("dialog").evaluate("each => each.matches(':modal')")
    page.set_viewport_size(PHONE)
    page.keyboard.press("Escape")
    expect(launcher(page)).to_be_focused()


def test_the_window_mirrors_on_a_page_that_runs_from_right_to_left(page, service):
    visit(page, service, lang="ar")
    ask(page, KNOWN)

    expect(said(page, "assistant").last).to_contain_text("$5.90")
    mine = said(page, "contact").locator(".message-text").bounding_box()
    theirs = said(page, "assistant").locator(".message-text").bounding_box()
    assert page.get_by_role("dialog").bounding_box()["x"] == 24
    assert mine["x"] < theirs["x"]


@pytest.mark.parametrize(
    ("system", "theme", "colour"),
    [
        ("dark", "auto", "rgb(22, 22, 27)"),
        ("light", "dark", "rgb(22, 22, 27)"),
        ("dark", "light", "rgb(255, 255, 255)"),
    ],
)
def test_colours_follow_the_system_or_the_page(page, service, system, theme, colour):
    page.emulate_media(color_scheme=system)
    visit(page, service, theme=theme)
    launcher(page).click()

    assert style(page.get_by_role("dialog"), "backgroundColor") == colour


def test_nothing_moves_for_whom_it_should_not(page, service):
    page.emulate_media(reduced_motion="reduce")
    visit(page, service)
    launcher(page).click()

    assert style(page.get_by_role("dialog"), "animationDuration") == "1e-05s"


# --- Accessibility ------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious_in_the_widget(page, service, tickets, width, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
    visit(page, service)
    expect(launcher(page)).to_be_visible()
    found = serious(page)
    launcher(page).click()
    found += serious(page)
    ask(page, KNOWN)
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_text("Thanks!")).to_be_visible()
    ask(page, UNKNOWN)
    expect(page.get_by_role("button", name="Yes, Create Ticket")).to_be_enabled()
    found += serious(page)
    page.route("**/api/agent/**", lambda route: route.abort())
    ask(page, KNOWN)
    expect(page.get_by_text(UNABLE)).to_be_visible()
    found += serious(page)

    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_chat_page(page, service, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(service.url)
    found = serious(page)
    composer(page).fill(KNOWN)
    page.keyboard.press("Enter")
    expect(page.locator("[data-rating]").last).to_be_visible()
    found += serious(page)
    page.goto(f"{service.url}/widget/try")
    found += serious(page)

    assert found == []
