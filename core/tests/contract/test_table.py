"""The table in the documents: every test that it names exists, and every one is named."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TABLE = ROOT / "docs" / "reference" / "crm-contract-tests.md"


def named() -> set[tuple[Path, str]]:
    found = re.findall(r"`([\w/]+\.py)::(test_\w+)`", TABLE.read_text("utf-8"))
    return {
        ((ROOT if "/" in file else HERE) / file, function) for file, function in found
    }


def contents_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_test_that_the_table_names_exists() -> None:
    missing = [
        f"{file.name}::{function}"
        for file, function in named()
        if not file.exists() or function not in contents_of(file)
    ]

    assert missing == []


def test_every_contract_test_stands_in_the_table() -> None:
    here = {
        (file, function)
        for file in HERE.glob("test_*.py")
        if file != Path(__file__)
        for function in contents_of(file)
    }

    assert here - named() == set()


def test_every_line_of_the_table_names_a_test() -> None:
    lines = re.findall(r"^\| (?!sentence)[^-].*$", TABLE.read_text("utf-8"), re.M)

    assert len(lines) > 50
    assert [line for line in lines if "::test_" not in line] == []
