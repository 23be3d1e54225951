"""What every page gets."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.module_loading import import_string

from core.middleware import POLICY, ContentSecurityPolicyMiddleware
from core.tests.asgi import call


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/api/agent/customer", "/api/agent/customer/"),
        ("/api/agent/support", "/api/agent/support/"),
        ("/webhook/chatwoot/", "/webhook/chatwoot"),
        ("/toggle-human/", "/toggle-human"),
        ("/api/health/", "/api/health"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_slash_too_many_or_too_few_is_told_and_never_redirected(
    transactional_db: None, path: str, right: str, method: str
) -> None:
    answer = call(path, method=method)

    assert answer.status == 404
    assert answer.json["code"] == "not_found"
    assert answer.json["detail"] == f"There is no {path}. The path is {right}."
    assert answer.json["error"] == answer.json["detail"]


@pytest.mark.parametrize("path", ["/api/nothing", "/webhooks", "/api/"])
def test_an_unknown_path_of_the_api_is_a_json_404(
    transactional_db: None, path: str
) -> None:
    answer = call(path)

    assert answer.status == 404
    assert answer.json == {
        "detail": f"There is no {path}.",
        "error": f"There is no {path}.",
        "code": "not_found",
    }


def test_other_unknown_paths_are_pages(transactional_db: None) -> None:
    answer = call("/nothing", method="GET")

    assert answer.status == 404
    assert "html" in answer.headers["content-type"]


def test_every_page_may_run_only_what_is_ours(transactional_db: None) -> None:
    for path in ("/api/health", "/api/nothing", "/nothing"):
        answer = call(path, method="GET")
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_a_page_may_bring_its_own_policy() -> None:
    own = HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})
    middleware: Any = ContentSecurityPolicyMiddleware(lambda _: own)

    answer = middleware(RequestFactory().get("/"))

    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
    plain: Any = ContentSecurityPolicyMiddleware(lambda _: HttpResponse())
    assert plain(RequestFactory().get("/")).headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize("name", settings.MIDDLEWARE)
def test_nothing_in_front_makes_waiting_views_hold_threads(name: str) -> None:
    """One plain middleware is enough, and Django runs all behind it in threads."""
    assert import_string(name).async_capable


@pytest.mark.filterwarnings("error:StreamingHttpResponse")
def test_a_file_is_served_whole_and_without_a_warning(transactional_db: None) -> None:
    answer = call("/static/img/favicon.svg", method="GET")

    assert answer.status == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.body == (settings.BASE_DIR / "static/img/favicon.svg").read_bytes()
