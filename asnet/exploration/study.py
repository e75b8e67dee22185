"""A study: the evaluations of a design space in one SQLite file, stored as they finish."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from asnet.errors import OutputError, StudyError
from asnet.exploration.costs import Cost, Costs, SpaceCosts
from asnet.exploration.filelock import FileLock
from asnet.exploration.select import Result
from asnet.exploration.study_facts import StudyFacts
from asnet.testbed import Evaluation

__all__ = ["Study"]

_APPLICATION = 0x41534E54  # "ASNT": SQLite's application_id of our files
_APPLICATION_AT = slice(68, 72)  # https://www.sqlite.org/fileformat2.html, 1.3
_VERSION = 2
_SQLITE_MAGIC = b"SQLite format 3\x00"
_SIDECARS = ("", "-wal", "-shm", "-new")

_SCHEMA = f"""
pragma application_id = {_APPLICATION};
pragma user_version = {_VERSION};
create table facts (id integer primary key check (id = 1), json text not null);
create table evaluations (
    position text primary key, correct integer not null, images integer not null, digest text not null,
    seconds real not null, verdict integer
) without rowid;
create table costs (
    op text not null, type text not null, unit text not null, area real, delay real, primary key (op, type, unit)
) without rowid;
"""


class Study:
    """The evaluations of one design space on one test set. Open it with :meth:`open` to write, :meth:`read` to look.

    Each :meth:`add` and :meth:`add_all` is committed before it returns: whatever ends the process, what was added is
    kept. A context manager; closing it leaves a single file.
    """

    def __init__(self, path: Path, database: sqlite3.Connection, facts: StudyFacts, lock: FileLock | None) -> None:
        self.path = path
        self.facts = facts
        self.space = facts.space
        self._database = database
        self._lock = lock
        self._evaluations = self._stored()

    @classmethod
    def open(cls, path: Path | str, facts: StudyFacts, *, fresh: bool = False) -> Study:
        """Create the study ``path``, or go on with it; with ``fresh``, what was stored is discarded.

        Raises:
            StudyError: the file is no study or damaged; it belongs to other inputs (the message names them); another
                process is writing it.
            OutputError: the file cannot be written.
        """
        path = Path(path)
        lock = FileLock.acquire(path.with_name(path.name + "-lock"), f"study {str(path)!r}")
        try:
            if fresh:
                _discard(path)
            with _faults(path):
                if not path.exists() or path.stat().st_size == 0:
                    _create(path, facts)
                database = _existing(path)
            try:
                stored = _facts(path, database)
                differences = stored.differences(facts)
                if differences:
                    raise StudyError(
                        f"study {str(path)!r} belongs to other inputs; different are {'; '.join(differences)}. "
                        "Continue with the inputs it was made from, write another study with --study FILE, or start it "
                        "anew with --fresh"
                    )
                with _faults(path), database:  # objectives and paths may have changed
                    database.execute("update facts set json = ?", (facts.to_json(),))
                return cls(path, database, facts, lock)
            except BaseException:
                database.close()
                raise
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: Path | str) -> Study:
        """The study ``path`` as it is, not to be changed; another process may be writing it.

        Raises:
            StudyError: it is missing, no study, or damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise StudyError(f"no study {str(path)!r}; make it with `asnet explore`, or name it with --study FILE")
        with _faults(path):
            database = _existing(path)
        try:
            return cls(path, database, _facts(path, database), None)
        except BaseException:
            database.close()
            raise

    @property
    def evaluations(self) -> Mapping[int, Evaluation]:
        """Position in the design space → evaluation, in the order in which they were stored; live, read-only."""
        return MappingProxyType(self._evaluations)

    def add(self, position: int, evaluation: Evaluation) -> None:
        """Store an evaluation; when this returns it is in the file.

        Raises:
            OutputError: the file cannot be written (no space); the evaluations before this one are kept.
        """
        self.add_all([(position, evaluation)])

    def add_all(self, evaluations: Sequence[tuple[int, Evaluation]]) -> None:
        """Store evaluations with their positions, all or none; when this returns they are in the file.

        Raises:
            OutputError: as :meth:`add`.
        """
        rows = [
            (str(position), each.correct, each.images, each.digest, each.seconds, each.verdict)
            for position, each in evaluations
        ]
        with _faults(self.path), self._database:
            self._database.executemany("insert or replace into evaluations values (?, ?, ?, ?, ?, ?)", rows)
        self._evaluations.update(evaluations)

    def set_costs(self, costs: Costs) -> None:
        """Store area and delay of units, in place of those stored before.

        Raises:
            OutputError: the file cannot be written.
        """
        rows = [(*resource, cost.area, cost.delay) for resource, cost in costs.items()]
        with _faults(self.path), self._database:
            self._database.execute("delete from costs")
            self._database.executemany("insert into costs values (?, ?, ?, ?, ?)", rows)

    @property
    def costs(self) -> dict[tuple[str, str, str], Cost]:
        """Area and delay of units as they were stored: (op, type, instance name) → cost."""
        with _faults(self.path):
            rows: list[Any] = self._database.execute("select op, type, unit, area, delay from costs").fetchall()
        return {(op, kind, unit): Cost(area, delay) for op, kind, unit, area, delay in rows}

    def results(self) -> list[Result]:
        """Every evaluated configuration with its cost, in the order of the design space."""
        costs = SpaceCosts(self.space, self.costs)
        bound = self.facts.decide.limit if self.facts.decide is not None else None
        return [
            Result(position, self.space.label(position), self._evaluations[position], costs[position], bound)
            for position in sorted(self._evaluations)
        ]

    def close(self) -> None:
        """Close the file and let other processes write it."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stored(self) -> dict[int, Evaluation]:
        with _faults(self.path):
            rows: list[Any] = self._database.execute(
                "select position, correct, images, digest, seconds, verdict from evaluations"
            ).fetchall()
        try:
            found = {int(row[0]): _evaluation(*row[1:]) for row in rows}
        except ValueError as error:
            raise _damaged(self.path, error) from error
        if any(position >= self.space.size for position in found):
            raise _damaged(self.path, "an evaluation is outside the design space")
        return found


def _evaluation(correct: int, images: int, digest: str, seconds: float, verdict: int | None) -> Evaluation:
    return Evaluation(correct, images, digest, seconds, None if verdict is None else bool(verdict))


def _create(path: Path, facts: StudyFacts) -> None:
    """A new study file, there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(path.name + "-new")
    work.unlink(missing_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(work)) as database:
            database.executescript(f"begin; {_SCHEMA} commit;")
            with database:
                database.execute("insert into facts values (1, ?)", (facts.to_json(),))
            database.execute("pragma journal_mode = wal")
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def _header(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(100)


def _existing(path: Path) -> sqlite3.Connection:
    header = _header(path)
    if not header.startswith(_SQLITE_MAGIC):
        raise StudyError(f"{str(path)!r} is not a study of ASNet: no SQLite file; name another one with --study FILE")
    if header[_APPLICATION_AT] != _APPLICATION.to_bytes(4, "big"):
        raise StudyError(
            f"{str(path)!r} is an SQLite file, but not a study of ASNet; name another one with --study FILE"
        )
    database = sqlite3.connect(path, timeout=10)
    try:
        version: int = database.execute("pragma user_version").fetchone()[0]
        if version != _VERSION:
            raise StudyError(
                f"study {str(path)!r} has format {version}, this ASNet knows format {_VERSION}; "
                "start it anew with --fresh"
            )
        state: str = database.execute("pragma quick_check(1)").fetchone()[0]
        if state != "ok":
            raise _damaged(path, state)
        database.execute("pragma synchronous = normal")  # with a write-ahead log: a commit outlives the process
    except BaseException:
        database.close()
        raise
    return database


def _facts(path: Path, database: sqlite3.Connection) -> StudyFacts:
    with _faults(path):
        row: Any = database.execute("select json from facts").fetchone()
    try:
        return StudyFacts.from_json(row[0] if row else "")
    except StudyError as error:
        raise _damaged(path, error) from error


def _discard(path: Path) -> None:
    """Remove the study; a file that is something else stays."""
    if path.exists() and path.suffix != ".study":
        header = _header(path)
        if header and header[_APPLICATION_AT] != _APPLICATION.to_bytes(4, "big"):
            raise StudyError(f"{str(path)!r} is not a study of ASNet and stays; name another one with --study FILE")
    try:
        for suffix in _SIDECARS:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot discard study {str(path)!r}: {error.strerror or error}") from error


def _damaged(path: Path, why: object) -> StudyError:
    return StudyError(
        f"study {str(path)!r} is damaged: {why}; start it anew with --fresh, or name another one with --study FILE"
    )


@contextlib.contextmanager
def _faults(path: Path) -> Generator[None]:
    """SQLite's and the system's faults as ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise StudyError(f"study {str(path)!r} is in use by another process; wait until it has finished") from error
        raise OutputError(
            f"cannot write study {str(path)!r}: {text}; free space or choose another folder with --study FILE; "
            "what was stored is kept"
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise OutputError(
            f"cannot open study {str(path)!r}: {error.strerror or error}; choose another folder with --study FILE"
        ) from error
