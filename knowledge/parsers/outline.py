"""A page's whole text as Markdown, by its tags alone.

For pages of which the extraction by likelihood would lose questions or everything.
"""

from __future__ import annotations

from typing import Any, Final

#: What is never part of a page's words.
_LEFT_OUT: Final = frozenset(
    [
        "aside",
        "button",
        "footer",
        "form",
        "head",
        "header",
        "iframe",
        "menu",
        "nav",
        "noscript",
        "script",
        "select",
        "style",
        "svg",
        "template",
    ]
)
_BLOCKS: Final = frozenset(
    [
        "article",
        "blockquote",
        "body",
        "br",
        "caption",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
HEADINGS: Final = {f"h{level}": level for level in range(1, 7)} | {"summary": 3}


def main_part(tree: Any) -> Any:
    """The element that the page itself calls its main one, or its body."""
    for tag in ("main", "article", "body"):
        found = tree.findall(f".//{tag}")
        if len(found) == 1:
            return found[0]
    return tree


def headings(part: Any) -> list[str]:
    """The headings of a part of a page, menus and the like left out."""
    return [
        words
        for each in part.iter(*HEADINGS)
        if not any(above.tag in _LEFT_OUT for above in each.iterancestors())
        and (words := _words(each))
    ]


def markdown(part: Any) -> str:
    """The text of a part of a page, block by block."""
    writer = _Writer()
    writer.walk(part)
    writer.end_block()
    text = ""
    for block in writer.blocks:
        # Items of a list stand together, and so do rows of a table.
        last = text.rpartition("\n")[2]
        stays = any(last.startswith(x) and block.startswith(x) for x in ("- ", "| "))
        text += f"\n{block}" if stays else f"\n\n{block}"
    return text.strip()


class _Writer:
    def __init__(self) -> None:
        self.blocks: list[str] = []
        self._words: list[str] = []
        self._mark = ""

    def walk(self, node: Any) -> None:
        """Write a node and what is in it, but not what follows it."""
        tag = node.tag
        if not isinstance(tag, str) or tag in _LEFT_OUT:
            return
        if tag in HEADINGS:
            self.end_block()
            self._mark, self._words = f"{'#' * HEADINGS[tag]} ", [_words(node)]
            self.end_block()
            return
        if tag == "tr":
            self.end_block()
            cells = [_words(cell).replace("|", "/") for cell in node]
            self._words = [f"| {' | '.join(cells)} |"]
            self.end_block()
            return
        if tag in _BLOCKS:
            self.end_block()
            self._mark = "- " if tag == "li" else self._mark
        self._words.append(node.text or "")
        for child in node:
            self.walk(child)
            self._words.append(child.tail or "")
        if tag in _BLOCKS:
            self.end_block()

    def end_block(self) -> None:
        """Keep the words since the last block, if there are any."""
        text = " ".join("".join(self._words).split())
        self._words = []
        if text:
            self.blocks.append(self._mark + text)
            self._mark = ""


def _words(node: Any) -> str:
    return " ".join(" ".join(node.itertext()).split())
