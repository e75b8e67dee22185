"""Running external programs: output captured, failures turned into errors that say what to do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from asnet.errors import ToolError

__all__ = ["run_tool", "try_tool"]


def try_tool(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` to its end; stdout and stderr as text, locale fixed. No check of its exit status.

    Raises:
        ToolError: the program cannot be started at all.
    """
    try:
        return subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ToolError(f"cannot run {str(command[0])!r}: {error.strerror or error}") from error


def run_tool(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run ``command``; its stdout.

    Raises:
        ToolError: it cannot be started or fails; the message holds its last lines.
    """
    done = try_tool(command, cwd=cwd, environment=environment, stdin=stdin)
    if done.returncode != 0:
        tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-8:])
        raise ToolError(f"{Path(command[0]).name} failed (exit status {done.returncode}):\n{tail}")
    return done.stdout
