"""Changes the package at random places, and reports the changes that no fast test notices.

    python .ci/mutants.py ROOM NUMBER SEED WORKERS MARKS

Everything happens in copies of the checkout, so the working tree is never changed. First all tests
that MARKS selects run once, and coverage notes which of them execute which lines, also in processes
that they start. Then each mutant runs those that execute its line until one fails; a survivor also
runs all others in the files of tests that execute its module. So `make test` notices none that is
reported as a survivor; some of them change nothing that can be observed.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

import coverage

from mutations import Mutation, mutations

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "backpack_orm"
CACHE = ROOT / ".mutants"
"""Contains what coverage has noted, until a file of the package or a test changes."""
SECONDS = 60
"""A mutant that lets a test take longer counts as noticed."""
PYTEST = (
    *(sys.executable, "-m", "pytest", "-q", "--tb=no", "--no-header", "-rfE"),
    *("-p", "no:cacheprovider"),
)
LIMITED = (
    *("-x", "-n", "0", "-o", f"faulthandler_timeout={SECONDS}"),
    *("-o", "faulthandler_exit_on_timeout=true"),
)
COVERAGE = """\
[run]
source = {package}
parallel = true
relative_files = true
context = ${{PYTEST_CURRENT_TEST-}}
data_file = {folder}/data
"""


Lines: TypeAlias = dict[int, set[str]]
"""The functions of tests that execute each line of a module."""


@dataclass(frozen=True)
class Result:
    room: str
    mutation: Mutation
    killer: str | None
    diff: str


def main(room: str, number: int, seed: int, workers: int, marks: str) -> None:
    rooms = sorted(path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py"))
    if room and room not in rooms:
        sys.exit(f"mutants: there is no room {room!r}; there are {', '.join(rooms)}")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Path(folder, str(n)) for n in range(workers)]
        copy_checkout(copies[0])
        mutants = [*sampled(copies[0], [room] if room else rooms, number, seed)]
        found = measured(copies[0], CACHE, marks, workers)
        for copy in copies[1:]:
            shutil.copytree(copies[0], copy, symlinks=True)
        free: SimpleQueue[Path] = SimpleQueue()
        for copy in copies:
            free.put(copy)

        def run(mutant: tuple[str, Mutation]) -> Result:
            copy = free.get()
            try:
                room, mutation = mutant
                return tried(copy, room, mutation, *executed(found, mutation.path), marks)
            finally:
                free.put(copy)

        with ThreadPoolExecutor(workers) as pool:
            try:
                results = [report(each) for each in pool.map(run, mutants)]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    summarize(results)


def sampled(
    copy: Path, rooms: Sequence[str], number: int, seed: int
) -> Iterator[tuple[str, Mutation]]:
    """Yield room and mutation, as many of one room as of the others, at random."""
    dice = random.Random(seed)
    for count, room in enumerate(rooms):
        wanted = number // len(rooms) + (count < number % len(rooms))
        paths = sorted((copy / PACKAGE / room).rglob("*.py"))
        files = {path.relative_to(copy): path.read_bytes() for path in paths}
        every = [each for path, content in files.items() for each in mutations(path, content)]
        dice.shuffle(every)
        sound = (each for each in every if each.is_change(files[each.path]))
        yield from ((room, each) for each in islice(sound, wanted))


def copy_checkout(folder: Path) -> None:
    """Copy what git tracks, and new files that it does not ignore."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def measured(copy: Path, cache: Path, marks: str, workers: int) -> Path:
    """Return the folder with what coverage has noted in a run of all tests, now or earlier."""
    kept = cache / digest(copy, marks)
    if not kept.exists():
        print("mutants: running the tests once, to see which execute which lines", flush=True)
        shutil.rmtree(cache, ignore_errors=True)
        part = cache / "part"
        part.mkdir(parents=True)
        (part / "coveragerc").write_text(COVERAGE.format(package=PACKAGE, folder=part))
        environment = environment_of(copy) | {"COVERAGE_PROCESS_START": str(part / "coveragerc")}
        command = [*PYTEST, "--tb=short", "-p", "mutants_plugin", "-m", marks]
        command += ["-n", str(workers), "--dist", "worksteal"]
        run = subprocess.run(
            command, cwd=copy, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if run.returncode not in (0, 1):
            sys.exit(f"mutants: the tests cannot run:\n{run.stdout}")
        data = coverage.Coverage(config_file=str(part / "coveragerc"))
        data.combine([str(part)])
        data.save()
        (part / "failing").write_text("\n".join(failures(run.stdout)))
        part.rename(kept)
    return kept


def digest(copy: Path, marks: str) -> str:
    """Return a hash of all that decides what the tests execute."""
    found = hashlib.sha256(marks.encode())
    for path in sorted(path for name in (PACKAGE, "tests") for path in (copy / name).rglob("*.*")):
        if path.is_file() and path.suffix != ".pyc":
            found.update(f"{path.relative_to(copy)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def environment_of(copy: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in os.environ if name != "PYTEST_CURRENT_TEST"}
    return inherited | {
        "PYTHONPATH": f"{copy}{os.pathsep}{Path(__file__).parent}",
        "PYTEST_ADDOPTS": "",
        "NO_COLOR": "1",
    }


def failures(output: str) -> list[str]:
    """Return the functions of tests that have failed."""
    found = re.findall(r"^(?:FAILED|ERROR) (.*?)(?: - |$)", output, re.MULTILINE)
    return sorted(set(map(function, found)))


def function(test: str) -> str:
    """Return the function of a test, without the parameters and the phase."""
    return re.split(r"\[| \((?:setup|call|teardown)\)$", test)[0]


def executed(folder: Path, path: Path) -> tuple[Lines, set[str]]:
    """Return which functions of tests execute each line of a module, and which always fail."""
    data = coverage.CoverageData(str(folder / "data"))
    data.read()
    found = data.contexts_by_lineno(str(path))
    lines = {line: set(map(function, contexts)) - {""} for line, contexts in found.items()}
    return lines, set((folder / "failing").read_text().splitlines())


def tried(
    copy: Path, room: str, mutation: Mutation, lines: Lines, failing: set[str], marks: str
) -> Result:
    """Return whether a test notices a mutant."""
    path = copy / mutation.path
    content = path.read_bytes()
    nearest = lines.get(mutation.line, set()) - failing
    files = {test.partition("::")[0] for tests in lines.values() for test in tests}
    skipped = [f"--deselect={each}" for each in sorted(failing)]
    with replaced(path, mutation.apply(content)):
        killer = killed_by(copy, in_order(nearest, room), ["-m", marks]) or killed_by(
            copy, in_order(files, room), ["-m", marks, *skipped]
        )
    return Result(room, mutation, killer, mutation.diff(content))


def in_order(tests: Iterable[str], room: str) -> list[str]:
    """Return tests in order, those of the room first: most mutants are noticed there."""
    return sorted(tests, key=lambda test: (not test.startswith(f"tests/{room}/"), test))


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """Replace the content of a file, without a trace in compiled files."""
    before = path.read_bytes()
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
        compiled.unlink()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def killed_by(copy: Path, tests: Sequence[str], options: Sequence[str]) -> str | None:
    """Run tests until one fails; return which, or None if all pass."""
    if not tests:
        return None
    arguments = copy / "mutants-arguments"
    arguments.write_text("\n".join(tests))
    command = [*PYTEST, *LIMITED, *options, f"@{arguments}"]
    environment = environment_of(copy) | {"PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=SECONDS * (2 + len(tests)))
    except subprocess.TimeoutExpired:
        output = "Timeout"
    finally:
        with suppress(ProcessLookupError):  # also what tests have started
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if "ERROR: not found" in output:
        raise RuntimeError(f"the tests have changed since they were measured:\n{output[-2000:]}")
    if process.returncode in (0, 5):  # passed, or none selected
        return None
    otherwise = "the time limit" if "Timeout" in output else "importing the package"
    return next(iter(failures(output)), otherwise)


def report(result: Result) -> Result:
    mutation = result.mutation
    place = f"{mutation.path}:{mutation.line}: {mutation.kind}"
    if result.killer:
        print(f"killed    {place}, by {result.killer}", flush=True)
    else:
        print(f"SURVIVED  {place}\n{result.diff}", flush=True)
    return result


def summarize(results: Sequence[Result]) -> None:
    rooms: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for each in results:
        rooms[each.room][each.killer is not None] += 1
    print(f"\n{'room':15} killed survived")
    for room, found in rooms.items():
        print(f"{room:15} {found[True]:6} {found[False]:8}")
    total = sum(rooms.values(), Counter())
    print(f"{'all':15} {total[True]:6} {total[False]:8}")


if __name__ == "__main__":
    room, number, seed, workers, marks = sys.argv[1:]
    main(room, int(number), int(seed), int(workers), marks)
