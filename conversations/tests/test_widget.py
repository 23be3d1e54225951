"""What a page of somebody else loads: the script, its styles and the panel."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest
from django.conf import settings as configured
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command
from django.templatetags.static import static

from knowledge.models import Entry
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db

ROOT = Path(configured.BASE_DIR)
#: All that a page loads, compressed; promised to those who embed it.
MOST_BYTES = 30_000
IMPORT = re.compile(r'^import .* from "(\./[^"]+)";$', re.MULTILINE)
MODULE = re.compile(r'new URL\("([^"]+)"')


class HashedStorage(ManifestStaticFilesStorage):
    """As an operator may set it up."""

    support_js_module_import_aggregation = True


def modules(folder: Path, name: str) -> dict[str, str]:
    """A module and all that it imports, by where they stand in the folder."""
    found: dict[str, str] = {}
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found[each] = (folder / each).read_text("utf-8")
            parts = IMPORT.findall(found[each])
            waiting += [normpath(join(dirname(each), part)) for part in parts]
    return found


def get(client, path, **headers):
    return client.get(path, headers=headers)


def text(response) -> str:
    return response.content.decode()


@pytest.mark.parametrize("path", ["/widget.js", "/widget.css"])
def test_every_page_may_load_the_files_and_keep_them(client, path):
    response = get(client, path)

    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cache-Control"] == "public, max-age=300"
    again = get(client, path, if_none_match=response["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert client.post(path).status_code == 405


def test_the_styles_do_not_depend_on_the_pages_font_size(client):
    styles = text(get(client, "/widget.css"))

    assert "--text-md: 15px" in styles
    assert not re.search(r"\drem\b", styles)
    assert "url(" not in styles


def test_the_colours_are_there_in_browsers_from_before_2024(client):
    styles = text(get(client, "/widget.css"))

    assert "light-dark(" not in styles
    assert "--page: var(--light, #f6f6f8) var(--dark, #0e0e12);" in styles


@pytest.mark.parametrize("lang", ["en", "mn", "ru", "es"])
def test_all_that_is_loaded_is_small(client, channel, lang):
    parts = [
        get(client, "/widget.js").content,
        get(client, "/widget.css").content,
        get(client, f"/api/chat/panel?lang={lang}").content,
        *(part.encode() for part in modules(ROOT / "static", "js/widget.js").values()),
    ]

    assert sum(len(gzip.compress(part)) for part in parts) < MOST_BYTES


def test_the_script_finds_its_modules_where_files_have_hashes(
    client, settings, tmp_path
):
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": f"{__name__}.HashedStorage"},
    }
    call_command("collectstatic", "--noinput", verbosity=0)

    address = MODULE.search(text(get(client, "/widget.js")))[1]

    assert address == static("js/widget.js") != "/static/js/widget.js"
    found = modules(tmp_path, address.removeprefix("/static/"))
    assert len(found) > 10
    assert all(re.search(r"\.[0-9a-f]{12}\.js$", name) for name in found)


# --- The panel ----------------------------------------------------------------


def panel(client, query="", **headers):
    return get(client, f"/api/chat/panel?{query}", **headers)


def test_the_panel_is_that_of_the_channel(client, channel, account):
    EntryFactory(account=account, title="Delivery times")
    EntryFactory(account=account, title="Margins", visibility=Entry.Visibility.SUPPORT)

    found = text(panel(client, f"key={channel.key}"))

    assert "Alice&#x27;s Shop" in found
    assert f'data-read-url="/api/chat/{channel.uuid}/messages"' in found
    assert 'data-suggest="Delivery times"' in found
    assert "Margins" not in found


def test_the_panel_holds_nothing_that_a_strict_page_forbids(client, channel):
    found = text(panel(client))

    assert " style=" not in found
    assert "<style" not in found
    assert "<script" not in found
    assert not re.search(r"\son\w+=", found)


@pytest.mark.parametrize(
    ("wanted", "accepted", "lang", "direction", "words"),
    [
        ("mn", "", "mn", "ltr", "Тийм, хүсэлт үүсгэе"),
        ("ru-RU", "", "ru", "ltr", "Да, создать обращение"),
        ("es_MX", "es", "es", "ltr", "Sí, crear ticket"),
        ("de", "ru", "ru", "ltr", "Да, создать обращение"),
        ("ar-EG", "", "en", "rtl", "Yes, Create Ticket"),
        ("he", "es", "es", "rtl", "Sí, crear ticket"),
        ("", "", "en", "ltr", "Yes, Create Ticket"),
        ("../x\x00", "", "en", "ltr", "Yes, Create Ticket"),
    ],
)
def test_the_panel_speaks_as_the_page_does(
    client, channel, wanted, accepted, lang, direction, words
):
    response = client.get(
        "/api/chat/panel",
        {"lang": wanted},
        headers={"Accept-Language": accepted} if accepted else {},
    )

    assert f'lang="{lang}" dir="{direction}"' in text(response)
    assert words in text(response)


def test_the_panel_is_asked_for_again_only_when_it_has_changed(client, channel):
    response = panel(client)

    assert response["Cache-Control"] == "no-cache"
    assert panel(client, if_none_match=response["ETag"]).status_code == 304


def test_there_is_no_panel_of_a_channel_that_is_not_there(client, channel):
    assert panel(client, "key=ck_unknown").status_code == 404
    assert panel(client, "key=%00").status_code == 404


def test_the_panel_takes_get_only(client, channel):
    assert client.post("/api/chat/panel").status_code == 405


def test_a_widget_without_a_channel_has_no_panel(client, db):
    assert panel(client).status_code == 404
