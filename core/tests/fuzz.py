"""Speak to the running service as its OpenAPI document allows, and as it does not.

`python -m core.tests.fuzz 1000` tries that many requests for each operation, beside
those that look for the edges of each field, and says in its last line how many were
sent in all. Exit code 1 says that an answer was a 5xx, or not what the document promises.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from conversations.tests.browser import running_service

OPTIONS = [
    "--continue-on-failure",
    "--no-color",
    # That ids which nobody has are not found is right.
    "--warnings=off",
    # How fast calls are made up is the machine's business.
    "--suppress-health-check=too_slow",
    # Some calls wait for the assistant's reply, for as long as its budget says.
    "--workers=4",
    "--request-timeout=60",
]
#: Where calls need a token. There forms are taken too, so that texts may be numbers,
#: and what is refused may be more than a schema can say.
TOKEN_PATHS = "^/api/v1/"
TOKEN_CHECKS = (
    "--checks=not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)
#: As the tool counts the requests that it has made up and sent.
_SENT = re.compile(r"(\d+) generated(?:, (\d+) passed)?")


def main(examples: str, phases: str = "coverage,fuzzing", *options: str) -> int:
    """Fuzz a service that is started for it; returns the exit code.

    More options are handed to the tool as they are.
    """
    tool = Path(sys.executable).with_name("schemathesis")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(
            Path(folder), CHAT_RATE_LIMIT="off", API_RATE_LIMIT="off"
        ) as service,
    ):
        command = [tool, "run", f"{service.url}/api/schema/", *OPTIONS]
        command += [f"--phases={phases}", f"--max-examples={examples}", *options]
        token = f"--header=Authorization: Bearer {service.token}"
        runs = [
            [*command, f"--exclude-path-regex={TOKEN_PATHS}"],
            [*command, token, f"--include-path-regex={TOKEN_PATHS}", TOKEN_CHECKS],
        ]
        found = [_run(each, folder) for each in runs]
        code = max(code for code, _, _ in found)
        if code:
            print(Path(folder, "serve.log").read_text()[-5000:])  # noqa: T201
        sent, passed = (sum(each[n] for each in found) for n in (1, 2))
        print(f"In all {sent} calls were sent, and {passed} passed.")  # noqa: T201
        return code


def _run(command: list[Any], folder: str) -> tuple[int, int, int]:
    """Exit code, calls that were sent, and calls that passed."""
    output = ""
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as tool:
        for line in tool.stdout or ():
            output += line
            print(line, end="", flush=True)  # noqa: T201
    sent, passed = (_SENT.findall(output) or [("0", "0")])[-1]
    return tool.returncode, int(sent), int(passed or 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
