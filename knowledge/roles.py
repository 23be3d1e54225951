"""Who does what to whom, in English: a question's roles against a sentence's.

"Who replaced the Saxons?" is not answered by "The Saxons replaced the Britons". There
is no parser here; the words before and after the verb decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_ARTICLES = frozenset({"the", "a", "an"})
_DO = frozenset({"did", "does", "do"})
_BE = {"was", "were", "is", "are", "been", "being", "be"}
_HELPS = _DO | _BE | {"has", "have", "had", "can", "could", "will", "would", "may"}
#: How far from its verb a subject is looked for, in words.
_REACH = 6


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line."""

    stem: str
    word: str
    is_number: bool
    #: Written with a capital, and not the first of its line.
    is_name: bool
    #: Says nothing by itself: "the", "of".
    is_common: bool


def roles_differ(asked: Sequence[Word], sentence: Sequence[Word]) -> bool:
    """Whether what the question has as object is the sentence's subject, or reversed."""
    if len(asked) < 3:
        return False
    places: dict[str, list[int]] = {}
    for place, word in enumerate(sentence):
        places.setdefault(word.stem, []).append(place)
    helper = next((at for at, word in enumerate(asked[:5]) if word.word in _DO), None)
    if helper is not None:
        return _subject_differs(asked[helper + 1 :], sentence, places)
    if _asks_for_subject(asked):
        return _object_differs(asked[1:], sentence, places)
    return False


def _asks_for_subject(asked: Sequence[Word]) -> bool:
    """Whether it is "Who VERB …?" or "What VERB the …?"."""
    first, verb, after = asked[0].word, asked[1].word, asked[2]
    if verb in _HELPS or after.word in _HELPS:
        return False
    return first == "who" or (first == "what" and after.word in _ARTICLES)


def _object_differs(
    rest: Sequence[Word], sentence: Sequence[Word], places: dict[str, list[int]]
) -> bool:
    """For "Who VERB OBJECT": the object stands before the verb, and not after it."""
    verb = rest[0].stem
    others = {word.stem for word in rest[1:] if not word.is_common} - {verb}
    found = places.get(verb, [])
    return bool(found) and all(
        _stems(sentence[max(0, at - _REACH) : at]) & others
        and not any(word.word == "by" for word in sentence[at : at + 4])
        for at in found
    )


def _subject_differs(
    rest: Sequence[Word], sentence: Sequence[Word], places: dict[str, list[int]]
) -> bool:
    """For "did SUBJECT VERB": the subject stands after the verb."""
    content = [word for word in rest if not word.is_common]
    end = next((at for at, word in enumerate(content) if not word.is_name), 0)
    if not end:
        return False
    subject = {word.stem for word in content[:end]} & places.keys()
    found = places.get(content[end].stem, [])
    if not subject or not found:
        return False
    return all(not _acts(sentence, at, subject) for at in found)


def _acts(sentence: Sequence[Word], verb: int, subject: set[str]) -> bool:
    """Whether the subject does what the verb says: before it, or behind "by"."""
    after = sentence[verb : verb + _REACH]
    by = next((at for at, word in enumerate(after) if word.word == "by"), None)
    if by is not None:
        return bool(_stems(after[by:]) & subject)
    return bool(_stems(sentence[:verb]) & subject)


def _stems(words: Sequence[Word]) -> set[str]:
    return {word.stem for word in words}
