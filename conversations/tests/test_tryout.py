"""The page on which developers try the widget, and the page of a CRM beside it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db

PATHS = ["/widget/try", "/widget/host"]


@pytest.fixture
def demo(account, settings):
    settings.DEMO = True
    account.is_demo = True
    account.save()


@pytest.mark.parametrize("path", PATHS)
def test_members_see_it(client, channel, bob, path):
    client.force_login(bob)

    assert client.get(path).status_code == 200
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("path", PATHS)
def test_others_must_sign_in(client, channel, charlie, path):
    assert client.get(path)["Location"] == f"/login/?next={path}"
    client.force_login(charlie)
    assert client.get(path)["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize("path", PATHS)
def test_in_the_demo_everybody_sees_it(client, channel, demo, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_without_a_default_channel_it_says_so(client, db, path):
    assert client.get(path).status_code == 404


def test_what_is_typed_becomes_attributes_and_nothing_else(client, channel, demo):
    query = {"name": '"><script src=//evil.example>', "key": "ck_1", "email": ""}

    page = client.get("/widget/host", query).content.decode()

    assert "&quot;&gt;&lt;script src=//evil.example&gt;" in page
    assert 'data-key="ck_1"' in page
    assert "data-email" not in page
    assert page.count("<script") == 1


def test_the_page_of_the_crm_is_strict(client, channel, demo):
    response = client.get("/widget/host", headers={"Host": "localhost"})

    policy = response["Content-Security-Policy"]
    home = "http://localhost"
    assert f"script-src {home}; connect-src {home}; style-src {home};" in policy
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "X-Frame-Options" not in response


def test_another_name_of_the_machine_is_a_foreign_origin(client, channel, demo):
    form = client.get("/widget/try", headers={"Host": "localhost"})
    page = client.get("/widget/host?is-foreign=", headers={"Host": "127.0.0.1"})

    assert 'formaction="http://127.0.0.1/widget/host"' in form.content.decode()
    assert 'src="http://localhost/widget.js"' in page.content.decode()
    assert (
        "frame-ancestors http://127.0.0.1 http://localhost"
        in page["Content-Security-Policy"]
    )


def test_a_server_has_no_foreign_origin_of_its_own(client, channel, demo, settings):
    settings.ALLOWED_HOSTS = ["desk.example"]

    form = client.get("/widget/try", headers={"Host": "desk.example"})

    assert "formaction" not in form.content.decode()
