"""The running service in a real browser: what customers and support staff live through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from conversations.tests.browser import Service, page_of, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser


@pytest.fixture
def customer(browser: Browser, service: Service) -> Iterator[Page]:
    """A customer's browser, on the chat page."""
    with page_of(browser) as page:
        page.goto(service.url)
        yield page


@pytest.fixture
def staff(browser: Browser, service: Service) -> Iterator[Page]:
    """The support user's browser, on the desk."""
    with page_of(browser) as page:
        sign_in(page, service, "support")
        yield page


def say(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def last(page: Page, author: str):
    """The newest message of an author in the chat."""
    return page.locator(f"[data-messages] > .message-{author}").last


def open_newest(staff: Page, words: str) -> None:
    """Open the conversation whose last words these are, once it has appeared."""
    staff.locator("[data-row]", has_text=words).first.click()
    expect(staff.locator("[data-thread-scroll]")).to_be_visible()


def test_from_question_to_person_and_back(customer, staff):
    """Ask, answer with source, take over, human reply, hand back, answered again."""
    say(customer, "How much does delivery cost?")

    answer = last(customer, "assistant")
    expect(answer.locator(".message-text")).to_contain_text("$5.90")
    expect(answer.locator("[data-first-title]")).to_have_text("What delivery costs")
    expect(answer.locator("[data-percent]")).to_contain_text("%")

    open_newest(staff, "$5.90")
    expect(staff.locator("[data-thread]")).to_contain_text("threshold")
    staff.get_by_role("button", name="Take over").click()
    expect(staff.get_by_role("button", name="Hand back")).to_be_visible()
    expect(last(customer, "system")).to_contain_text("handed off to a human agent")

    staff.get_by_label("Reply").fill("Hello, Sam here.")
    staff.keyboard.press("Control+Enter")
    expect(last(customer, "support")).to_contain_text("Human Agent")
    expect(last(customer, "support")).to_contain_text("Hello, Sam here.")

    answers = customer.locator("[data-messages] > .message-assistant").count()
    say(customer, "What is your warranty?")
    expect(staff.locator("[data-thread]")).to_contain_text("What is your warranty?")
    expect(customer.locator("[data-messages] > .message-assistant")).to_have_count(
        answers
    )

    staff.get_by_role("button", name="Hand back").click()
    expect(last(customer, "system")).to_contain_text("handed back")
    say(customer, "How long does delivery take?")
    expect(last(customer, "assistant")).to_contain_text("three to five working days")


def test_a_reload_reads_the_conversation_again(customer):
    say(customer, "How much does delivery cost?")
    expect(last(customer, "assistant")).to_contain_text("$5.90")

    customer.reload()

    expect(last(customer, "contact")).to_contain_text("How much does delivery cost?")
    expect(last(customer, "assistant")).to_contain_text("$5.90")

    customer.get_by_role("button", name="New conversation").click()

    expect(customer.locator("[data-messages] > li")).to_have_count(0)


def test_an_answer_is_rated_once_by_the_keyboard_and_stays_rated(customer, staff):
    say(customer, "Hello!")
    expect(last(customer, "assistant")).to_be_visible()
    expect(customer.locator("[data-rating]")).to_have_count(0)
    say(customer, "How much does delivery cost?")
    answer = last(customer, "assistant")
    expect(answer).to_contain_text("$5.90")

    thumbs = answer.get_by_role("group", name="Was this answer helpful?")
    up = thumbs.get_by_role("button", name="Helpful", exact=True)
    down = thumbs.get_by_role("button", name="Not helpful")
    up.focus()
    customer.keyboard.press("Tab")
    expect(down).to_be_focused()
    customer.keyboard.press("Shift+Tab")
    customer.keyboard.press("Enter")

    thanks = thumbs.get_by_text("Thanks!")
    expect(thanks).to_be_focused()
    for thumb, pressed in ((up, "true"), (down, "false")):
        expect(thumb).to_be_disabled()
        expect(thumb).to_have_attribute("aria-pressed", pressed)
    open_newest(staff, "$5.90")
    expect(staff.locator("[data-thread]")).to_contain_text(
        "Rated by the customer · Helpful"
    )

    customer.reload()

    expect(thanks).to_be_visible()
    expect(up).to_be_disabled()
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(customer.locator("[data-rating]")).to_have_count(1)


def test_a_rating_that_did_not_arrive_is_given_again(customer):
    customer.route("**/feedback", lambda route: route.abort())
    say(customer, "How much does delivery cost?")
    down = last(customer, "assistant").get_by_role("button", name="Not helpful")
    down.click()
    expect(last(customer, "assistant")).to_contain_text("Try again.")
    expect(down).to_be_focused()

    customer.unroute("**/feedback")
    down.click()

    expect(last(customer, "assistant")).to_contain_text("Thanks!")
    expect(down).to_be_disabled()


def test_an_offer_of_a_person_has_no_thumbs(customer):
    say(customer, "Who won the chess championship in 1972?")

    expect(customer.get_by_role("button", name="Yes, please")).to_be_visible()
    expect(customer.locator("[data-rating]")).to_have_count(0)


def test_a_message_that_could_not_be_sent_is_sent_later_and_once(customer):
    customer.route("**/webhooks/**", lambda route: route.abort())
    say(customer, "How much does delivery cost?")
    expect(last(customer, "contact")).to_contain_text("Not sent yet.")

    customer.unroute("**/webhooks/**")
    customer.get_by_role("button", name="Try again").click()

    expect(last(customer, "assistant")).to_contain_text("$5.90")
    expect(customer.locator("[data-messages] > .message-contact")).to_have_count(1)


def test_without_a_socket_the_chat_page_looks_by_itself(browser, service):
    with page_of(browser) as page:
        page.route_web_socket("**/ws/**", lambda socket: socket.close())
        page.goto(service.url)

        say(page, "How much does delivery cost?")

        expect(last(page, "assistant")).to_contain_text("$5.90")


def test_words_show_as_they_are_written_until_a_person_acts(browser, service):
    sockets: list[WebSocketRoute] = []
    state = {
        "status": "active", "epoch": 0, "seq": 1, "is_waiting": True,
        "has_offer": False, "messages": [],
    }  # fmt: skip

    def connect(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    def write(text: str, epoch: int) -> None:
        event = {"v": 1, "type": "turn.text", "epoch": epoch, "text": text}
        sockets[-1].send(json.dumps(event))

    with page_of(browser) as page:
        page.route_web_socket("**/ws/**", connect)
        page.route("**/api/chat/**", lambda route: route.fulfill(json=state))
        page.goto(service.url)
        say(page, "How much does delivery cost?")
        typing = page.locator("[data-typing]")
        expect(typing.locator("[data-typing-dots]")).to_be_visible()

        write("Standard **delivery**", epoch=0)
        expect(typing.locator("b")).to_have_text("delivery")
        write("", epoch=0)
        expect(typing.locator("[data-typing-dots]")).to_be_visible()

        write("Standard delivery costs", epoch=0)
        expect(typing).to_contain_text("Standard delivery costs")
        state |= {"status": "support_active", "epoch": 1, "seq": 2, "is_waiting": False}
        event = {"v": 1, "type": "conversation.changed", "epoch": 1, "seq": 2}
        sockets[-1].send(json.dumps(event))
        expect(typing).to_be_hidden()
        expect(last(page, "system")).to_contain_text("handed off")

        write("Standard delivery costs $5.90", epoch=0)
        page.wait_for_timeout(300)
        expect(typing).to_be_hidden()


def test_the_human_toggle_and_the_agent_console(customer):
    """The demo of the proof of concept, step by step."""
    expect(customer.get_by_text("Human Mode: OFF")).to_be_visible()
    customer.get_by_role("button", name="Connect Agent").click()
    expect(customer.get_by_text("Agent: Connected")).to_be_visible()

    customer.get_by_role("button", name="Human", exact=True).click()
    expect(customer.get_by_text("Human Mode: ON")).to_be_visible()
    say(customer, "Can somebody look at my order?")
    expect(last(customer, "system")).to_contain_text("handed off to a human agent")

    entry = customer.locator("[data-entries] > li", has_text="look at my order").last
    expect(entry).to_contain_text("user-")
    entry.get_by_role("button", name="Use").click()
    customer.get_by_label("Reply", exact=True).fill("I am looking at it now.")
    customer.get_by_role("button", name="Send Reply").click()
    expect(last(customer, "support")).to_contain_text("Human Agent")
    expect(last(customer, "support")).to_contain_text("I am looking at it now.")

    customer.get_by_role("button", name="Human", exact=True).click()
    expect(customer.get_by_text("Human Mode: OFF")).to_be_visible()
    say(customer, "How much does delivery cost?")
    expect(last(customer, "assistant")).to_contain_text("$5.90")


def test_whoever_asks_for_a_person_gets_one(customer, staff):
    say(customer, "I would like to talk to a human, please.")

    expect(last(customer, "assistant")).to_contain_text("colleague")
    staff.get_by_role("link", name="Needs a person", exact=True).click()
    row = staff.locator("[data-row]").first
    expect(row).to_contain_text("Needs a person")

    staff.keyboard.press("j")
    expect(staff.locator("[data-thread]")).to_contain_text("talk to a human")
    staff.keyboard.press("r")
    staff.keyboard.type("Sam here. What can I do?")
    staff.keyboard.press("Control+Enter")

    expect(last(customer, "support")).to_contain_text("Sam here.")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_the_screen(browser, service, width, scheme):
    with page_of(browser) as page:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        sign_in(page, service, "support")
        for path in ("/", "/desk/", "/login/"):
            page.goto(service.url + path)
            wide = page.evaluate(
                "document.documentElement.scrollWidth > window.innerWidth"
            )
            assert not wide, path


def test_a_reply_reaches_the_conversation_whose_entry_was_used(browser, service):
    with page_of(browser) as first, page_of(browser) as second:
        for page, words in (
            (first, "First wants a human."),
            (second, "Second wants a human."),
        ):
            page.goto(service.url)
            say(page, words)
            expect(last(page, "system")).to_contain_text("handed off")

        second.get_by_role("button", name="Connect Agent").click()
        entry = second.locator("[data-entries] > li", has_text="First wants")
        entry.get_by_role("button", name="Use").click()
        second.get_by_label("Reply", exact=True).fill("Hello, First.")
        second.get_by_role("button", name="Send Reply").click()

        expect(last(first, "support")).to_contain_text("Hello, First.")
        expect(second.locator("[data-messages] > .message-support")).to_have_count(0)
