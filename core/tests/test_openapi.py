"""The OpenAPI document: as it is kept, and as the running service answers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from django.urls import reverse

from core.openapi_pages import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "reference" / "openapi.json"


def test_the_kept_document_is_the_one_that_is_served(db: None, client: Client) -> None:
    """To bring it up to date: `make openapi`."""
    served = client.get("/api/schema/").json()

    assert served == json.loads(KEPT.read_text("utf-8"))
    assert served["openapi"] == "3.1.0"


def test_every_public_path_of_the_contract_is_described() -> None:
    assert set(document()["paths"]) >= {
        "/api/agent/{agent_type}/",
        "/api/agent-failure/",
        "/api/agent-failure/{failure}/create-ticket",
        "/api/agent-failure/{failure}/decline",
        "/api/feedback",
        "/api/health",
    }


def test_every_shape_is_a_schema() -> None:
    for shape in document()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(shape)


def _lists(shape: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All lists in a shape, by where they stand, with what is in them."""
    for name, field in shape.get("properties", {}).items():
        if "items" in field:
            yield f"{path}.{name}", field["items"]
        yield from _lists(field.get("items", field), f"{path}.{name}")


def test_a_list_of_objects_tells_their_fields() -> None:
    shapes = document()["components"]["schemas"].items()

    found = [each for name, shape in shapes for each in _lists(shape, name)]

    assert len(found) > 30
    is_empty = {"type": "object", "additionalProperties": {}}
    assert [name for name, items in found if items == is_empty] == []


@pytest.mark.parametrize("phone", ["+27123456789", "", None])
def test_what_may_be_missing_of_a_user_may_be_empty_or_null(phone: str | None) -> None:
    whole = {"$ref": "#/components/schemas/UserInfoRequest", **document()}
    person = dict.fromkeys(("agent_id", "name", "agency", "office"), "x")
    person["email"] = "jane@company.com"

    jsonschema.validate({**person, "phone": phone}, whole)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**person, "agency": None}, whole)


def test_the_page_shows_every_path_and_field(db: None, client: Client) -> None:
    html = client.get(reverse("api-docs")).content.decode()

    for path, methods in document()["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in html
    for field in (
        "user_info.agent_id", "sources[].entry_id", "sources_used",
        "messages[].sources[].title", "providers[].is_failing",
        "payload.execute_handlers[].params.value",
    ):  # fmt: skip
        assert f"<code>{field}</code>" in html
    assert "may be missing" in html


def test_the_page_tells_the_type_of_every_field(db: None, client: Client) -> None:
    html = client.get(reverse("api-docs")).content.decode()

    told = re.findall(r"<li>\s*<code>([^<]+)</code> (?!\()([a-z ]*)", html)
    assert len(told) > 200
    assert [name for name, kind in told if not kind.strip()] == []


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_nothing_else_can_be_done_with_it(db: None, client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


def test_the_running_service_keeps_to_the_document() -> None:
    """A few of the calls that `make fuzz` makes by the thousand, the same each time."""
    done = subprocess.run(
        [sys.executable, "-m", "core.tests.fuzz", "10", "fuzzing", "--seed=1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
