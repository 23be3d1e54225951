from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from core.commands import OperatorCommand
from core.exceptions import Conflict
from core.fields import cipher

if TYPE_CHECKING:
    from integrations.models import Channel


class Probe(OperatorCommand):
    """Fails as it is told."""

    failure: Exception | None = None

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("number", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        if self.failure is not None:
            raise self.failure


def run(*words: str, failure: Exception | None = None) -> int:
    command = Probe()
    command.failure = failure
    with pytest.raises(SystemExit) as caught:
        command.run_from_argv(["manage.py", "probe", *words])
    return int(str(caught.value.code))


@pytest.mark.parametrize(
    ("words", "failure", "said"),
    [
        (["1"], Conflict("It is taken."), "Error: It is taken.\n"),
        (
            ["1"],
            OperationalError("no such table: x\nLINE 1"),
            "Error: The database cannot be used: no such table: x."
            " Is it up, and has `manage.py migrate` been run?\n",
        ),
        (["1"], ImproperlyConfigured("No key fits."), "Error: No key fits.\n"),
        (
            ["x"],
            None,
            "Error: argument number: invalid int value: 'x';"
            " see manage.py probe --help\n",
        ),
        (
            [],
            None,
            "Error: the following arguments are required: number;"
            " see manage.py probe --help\n",
        ),
    ],
    ids=["refused", "database", "settings", "value", "missing"],
)
def test_a_mistake_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    failure: Exception | None,
    said: str,
) -> None:
    code = run(*words, failure=failure)

    assert code == 1
    assert capsys.readouterr() == ("", said)


def test_facts_are_printed_as_a_table_or_as_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = {"account": "Larch", "channel_key": "ck_1"}

    Probe().print_facts(facts, as_json=False)
    Probe().print_facts(facts, as_json=True)

    table, line = capsys.readouterr().out.split("\n{")
    assert table == "account      Larch\nchannel key  ck_1"
    assert json.loads("{" + line) == facts


def ciphertext() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM integrations_channel")
        (value,) = cursor.fetchone()
    return str(value)


def test_rotated_values_need_only_the_first_key(
    chatwoot: Channel, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    former = chatwoot.credentials
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *settings.FIELD_ENCRYPTION_KEYS]

    call_command("rotate_keys")

    settings.FIELD_ENCRYPTION_KEYS = [new]
    chatwoot.refresh_from_db()
    assert chatwoot.credentials == former
    assert json.loads(cipher().decrypt(ciphertext().encode())) == former
    said = capsys.readouterr().out.splitlines()
    assert "integrations.Channel.credentials: 1 re-encrypted, 0 unreadable" in said


def test_a_value_that_no_key_reads_is_left_and_told(
    chatwoot: Channel, settings: Any
) -> None:
    before = ciphertext()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(CommandError, match="left as they are"):
        call_command("rotate_keys")

    assert ciphertext() == before
