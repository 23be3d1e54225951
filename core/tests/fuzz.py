"""Speak to the running service as its OpenAPI document allows, and as it does not.

`python -m core.tests.fuzz 1000` tries that many requests for each operation, beside
those that look for the edges of each field. Exit code 1 says that an answer was a 5xx,
or not what the document promises.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from conversations.tests.browser import running_service

OPTIONS = [
    "--continue-on-failure",
    "--no-color",
    # That ids which nobody has are not found is right.
    "--warnings=off",
    # How fast calls are made up is the machine's business.
    "--suppress-health-check=too_slow",
]
#: Where calls need a token. There forms are taken too, so that texts may be numbers,
#: and what is refused may be more than a schema can say.
TOKEN_PATHS = "^/api/v1/"
TOKEN_CHECKS = (
    "--checks=not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


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
        codes = [
            subprocess.call(
                [*command, f"--exclude-path-regex={TOKEN_PATHS}"], cwd=folder
            ),
            subprocess.call(
                [*command, token, f"--include-path-regex={TOKEN_PATHS}", TOKEN_CHECKS],
                cwd=folder,
            ),
        ]
        return max(codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
