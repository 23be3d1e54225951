"""What a contact means beyond a question: asks for a person, or makes small talk.

A message is cut into clauses, each word gets one letter for what it does in a request
for a person (``intent_words.TAGS``), and a few patterns over these letters decide.
"""

import re
from collections.abc import Sequence

from ai_model.intent_words import DATA, may_ask, split
from ai_model.intent_words import tags as tags_of
from knowledge import text as words

#: Longest message that is looked at, in characters.
_LONGEST = 2_000
_YES = frozenset(DATA["yes"].split("|"))

# -- asks for a person ---------------------------------------------------------

_QUOTED = re.compile(
    r"\"[^\"]{2,}\"|“[^”]{2,}”|„[^“”]{2,}[“”]|«[^»]{2,}»|‘[^’]{2,}’"
    r"|(?<!\w)'(?=\w)[^']{2,}'(?!\w)"
)
_CLAUSE_END = re.compile(r"[.,;!?:…\n()]+|\s[-–—]\s|[^\w\s'’\"*/+-]+")

#: What is taken out before the patterns are tried, in this order.
_CANCELLED = (
    ("not a bot", r"N[WMCHRAG]{0,3}B|n[MW]?CA?B|B[CWMA]{0,2}n|B[CWA]{1,2}N", "Z"),
    ("fed up with bots", r"D[wM]?[CH]+[wA]{0,2}B|B[CH]+[wM]?D|BD", "Z"),
    ("number of persons", r"#A?[PS]", "w"),
    ("somebody's profession", r"E[wAO]{0,3}[PKS]+", "w"),
    ("somebody else's person", r"[YO]+[wO]?A?P+|O[wi]{0,2}RA?P+|O+[wK]?V", "w"),
    ("asked about persons", r"iw{0,2}[OY]?P+C", "w"),
    ("not wanted, said after", r"[KPS]+[wCGMHW]{0,2}n|[CGV]+n", "w"),
    ("not wanted, said before", r"[Nn][wM]?[WCGHVMRAZ]*[KPS]+C?|[Nn][wM]?[CGVW]+", "w"),
)
#: What asks for a person, in a clause without a word in the past.
_REQUESTS = {
    "nothing but a person": r"^[ALMWR]*[PK][APKSLMWCGVHRE]*$",
    "talk to a person": r"C[wAMSWH]{0,3}[PKS]|[PKS][wAMPSLi]{0,3}C",
    "want a person": r"W[AM]{0,2}[PK](?!w)|W[AM]*S(?!w)|[PKS]A?[ML]?W(?!w)|R[w#]{0,2}A?[PKS]",
    "somebody should help": r"[PK][MS]*H|HM?[PKS]$|M[AM]*[PK][wAM]{0,2}H|S[MSAL]{0,2}H.?$",
    "is anybody there": r"^[MAL]*S[AMLSP]*$|M[AM]*[PK][LA]+$|^[PK]L|S[AL]*A(?!w)|AS|AP(?!w)",
    "order to be put through": r"G[AMLW]*[PKS]|[PKS][MAw]?G|^[MWAL]*G[AMLHW]*$",
    "call me": r"V",
    "no bot": r"Z",
}
#: The same for a clause that holds a past form, which may be a wish: "if you called".
_ASKS_OF_PAST = re.compile(r"W[wAM]{0,2}(?:T[wA]?[PKS]|[PKS]T)")
_ASKS = re.compile("|".join(f"(?:{pattern})" for pattern in _REQUESTS.values()))


def wants_person(
    text: str, *, phrases: Sequence[str] = (), offered: bool = False
) -> bool:
    """Whether the contact asks for a person.

    ``phrases`` are the account's own words for it. ``offered`` says that the assistant
    has just offered a person, so that a bare "yes" counts.
    """
    text = text[:_LONGEST].replace("\x00", " ")
    if offered and _is_yes(text):
        return True
    unquoted = _QUOTED.sub(" quoted ", text)
    if not unquoted.replace("quoted", "").strip(" .,!?\n"):
        unquoted = text
    if " ".join(split(unquoted)) in _FOLDED_ALONE:
        return True
    lang = words.detect_language(unquoted)
    if may_ask(unquoted, lang) and any(
        _asks(clause, lang) for clause in _CLAUSE_END.split(unquoted)
    ):
        return True
    return any(_has_phrase(unquoted, phrase) for phrase in phrases)


def _asks(clause: str, lang: str) -> bool:
    tags = list(tags_of(clause, lang))
    parts = "".join(tag for tag in tags if tag != "F").replace("conj", " ").split()
    return any(_part_asks(part) for part in parts)


def _part_asks(tags: str) -> bool:
    if "q" in tags:
        return False
    for _, pattern, left in _CANCELLED:
        tags = re.sub(pattern, left, tags)
    asked = _ASKS_OF_PAST if "T" in tags and "G" not in tags else _ASKS
    return asked.search(tags) is not None


def _is_yes(text: str) -> bool:
    """Whether the message is nothing but a yes, in any of the languages."""
    plain = " ".join(split(text))
    return plain in _FOLDED_YES or text.strip(" .!?,") in _YES


_FOLDED_ALONE = frozenset(
    " ".join(split(phrase)) for phrase in DATA["alone"].split("|")
)
_FOLDED_YES = frozenset(" ".join(split(phrase)) for phrase in _YES) - {""}
_FOLDED_NO = frozenset(" ".join(split(phrase)) for phrase in DATA["no"].split("|"))


def declines(text: str) -> bool:
    """Whether the text is nothing but a "no" to an offer."""
    return " ".join(split(text[:_LONGEST])) in _FOLDED_NO


def _has_phrase(text: str, phrase: str) -> bool:
    """Whether an account's phrase occurs as whole words, neither denied nor past."""
    wanted = split(phrase)
    if not wanted:
        return False
    lang = words.detect_language(text)
    for clause in _CLAUSE_END.split(text):
        found = split(clause)
        for at in range(len(found) - len(wanted) + 1):
            if all(map(_same_word, found[at:], wanted)):
                tags = set(tags_of(clause, lang))
                return not tags & set("NnTEYiq")
    return False


def _same_word(found: str, wanted: str) -> bool:
    """Equal, or Mongolian with a case ending: "хүнтэй" is "хүн", "хүнсний" is not."""
    if found == wanted:
        return True
    ending = found.removeprefix(wanted)
    return ending != found and ending in _CASE_ENDINGS and words.is_cyrillic(wanted)


_CASE_ENDINGS = frozenset(
    map(
        words.fold,
        DATA["case_endings"].split(),
    )
)


# -- small talk ----------------------------------------------------------------


def small_talk(text: str) -> str | None:
    """One of ``_TALKS``; None for the rest.

    A message counts only when it holds nothing else: "hello, where is my order" is
    a question.
    """
    tokens = split(text[:_LONGEST])
    if not tokens:
        return _gesture(text)
    if len(tokens) > _LONGEST_TALK:
        return None
    found: dict[str, int] = {}
    at = 0
    while at < len(tokens):
        taken, kind = _talk_at(tokens, at)
        if not taken:
            return None
        found[kind] = found.get(kind, 0) + taken
        at += taken
    return next((kind for kind in _TALKS if kind in found), None)


#: What small talk can be, what matters most first; ``noted`` is a bare "ok" or "good".
_TALKS = ("are_you_a_bot", "goodbye", "thanks", "greeting", "noted")


def _gesture(text: str) -> str | None:
    """The same for a message of nothing but one of a few pictures, once or often."""
    # Without the marks that colour a picture or its skin.
    signs = {sign for sign in text[:_LONGEST] if sign.isprintable()} - _SHADES - {" "}
    return DATA["gestures"].get(signs.pop()) if len(signs) == 1 else None


_SHADES = {"\ufe0f", *map(chr, range(0x1F3FB, 0x1F400))}


_LONGEST_TALK, _LONGEST_PHRASE = 14, 8


def _talk_at(tokens: Sequence[str], at: int) -> tuple[int, str]:
    for size in range(min(_LONGEST_PHRASE, len(tokens) - at), 0, -1):
        kind = _TALK.get(" ".join(tokens[at : at + size]))
        if kind:
            return size, kind
    return 0, ""


_TALK = {
    " ".join(split(phrase)): kind
    for kind, phrases in DATA["small_talk"].items()
    for phrase in phrases.split("|")
}
