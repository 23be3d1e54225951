"""Reading pages and sitemaps, once and again."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from django.utils import timezone

from core import http, work
from core.exceptions import Conflict, InvalidPayload
from core.tests.network import eventually
from knowledge import search, sources
from knowledge.models import Entry, Source, Upload
from knowledge.source_reading import Progress, ReadingStopped, read_source
from knowledge.tests import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accounts.models import Account, User
    from knowledge.importing import Report

SITE = "https://shop.example"
HTML = {"content-type": "text/html; charset=utf-8"}

Answer = httpx2.Response | Exception


class Site:
    """A web site: what it answers for which path; for others 404."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[httpx2.Request] = []

    def page(self, path: str, title: str, **values: str) -> None:
        self.pages[path] = httpx2.Response(
            200, content=documents.html(title, **values), headers=HTML
        )

    def sitemap(self, *paths: str, at: str = "/sitemap.xml", **how: bool) -> None:
        data = documents.sitemap(*(f"{SITE}{path}" for path in paths), **how)
        self.pages[at] = httpx2.Response(200, content=data)

    @property
    def paths(self) -> list[str]:
        return [each.url.path for each in self.asked]

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        found = self.pages.get(request.url.path, httpx2.Response(404))
        if callable(found):
            found = found()
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with http.use_transport(httpx2.MockTransport(site.answer)):
        yield site


def reading(account: Account, path: str, **values: Any) -> Report:
    """Read an address of the site, as the command does."""
    return read_source(
        sources.claimed_source(account=account, address=f"{SITE}{path}", **values)
    )


def shown(account: Account) -> list[str]:
    """The titles that answers may be made from."""
    rows = Entry.objects.for_account(account).published()
    return sorted(rows.values_list("title", flat=True))


# Pages ------------------------------------------------------------------------


def test_a_page_becomes_an_entry(site: Site, account: Account, alice: User) -> None:
    site.page("/delivery", "Delivery", lang="en-GB")

    report = reading(account, "/delivery", author=alice)

    assert str(report) == "added 1, changed 0, unchanged 0, failed 0"
    entry = Entry.objects.get()
    source = Source.objects.get()
    assert (entry.title, entry.lang, entry.entry_type) == ("Delivery", "en", "article")
    assert (entry.source, entry.external_id) == (f"{SITE}/delivery", f"{SITE}/delivery")
    assert entry.read_from == source
    assert entry.revisions.get().author == alice
    assert (source.state, source.due_at) == ("read", None)
    assert source.report == str(report)
    assert site.asked[0].headers["user-agent"].startswith("Answerdesk")


def test_a_page_that_has_changed_is_a_new_revision(
    site: Site, account: Account
) -> None:
    site.page("/delivery", "Delivery")
    reading(account, "/delivery")
    assert reading(account, "/delivery").unchanged == 1
    site.page("/delivery", "Delivery", text="Now it takes only a single working day.")

    assert reading(account, "/delivery").changed == 1

    assert Entry.objects.get().revision == 2


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_archived_and_comes_back_with_it(
    site: Site, account: Account, status: int
) -> None:
    site.page("/delivery", "Delivery")
    reading(account, "/delivery")
    site.pages["/delivery"] = httpx2.Response(status)
    account.refresh_from_db()
    before = account.knowledge_version

    report = reading(account, "/delivery")

    account.refresh_from_db()
    assert report.removed == 1
    assert shown(account) == []
    assert account.knowledge_version > before
    assert search.load(account.pk).search("Delivery").hits == ()
    site.page("/delivery", "Delivery")
    assert reading(account, "/delivery").changed == 1
    assert shown(account) == ["Delivery"]


def test_what_a_person_has_archived_stays_archived(
    site: Site, account: Account
) -> None:
    site.page("/delivery", "Delivery")
    reading(account, "/delivery")
    Entry.objects.update(status="archived")
    site.page("/delivery", "Delivery", text="Now it takes only a single working day.")

    reading(account, "/delivery")

    assert shown(account) == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx2.Response(500), "answered 500"),
        (httpx2.Response(403), "answered 403"),
        (httpx2.ConnectError("down"), "could not be reached"),
        (httpx2.ReadTimeout("slow"), "did not answer in time"),
        (
            httpx2.Response(200, content=b"x" * (21 * 2**20), headers=HTML),
            "larger than",
        ),
        (httpx2.Response(200, content=b"", headers=HTML), "not HTML"),
        (
            httpx2.Response(200, content=b"x", headers={"content-type": "image/png"}),
            "image/png",
        ),
        (
            httpx2.Response(302, headers={"location": "http://127.0.0.1/"}),
            "this network",
        ),
        (httpx2.Response(302, headers={"location": "/delivery"}), "answered 302"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_page_that_cannot_be_read_says_why_and_keeps_its_entry(
    site: Site, account: Account, answer: Answer, why: str
) -> None:
    site.page("/delivery", "Delivery")
    reading(account, "/delivery")
    site.pages["/delivery"] = answer

    report = reading(account, "/delivery")

    (problem,) = report.problems
    assert why in str(problem)
    assert shown(account) == ["Delivery"]
    assert Source.objects.get().state == "failed"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:8000/",
        "file:///etc/passwd",
        "http://user:pass@shop.example/",
        "shop.example",
        "",
    ],
)
def test_no_address_inside_this_network_is_taken(
    account: Account, address: str
) -> None:
    with pytest.raises(InvalidPayload):
        sources.add_source(account=account, address=address)
    with pytest.raises(InvalidPayload):
        sources.claimed_source(account=account, address=address)


def test_a_pdf_on_the_web_is_read(site: Site, account: Account) -> None:
    site.pages["/rules.pdf"] = httpx2.Response(
        200,
        content=documents.pdf(["Send it back within thirty days."]),
        headers={"content-type": "application/pdf"},
    )

    reading(account, "/rules.pdf")

    entry = Entry.objects.get()
    assert (entry.title, entry.body) == ("Rules", "Send it back within thirty days.")


# Sitemaps ---------------------------------------------------------------------


@pytest.fixture
def shop(site: Site) -> Site:
    """A site of five pages, listed through an index and a packed sitemap."""
    for name in "abcde":
        site.page(f"/{name}", f"Page {name}")
    site.sitemap("/one.xml.gz", index=True)
    site.sitemap("/a", "/b", "/c", "/d", "/e", at="/one.xml.gz", packed=True)
    return site


def test_the_pages_of_a_sitemap_become_entries(shop: Site, account: Account) -> None:
    report = reading(account, "/sitemap.xml")

    assert report.added == 5
    assert shown(account) == ["Page a", "Page b", "Page c", "Page d", "Page e"]


def test_one_page_that_fails_loses_nothing_of_the_rest(
    shop: Site, account: Account
) -> None:
    shop.pages["/c"] = httpx2.ConnectError("down")

    report = reading(account, "/sitemap.xml")

    assert report.added == 4
    assert [each.where for each in report.problems] == [f"{SITE}/c"]


def test_a_page_that_is_listed_no_more_is_archived(
    shop: Site, account: Account
) -> None:
    reading(account, "/sitemap.xml")
    shop.sitemap("/a", "/b", "/c", "/d", at="/one.xml.gz")

    report = reading(account, "/sitemap.xml")

    assert (report.removed, report.unchanged) == (1, 4)
    assert shown(account) == ["Page a", "Page b", "Page c", "Page d"]


@pytest.mark.parametrize(
    "broken",
    [
        {"/sitemap.xml": httpx2.Response(404)},
        {"/sitemap.xml": httpx2.Response(503)},
        {"/sitemap.xml": httpx2.Response(200, content=b"<html>Sorry</html>")},
        {"/sitemap.xml": httpx2.Response(200, content=documents.sitemap())},
        {"/one.xml.gz": httpx2.ConnectError("down")},
        {"/one.xml.gz": httpx2.Response(200, content=documents.sitemap())},
        {"/one.xml.gz": httpx2.Response(200, content=documents.sitemap(f"{SITE}/a"))},
        {f"/{name}": httpx2.Response(404) for name in "abcd"},
        {f"/{name}": httpx2.Response(500) for name in "abcde"},
        {"/robots.txt": httpx2.Response(500)},
    ],
    ids=[
        "no sitemap", "server down", "an error page", "empty", "part is down",
        "part is empty", "one page left", "most pages gone", "all fail", "no rules",
    ],
)  # fmt: skip
def test_a_broken_site_takes_nothing_away_and_says_so(
    shop: Site, account: Account, broken: dict[str, Answer]
) -> None:
    reading(account, "/sitemap.xml")
    shop.pages |= broken

    report = reading(account, "/sitemap.xml")

    assert len(shown(account)) == 5
    assert report.removed == 0
    assert report.problems or report.notes


def test_rules_for_robots_are_kept(shop: Site, account: Account) -> None:
    shop.pages["/robots.txt"] = httpx2.Response(
        200, text="User-agent: *\nDisallow: /b\n\nUser-agent: Other\nDisallow: /"
    )

    report = reading(account, "/sitemap.xml")

    assert report.added == 4
    assert "/b" not in shop.paths
    assert "robots.txt" in str(report.problems[0])


def test_pages_of_other_sites_are_left_alone(shop: Site, account: Account) -> None:
    data = documents.sitemap(
        f"{SITE}/a", "https://elsewhere.example/x", "http://10.0.0.1/"
    )
    shop.pages["/sitemap.xml"] = httpx2.Response(200, content=data)

    report = reading(account, "/sitemap.xml")

    assert (report.added, len(report.problems)) == (1, 2)
    assert {each.url.host for each in shop.asked} == {"shop.example"}


def test_a_sitemap_without_end_is_read_so_far(site: Site, account: Account) -> None:
    site.sitemap(*(f"/{number}" for number in range(520)))

    report = reading(account, "/sitemap.xml")

    assert len(site.asked) == 502
    assert "more than 500 pages" in str(report.problems[0])


def test_a_sitemap_that_lists_itself_ends(site: Site, account: Account) -> None:
    site.sitemap("/sitemap.xml", index=True)

    reading(account, "/sitemap.xml")

    assert site.paths == ["/sitemap.xml"]


# Claims and time --------------------------------------------------------------


def test_a_source_is_due_again_after_its_hours(site: Site, account: Account) -> None:
    site.page("/delivery", "Delivery")

    reading(account, "/delivery", every_hours=24)

    source = Source.objects.get()
    assert source.due_at is not None
    assert source.read_at is not None
    assert source.due_at - source.read_at == dt.timedelta(hours=24)
    assert sources.claim_due() is None
    Source.objects.update(due_at=timezone.now())
    assert sources.claim_due() == source


def test_two_workers_never_read_one_source_at_once(account: Account) -> None:
    source = sources.add_source(account=account, address=f"{SITE}/a")
    same = Source.objects.get()

    assert sources.claim(source)
    assert not sources.claim(same)
    assert sources.claim_due() is None
    with pytest.raises(Conflict):
        sources.ask_for_reading(source)
    with pytest.raises(Conflict):
        sources.claimed_source(account=account, address=f"{SITE}/a")


def test_a_reading_that_died_is_begun_anew(site: Site, account: Account) -> None:
    site.page("/a", "Page a")
    source = sources.add_source(account=account, address=f"{SITE}/a")
    assert sources.claim(source)
    Source.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))

    again = sources.claim_due()

    assert again == source
    assert again is not None
    assert read_source(again).added == 1
    with pytest.raises(ReadingStopped):
        Progress(source).beat()


def test_a_reading_that_is_to_stop_goes_on_later(shop: Site, account: Account) -> None:
    source = sources.claimed_source(account=account, address=f"{SITE}/sitemap.xml")

    with pytest.raises(ReadingStopped):
        read_source(source, Progress(source, is_stopping=lambda: len(shop.asked) > 3))

    source.refresh_from_db()
    assert source.state == "waiting"
    again = sources.claim_due()
    assert again is not None
    assert read_source(again).seen == 5
    assert len(shown(account)) == 5


def test_the_same_address_is_added_once(account: Account, charlie: User) -> None:
    sources.add_source(account=account, address=f"{SITE}/a")

    with pytest.raises(Conflict):
        sources.add_source(account=account, address=f"{SITE}/a")

    sources.add_source(account=charlie.accounts.get(), address=f"{SITE}/a")


def test_a_source_touches_only_its_account(
    site: Site, account: Account, charlie: User
) -> None:
    site.page("/a", "Page a")
    other = charlie.accounts.get()
    reading(other, "/a")
    reading(account, "/a")
    site.pages["/a"] = httpx2.Response(410)

    reading(account, "/a")

    assert (shown(account), shown(other)) == ([], ["Page a"])


def test_a_running_worker_reads_what_is_due(
    site: Site, engine: work.WorkLoop, account: Account
) -> None:
    site.page("/a", "Page a")

    source = sources.add_source(account=account, address=f"{SITE}/a")

    eventually(lambda: Source.objects.get(pk=source.pk).state == "read")
    assert shown(account) == ["Page a"]


# Uploads ----------------------------------------------------------------------

CSV = b"entry_id,title,body\na,Delivery,Three days.\nb,Hours,Ten to six.\n"


def upload(account: Account, data: bytes, **how: Any) -> Report:
    source = sources.add_upload(account=account, name="faq.csv", data=data, **how)
    assert sources.claim(source)
    return read_source(source)


def test_an_upload_is_read_and_its_bytes_are_gone(
    account: Account, alice: User
) -> None:
    assert upload(account, CSV, author=alice).added == 2

    assert not Upload.objects.exists()
    entry = Entry.objects.get(external_id="a")
    assert entry.source == "faq.csv:2"
    assert entry.revisions.get().author == alice


def test_what_a_new_upload_lacks_stays_unless_it_is_to_go(account: Account) -> None:
    upload(account, CSV)
    less = CSV.replace(b"b,Hours,Ten to six.\n", b"")

    assert upload(account, less).removed == 0
    assert shown(account) == ["Delivery", "Hours"]
    assert upload(account, less, archives_missing=True).removed == 1
    assert shown(account) == ["Delivery"]
    assert upload(account, CSV).changed == 1
    assert shown(account) == ["Delivery", "Hours"]


def test_a_broken_upload_takes_nothing_away(account: Account) -> None:
    upload(account, CSV)

    report = upload(account, CSV.replace(b"b,Hours", b"b,"), archives_missing=True)

    assert (report.removed, len(report.problems)) == (0, 1)
    assert "Nothing was archived" in report.notes[0]
    assert shown(account) == ["Delivery", "Hours"]


@pytest.mark.parametrize("name", ["song.mp3", "", "..", ".csv/..", "a/b.exe"])
def test_a_file_of_a_strange_kind_is_not_kept(account: Account, name: str) -> None:
    with pytest.raises(InvalidPayload):
        sources.add_upload(account=account, name=name, data=b"x")

    assert not Source.objects.exists()


def test_a_long_and_strange_name_is_kept_as_far_as_it_goes(account: Account) -> None:
    name = "../../" + "ж" * 300 + "\x00.csv"

    source = sources.add_upload(account=account, name=name, data=CSV)

    assert len(source.address) == 200
    assert sources.claim(source)
    assert read_source(source).added == 2
