"""Places that knowledge is read from: added, asked for, claimed."""

from __future__ import annotations

import datetime as dt
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from core import work
from core.exceptions import Conflict, InvalidPayload
from core.guard import AddressRefused, check_url
from core.text import clean_text
from knowledge.importing.files import ENDINGS
from knowledge.importing.readers import READERS
from knowledge.models import Entry, Source, Upload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import Account, User

#: The step that reads sources; see `knowledge.source_step`.
STEP = "sources"
#: A reading that shows no progress for so long has died, and is begun anew.
LEASE = dt.timedelta(minutes=3)
#: Bytes of one uploaded file.
MOST_UPLOAD = 20 * 1024 * 1024


def add_source(
    *,
    account: Account,
    address: str,
    kind: str = "",
    entry_type: str = Entry.Type.ARTICLE,
    every_hours: int | None = None,
    author: User | None = None,
) -> Source:
    """Add a page or sitemap; raises `InvalidPayload` or `Conflict`.

    Nobody waits for the reading: a worker does it at once.
    """
    source = Source(
        account=account,
        address=checked_address(address),
        kind=kind or kind_of(address),
        entry_type=entry_type,
        every_hours=every_hours,
        asked_by=author,
        due_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            source.save()
    except IntegrityError as exc:
        raise Conflict(
            gettext("There is a source “%(name)s” already.") % {"name": source.address}
        ) from exc
    _announce()
    return source


def change_source(source: Source, **values: Any) -> None:
    """Change the address, kind, type or rhythm of a source.

    With a rhythm it is due that much after the last reading. Raises `InvalidPayload`,
    and `Conflict` while it is being read.
    """
    if source.kind == Source.Kind.FILE:
        raise InvalidPayload(gettext("A file has nothing to change; upload it again."))
    if source.is_being_read:
        raise Conflict(gettext("It is being read just now."))
    for name, value in values.items():
        setattr(source, name, value)
    if "every_hours" in values and source.state != Source.State.WAITING:
        hours = values["every_hours"]
        last = source.read_at or timezone.now()
        source.due_at = last + dt.timedelta(hours=hours) if hours else None
    try:
        with transaction.atomic():
            source.save(update_fields=[*values, "due_at"])
    except IntegrityError as exc:
        raise Conflict(
            gettext("There is a source “%(name)s” already.") % {"name": source.address}
        ) from exc


@transaction.atomic
def add_upload(
    *,
    account: Account,
    name: str,
    data: bytes,
    archives_missing: bool = False,
    author: User | None = None,
) -> Source:
    """Keep a file that is to be read, in place of a former one of its name.

    Raises `InvalidPayload`, and `Conflict` while the former one is being read.
    """
    name = PurePosixPath(clean_text(name).replace("\\", "/")).name[-200:]
    if PurePosixPath(name).suffix.lower() not in READERS:
        raise InvalidPayload(
            gettext("“%(name)s” is not of a kind that can be read: %(kinds)s.")
            % {"name": name, "kinds": ENDINGS}
        )
    if len(data) > MOST_UPLOAD:
        raise InvalidPayload(
            gettext("“%(name)s” is larger than %(most)d MB.")
            % {"name": name, "most": MOST_UPLOAD // 2**20}
        )
    source, _ = Source.objects.get_or_create(
        account=account, address=name, defaults={"kind": Source.Kind.FILE}
    )
    ask_for_reading(source, author=author)
    Upload.objects.update_or_create(
        source=source, defaults={"data": data, "archives_missing": archives_missing}
    )
    return source


def ask_for(*, account: Account, address: str, author: User | None = None) -> Source:
    """The source of this address, added if need be, to be read by a worker.

    Raises `InvalidPayload`, and `Conflict` while it is being read.
    """
    address = checked_address(address)
    source, _ = Source.objects.get_or_create(
        account=account, address=address, defaults={"kind": kind_of(address)}
    )
    ask_for_reading(source, author=author)
    return source


def ask_for_reading(source: Source, *, author: User | None = None) -> None:
    """Have a source read as soon as a worker can; raises `Conflict` while one does."""
    now = timezone.now()
    free = Source.objects.filter(pk=source.pk).exclude(
        state=Source.State.READING, due_at__gt=now
    )
    if not free.update(state=Source.State.WAITING, due_at=now, asked_by=author):
        raise Conflict(gettext("It is being read just now."))
    source.refresh_from_db()
    _announce()


def claimed_source(
    *,
    account: Account,
    address: str,
    every_hours: int | None = None,
    author: User | None = None,
) -> Source:
    """The source of this address, added if need be, for the caller to read now.

    Raises `InvalidPayload`, and `Conflict` while another process reads it.
    """
    address = checked_address(address)
    source, is_new = Source.objects.get_or_create(
        account=account,
        address=address,
        defaults={"kind": kind_of(address), "every_hours": every_hours},
    )
    if not is_new and every_hours is not None:
        Source.objects.filter(pk=source.pk).update(every_hours=every_hours)
        source.every_hours = every_hours
    source.asked_by = author
    if source.is_being_read or not claim(source):
        raise Conflict(gettext("It is being read just now."))
    return source


def claim_due(*, but_not: Iterable[int] = ()) -> Source | None:
    """Take the source that has waited longest, if one is due, for this process.

    `but_not` names accounts that have one being read here already.
    """
    due = Source.objects.filter(due_at__lte=timezone.now())
    due = due.exclude(account_id__in=list(but_not)).order_by("due_at")
    return next((row for row in due[:5] if claim(row)), None)


def claim(source: Source) -> bool:
    """Take a source for this process, unless another one has it."""
    until = timezone.now() + LEASE
    same = Source.objects.filter(pk=source.pk, due_at=source.due_at, state=source.state)
    if not same.update(due_at=until, state=Source.State.READING, report=""):
        return False
    source.due_at, source.state = until, Source.State.READING
    return True


def kind_of(address: str) -> str:
    """Whether an address names a sitemap or a page, by its looks."""
    path = urlsplit(address).path.lower()
    is_sitemap = path.endswith((".xml", ".xml.gz"))
    return Source.Kind.SITEMAP if is_sitemap else Source.Kind.PAGE


def checked_address(address: str) -> str:
    """The address, if pages may be read from there; raises `InvalidPayload`."""
    address = clean_text(address).strip()
    try:
        check_url(address)
    except AddressRefused as exc:
        raise InvalidPayload(str(exc)) from exc
    if len(address) > 500:
        raise InvalidPayload(gettext("The address has more than 500 characters."))
    return address


def _announce() -> None:
    transaction.on_commit(lambda: work.wake(STEP))
