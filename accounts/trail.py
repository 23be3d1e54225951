"""The audit trail: who changed what, from what to what. Secrets stay secret.

Models whose rows people set are watched; whatever saves one, a page, the API or a
command, leaves a line. What is done to many rows at once leaves one line of its own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models.signals import post_save, pre_delete, pre_save

from accounts.models import Account, Change, User
from accounts.scoping import account_id_of
from core import acting
from core.fields import EncryptedJSONField
from core.text import clean_text, truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from django.db import models

#: Stands for a secret, and for one that is new.
MASK: Final = "•••"
NEW_MASK: Final = "••• *"
#: Characters of a value that are kept.
LONGEST: Final = 300
#: Ids of rows that one line names.
MOST_NAMED: Final = 20

_SECRET: Final = frozenset({"password", "digest", "token_key"})
_UNTOLD: Final = frozenset({"account", "last_login"})
_watched: set[type[models.Model]] = set()


def watch(*wanted: type[models.Model]) -> None:
    """Keep on the trail what becomes of these models' rows, in the fields people edit."""
    for model in wanted:
        _watched.add(model)
        name = f"trail.{model._meta.label}"
        pre_save.connect(_remember, sender=model, dispatch_uid=name)
        post_save.connect(_tell_saved, sender=model, dispatch_uid=name)
        pre_delete.connect(_tell_deleted, sender=model, dispatch_uid=name)


def is_watched(model: type[models.Model]) -> bool:
    """Whether changes of this model's rows are kept."""
    return model in _watched


def record(
    *,
    account_id: int | None,
    verb: str,
    model: type[models.Model],
    subject: str,
    object_id: str = "",
    values: Mapping[str, Any] | None = None,
) -> Change:
    """Add a line: whoever acts now did this."""
    actor = acting.current()
    return Change.objects.create(
        account_id=account_id,
        user_id=actor.user_id,
        name=actor.name,
        way=actor.way,
        verb=verb,
        model=model._meta.label_lower,
        object_id=object_id,
        subject=truncate(clean_text(subject), 200),
        values=dict(values or {}),
    )


def record_many(
    *,
    verb: str,
    rows: Iterable[models.Model],
    label: Callable[[Any], str] = str,
) -> None:
    """Add a line for each account, of what was done to these rows of one model."""
    by_account: dict[int, list[models.Model]] = {}
    for row in rows:
        for key in _accounts(row):
            if key is not None:
                by_account.setdefault(key, []).append(row)
    for key, group in by_account.items():
        named = ", ".join(label(row) for row in group[:MOST_NAMED])
        record(
            account_id=key,
            verb=verb,
            model=type(group[0]),
            subject=named,
            object_id=_public(group[0]) if len(group) == 1 else "",
            values={"count": [None, len(group)]},
        )


def _remember(
    sender: type[models.Model], instance: Any, update_fields: Any = None, **_: Any
) -> None:
    """Before a row is saved: read what it says now."""
    instance._trail_before = None
    names = [each.attname for each in _fields(sender, update_fields)]
    if names and not instance._state.adding:
        rows = sender._base_manager.filter(pk=instance.pk)
        instance._trail_before = rows.values(*names).first()


def _tell_saved(
    sender: type[models.Model],
    instance: Any,
    created: bool,  # noqa: FBT001 (as signals give it)
    raw: bool = False,  # noqa: FBT001, FBT002 (as signals give it)
    update_fields: Any = None,
    **_: Any,
) -> None:
    if raw:
        return
    before = instance.__dict__.pop("_trail_before", None) or {}
    values: dict[str, Any] = {}
    for field in _fields(sender, update_fields):
        old, new = before.get(field.attname), field.value_from_object(instance)
        if old != new and not (created and new in (None, "", [], {})):
            values[field.name] = list(_pair(field, old, new))
    if created or values:
        _record_row(instance, "added" if created else "changed", values)


def _tell_deleted(
    sender: type[models.Model], instance: Any, origin: Any = None, **_: Any
) -> None:
    is_asked_for = origin is instance or getattr(origin, "model", None) is sender
    if not is_asked_for:
        # It goes with what it belongs to.
        return
    values = {
        field.name: [_pair(field, value, None)[0], None]
        for field in _fields(sender, None)
        if (value := field.value_from_object(instance)) not in (None, "", [], {})
    }
    _record_row(instance, "deleted", values)


def _record_row(row: models.Model, verb: str, values: dict[str, Any]) -> None:
    for account_id in _accounts(row):
        is_gone = verb == "deleted" and isinstance(row, Account)
        record(
            account_id=None if is_gone else account_id,
            verb=verb,
            model=type(row),
            subject=str(row),
            object_id=_public(row),
            values=values,
        )


def _accounts(row: Any) -> list[int | None]:
    if isinstance(row, User):
        return list(row.memberships.values_list("account_id", flat=True)) or [None]
    return [account_id_of(row)]


def _public(row: models.Model) -> str:
    """The row's number; keys that are more than that stay away."""
    return str(row.pk) if isinstance(row.pk, int) else ""


def _fields(model: type[models.Model], only: Any) -> list[models.Field[Any, Any]]:
    return [
        field
        for field in model._meta.concrete_fields
        if field.editable
        and not field.primary_key
        and field.name not in _UNTOLD
        and (only is None or field.name in only or field.attname in only)
    ]


def _pair(field: models.Field[Any, Any], old: Any, new: Any) -> tuple[Any, Any]:
    """Before and after, as the trail shows them."""
    if not isinstance(field, EncryptedJSONField) and field.name not in _SECRET:
        return _plain(old), _plain(new)
    if isinstance(old or {}, dict) and isinstance(new or {}, dict):
        known = old or {}
        after = {
            name: MASK if known.get(name) == value else NEW_MASK
            for name, value in (new or {}).items()
        }
        return dict.fromkeys(known, MASK), after
    return MASK if old else None, NEW_MASK if new else None


def _plain(value: Any) -> Any:
    """The value as JSON keeps it, cut where it is long."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return truncate(clean_text(value), LONGEST)
    text = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    return json.loads(text) if len(text) <= LONGEST else truncate(text, LONGEST)
