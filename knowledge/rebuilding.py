"""Makes all that answers search anew, while somebody watches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from knowledge import embeddings, tolls
from knowledge.embeddable import is_in_detail
from knowledge.models import Entry, note_change

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.models import Account
    from knowledge.embedders.base import Embedder


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an account is."""

    entries: int
    entries_of: int
    vectors: int


def rebuild(
    account: Account,
    encoder: Embedder | None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Make the vectors of an account again and have its indexes loaded anew.

    Answers go on meanwhile with what there was. Without an encoder, only the indexes;
    where the account may spend no more on one, the background goes on once it may.
    """
    total = Entry.objects.for_account(account).published().count()
    progress = Progress(0, total, 0)
    after = 0
    while encoder is not None and tolls.may_encode(account.pk, encoder):
        page = embeddings.look(
            account.pk,
            encoder,
            after=after,
            in_detail=is_in_detail(total),
            again=True,
        )
        if page is None:
            break
        for start in range(0, len(page.missing), encoder.batch):
            batch = page.missing[start : start + encoder.batch]
            said, began = [each.text for each in batch], time.perf_counter()
            rows = encoder.embed(said)
            embeddings.store(encoder.key, batch, rows)
            tolls.tell(account.pk, encoder, said, began)
        embeddings.drop(page.stale)
        after = page.last
        progress = Progress(
            progress.entries + page.count, total, progress.vectors + len(page.missing)
        )
        on_progress(progress)
    # Whatever changed meanwhile is still due, and the background finds it.
    note_change(account.pk)
    return progress
