"""Settings come from the environment, each read once, empty ones as if not set."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core import checks

ROOT = Path(__file__).resolve().parents[2]
SOURCE = (ROOT / "core" / "settings.py").read_text("utf-8")

PRINT = """
import json
from core import settings
names = {names!r}
print(json.dumps({{name: getattr(settings, name) for name in names}}, default=str))
"""


def names_in_example() -> list[str]:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    return [line.split("=")[0] for line in lines if line and not line.startswith("#")]


def names_that_are_read() -> list[str]:
    calls = re.findall(r'(?:env\.\w+|_required)\(\s*"([A-Z_]+)"', SOURCE)
    return sorted(set(calls))


def run(
    code: str, tmp_path: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run code with exactly these variables."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "READ_DOT_ENV": "off",
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "x" * 60,
        "FIELD_ENCRYPTION_KEYS": os.environ["FIELD_ENCRYPTION_KEYS"],
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )


def read(names: list[str], tmp_path: Path, **variables: str) -> dict[str, Any]:
    done = run(PRINT.format(names=names), tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_example_lists_exactly_what_is_read() -> None:
    assert sorted(names_in_example()) == names_that_are_read()


def test_the_example_lists_nothing_twice() -> None:
    names = names_in_example()

    assert len(names) == len(set(names))


def test_nothing_else_reads_the_environment() -> None:
    apps = (
        "core",
        "accounts",
        "knowledge",
        "integrations",
        "conversations",
        "ai_model",
    )
    readers = [
        str(path.relative_to(ROOT))
        for app in apps
        for path in (ROOT / app).rglob("*.py")
        if "tests" not in path.parts
        and re.search(r"os\.environ(\[|\.get)|os\.getenv", path.read_text("utf-8"))
    ]

    assert readers == []


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    names = names_in_example()
    secrets = {"SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATA_DIR", "READ_DOT_ENV"}
    empty = {name: "" for name in names if name not in secrets}
    shown = ["HOST", "PORT", "DEBUG", "REPLY_BUDGET_S", "ALLOWED_HOSTS", "DEMO", "TIME_ZONE",
             "ENGINE_CONCURRENCY", "LANGUAGE_CODE", "DATABASE_URL", "LOG_LEVEL"]  # fmt: skip

    with_empty = read(shown, tmp_path, **empty)

    assert with_empty == read(shown, tmp_path)
    assert with_empty["PORT"] == 8000


def test_the_examples_values_are_the_defaults(tmp_path: Path) -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    pairs = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
    shown = [
        name
        for name, value in pairs.items()
        if value and re.search(rf"^{name} = ", SOURCE, re.MULTILINE)
    ]

    by_default = read(shown, tmp_path)
    as_in_example = read(shown, tmp_path, **{name: pairs[name] for name in shown})

    assert len(shown) > 8
    assert as_in_example == by_default


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, True),
        ({"DEMO": "off"}, False),
        ({"REDIS_URL": "redis://x/1"}, False),
        ({"DATABASE_URL": "postgres://u@h/d"}, False),
        ({"DATABASE_URL": "postgres://u@h/d", "DEMO": "on"}, True),
        ({"DATABASE_URL": "", "REDIS_URL": "", "DEMO": ""}, True),
    ],
    ids=["embedded", "off", "with redis", "with a server", "asked for", "all empty"],
)
def test_the_demo_is_on_where_nothing_was_configured(
    tmp_path: Path, variables: dict[str, str], expected: bool
) -> None:
    assert read(["DEMO"], tmp_path, **variables) == {"DEMO": expected}


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
def test_a_missing_secret_is_named(tmp_path: Path, name: str) -> None:
    done = run("import core.settings", tmp_path, **{name: ""})

    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr


def test_a_value_can_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from-a-file-" + "y" * 50, "utf-8")

    found = read(["SECRET_KEY"], tmp_path, SECRET_KEY="", SECRET_KEY_FILE=str(secret))

    assert found["SECRET_KEY"].startswith("from-a-file-")


def test_https_makes_cookies_safe(tmp_path: Path) -> None:
    names = ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "CSRF_TRUSTED_ORIGINS"]

    found = read(names, tmp_path, PUBLIC_URL="https://desk.example/")

    assert found == {
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "CSRF_TRUSTED_ORIGINS": ["https://desk.example"],
    }


def test_keys_may_be_separated_by_commas_and_blanks(tmp_path: Path) -> None:
    key = os.environ["FIELD_ENCRYPTION_KEYS"].split(",")[0]

    found = read(
        ["FIELD_ENCRYPTION_KEYS"], tmp_path, FIELD_ENCRYPTION_KEYS=f"{key},,{key}"
    )

    assert found["FIELD_ENCRYPTION_KEYS"] == [key, key]


def test_a_server_without_a_broker_is_warned_about(settings: Any) -> None:
    settings.IS_SQLITE, settings.REDIS_URL = False, ""

    assert [each.id for each in checks.several_processes_share_a_broker()] == [
        "core.W001"
    ]


@pytest.mark.parametrize("url", ["redis://x", ""], ids=["broker", "embedded"])
def test_the_other_sizes_are_not(settings: Any, url: str) -> None:
    settings.IS_SQLITE, settings.REDIS_URL = not url, url

    assert checks.several_processes_share_a_broker() == []


def test_a_command_without_settings_says_what_is_missing(tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name != "SECRET_KEY"
    }
    environment |= {"READ_DOT_ENV": "off", "DATA_DIR": str(tmp_path)}

    ran = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: SECRET_KEY is not set.")
    assert "Traceback" not in ran.stderr
