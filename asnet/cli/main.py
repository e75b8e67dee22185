"""Parsing the command line, and turning every fault into one message and an exit status."""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import importlib
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Protocol, cast

from asnet.cli.talk import Talk
from asnet.errors import AsnetError, OutputError, ToolError
from asnet.version import __version__

__all__ = ["main"]

COMMANDS = {
    "explore": "run every configuration of a design space on a test set: accuracy, area, delay",
    "eval": "run one configuration on a test set",
    "synth": "turn a configuration into co-simulated Verilog",
    "quantize": "turn a float network into an integer one, with scales from calibration images",
    "inspect": "show the layers of a network, what may be approximated, and all that is not supported",
    "units": "list units; show, characterise and measure one",
    "passes": "list the IR passes and their options",
    "doctor": "show the external tools: version, path, what each enables, how to get it",
}

INTERRUPTED = 130


class Command(Protocol):
    """A module of this package: declares its arguments, and runs."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments to its parser."""
        ...

    def run(self, args: argparse.Namespace, talk: Talk) -> int:
        """Do it; the exit status."""
        ...


def _command(name: str) -> Command:
    return cast(Command, importlib.import_module(f"asnet.cli.{name}_command"))


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asnet",
        description="Explore approximate hardware for a neural network, and synthesise what you explored, bit for bit.",
        epilog="exit status: 0 done, 1 the answer is no, 2 the input is wrong, 3 a tool is missing or failed, "
        "130 interrupted",
    )
    parser.add_argument("--version", action="version", version=f"asnet {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        command.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
        command.add_argument("-q", "--quiet", action="store_true", help="no progress and no notes on stderr")
        command.add_argument("--debug", action="store_true", help="show the Python traceback of an error")
        if name == chosen:  # only the chosen command's modules are imported
            _command(name).configure(command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line ``arguments`` (default: ``sys.argv``); the exit status."""
    _open_closed_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in words if word in COMMANDS), None)
    with _no_collections():
        parser = _parser(chosen)
    args = parser.parse_args(words)
    args.words = words
    talk = Talk(quiet=args.quiet)
    try:
        with _stoppable():
            status = _command(args.command).run(args, talk)
            sys.stdout.flush()
            return status
    except _StoppedError as stop:
        talk.close()
        print(f"asnet: stopped by {stop.signal.name}; the same command goes on where it stopped", file=sys.stderr)
        return 128 + stop.signal
    except KeyboardInterrupt:
        talk.close()
        print("asnet: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (AsnetError, OSError, sqlite3.OperationalError, MemoryError) as error:
        talk.close()
        if args.debug:
            raise
        fault = _as_asnet_error(error)
        print(f"asnet: error: {fault}", file=sys.stderr)
        return fault.exit_status


@contextlib.contextmanager
def _no_collections() -> Generator[None]:
    """Within the block no garbage is looked for: importing makes many objects, and none of them goes."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _StoppedError(SystemExit):
    """The system or a user asked the process to end: everything is left as by Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)


def _stop(number: int, frame: object) -> None:
    raise _StoppedError(number)


@contextlib.contextmanager
def _stoppable() -> Generator[None]:
    """Within the block SIGTERM and SIGHUP end the command in order: tools that run are killed, files are whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_closed_streams() -> None:
    """Python has None for a stream that the caller closed (``>&-``); what is written there goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (open to the end)


def _as_asnet_error(error: Exception) -> AsnetError:
    """The fault that ``error`` stands for: the system's own faults are told in the same form."""
    if isinstance(error, AsnetError):
        return error
    if isinstance(error, MemoryError):
        return ToolError("out of memory; use fewer images (--images) or fewer processes (--jobs)")
    if isinstance(error, OSError):
        where = f" {error.filename!r}" if error.filename else ""
        hint = "; free some space and run the same command again" if error.errno == errno.ENOSPC else ""
        return OutputError(f"the system refused{where}: {error.strerror or error}{hint}")
    return OutputError(f"the study cannot be written: {error}; free space or choose another folder with --study")
