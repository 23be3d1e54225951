"""`manage.py rotate_keys`: encrypt everything with the first key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.db import connection, models, transaction

from core import store
from core.commands import Error, OperatorCommand
from core.fields import EncryptedJSONField, cipher

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Rows re-encrypted in one transaction.
BATCH = 200


class Command(OperatorCommand):
    """Re-encrypts stored secrets; the service may go on running meanwhile.

    Afterwards the former keys can be taken out of FIELD_ENCRYPTION_KEYS.
    """

    help = "Re-encrypt stored secrets with the first key of FIELD_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for field in encrypted_fields():
            rotated, broken = rotate(field)
            unreadable += broken
            label = f"{field.model._meta.label}.{field.name}"
            self.stdout.write(f"{label}: {rotated} re-encrypted, {broken} unreadable")
        if unreadable:
            raise Error(
                "Some values were encrypted with a key that is not in"
                " FIELD_ENCRYPTION_KEYS; they were left as they are."
            )


def encrypted_fields() -> Iterator[EncryptedJSONField]:
    """All encrypted columns of all models."""
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, EncryptedJSONField):
                yield field


def rotate(field: EncryptedJSONField) -> tuple[int, int]:
    """Re-encrypt one column; returns how many values were, and could not be, read."""
    rotated = broken = last = 0
    while True:
        with transaction.atomic():
            rows = _rows(field, last)
            for row in rows:
                try:
                    fresh = cipher().rotate(str(row["value"]).encode()).decode()
                except InvalidToken:
                    broken += 1
                    continue
                _update(field, row["pk"], fresh)
                rotated += 1
        if len(rows) < BATCH:
            return rotated, broken
        last = rows[-1]["pk"]


def _rows(field: EncryptedJSONField, after: int) -> list[dict[str, Any]]:
    """The next ciphertexts, in the order of their keys, locked."""
    table, key, column = _names(field)
    # The ciphertext itself, past the field that would decrypt it.
    # All names are those of our own models.
    sql = (
        f"SELECT {key} AS pk, {column} AS value FROM {table}"  # noqa: S608
        f" WHERE {key} > %s AND {column} IS NOT NULL ORDER BY {key} LIMIT %s"
    )
    if store.is_postgresql():
        sql += " FOR UPDATE"
    return store.fetch(sql, [after, BATCH])


def _update(field: EncryptedJSONField, pk: int, value: str) -> None:
    table, key, column = _names(field)
    sql = f"UPDATE {table} SET {column} = %s WHERE {key} = %s"  # noqa: S608
    store.execute(sql, [value, pk])


def _names(field: models.Field[Any, Any]) -> tuple[str, str, str]:
    quote = connection.ops.quote_name
    meta = field.model._meta
    names = (meta.db_table, meta.pk.column if meta.pk else "id", field.column)
    table, key, column = (quote(str(name)) for name in names)
    return table, key, column
