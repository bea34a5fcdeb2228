# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Break lines of the package one at a time, and see whether a test notices.

``make mutants SEED=1 N=200`` draws so many mutants and runs, for each, the tests of the
quick suite that pass by its line, the fastest first, until one fails. With
``--fixed FILE`` the mutants named in a file are run, each with the tests named below
it. Those in ``equivalent.txt`` change nothing that can be seen, each for the reason
given there, and are left out.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from coverage import CoverageData
from operators import Mutant, mutants_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "mutation"
PACKAGES = ("retraining", "risk_minimization", "shift", "games")
LIMIT = 600  # seconds after which a mutant goes round for ever
QUICK = ("-m", "not benchmark and not slow and not download")
TESTS = ("tests", "-p", "breaking", "-p", "no:cacheprovider", "-q")


class Place(NamedTuple):
    """A mutant and its file."""

    path: Path
    mutant: Mutant

    @property
    def module(self) -> str:
        """The name under which Python imports the file."""
        return ".".join(self.path.with_suffix("").parts)

    def __str__(self) -> str:
        return f"{self.path}: {self.mutant.what}"


def all_places(packages: Iterable[str] = PACKAGES) -> list[Place]:
    """Return all mutants of some packages."""
    files = sorted(f for p in packages for f in (ROOT / "skperf" / p).rglob("*.py"))
    return [
        Place(file.relative_to(ROOT), mutant)
        for file in files
        for mutant in mutants_of(file.read_text())
    ]


def read_notes(path: Path) -> dict[str, str]:
    """Return the names of mutants in a file, each with the line that follows it."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    lines = [line for line in lines if line]
    pairs = zip(lines, [*lines[1:], ""], strict=True)
    return {name: note.strip() for name, note in pairs if not name.startswith(" ")}


def draw(places: list[Place], seed: int, number: int) -> list[Place]:
    """Return some mutants, none of them known to be equivalent."""
    equivalent = read_notes(HERE / "equivalent.txt")
    left = [place for place in places if str(place) not in equivalent]
    return random.Random(seed).sample(left, min(number, len(left)))


class Tests:
    """Which tests pass by a line, and how long each takes."""

    def __init__(self) -> None:
        self.seconds = json.loads((BUILD / "seconds.json").read_text())
        self.data = CoverageData(str(BUILD / "coverage"))
        self.data.read()

    def of(self, place: Place) -> list[str]:
        """Return the tests of a mutant, the fastest first."""
        lines = self.data.contexts_by_lineno(str(ROOT / place.path))
        known = {test for test in lines.get(place.mutant.line, ()) if test}
        if not known:  # run at import, or within a longer statement
            known = {test for tests in lines.values() for test in tests if test}
        if not known:  # a file that only declares
            known = self.seconds.keys()
        names = {test.partition("|")[0] for test in known} & self.seconds.keys()
        return sorted(names, key=lambda name: (self.seconds[name], name))


def map_tests() -> None:
    """Run the quick suite once, and note which test passes by which line."""
    files = [*(ROOT / "skperf").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    newest = max(file.stat().st_mtime for file in files)
    done = BUILD / "seconds.json"
    if done.exists() and done.stat().st_mtime > newest:
        return
    print("Running the quick suite once, to see which test passes by which line")
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "coverage").unlink(missing_ok=True)
    environment = {"SKPERF_DURATIONS": str(done), "COVERAGE_FILE": f"{BUILD}/coverage"}
    options = ("-n", "2", "--cov=skperf", "--cov-context=test", "--cov-report=")
    subprocess.run(pytest(*QUICK, *options), cwd=ROOT, env=env(environment), check=True)


def pytest(*options: str) -> list[str]:
    """Return the command that runs tests."""
    return [sys.executable, "-m", "pytest", *TESTS, *options]


def env(changes: dict[str, str]) -> dict[str, str]:
    """Return the environment of a run of the tests."""
    fixed = {"PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    return os.environ | fixed | changes


def try_out(place: Place, tests: list[str]) -> str:
    """Return "killed", or "survived", or "no test" where no test passes by."""
    if not tests:
        return "no test"
    BUILD.mkdir(parents=True, exist_ok=True)
    listed = BUILD / f"tests-{place.module}-{place.mutant.number}.txt"
    listed.write_text("\n".join(tests))
    command = [sys.executable, "-m", "pytest", f"@{listed}", *TESTS[1:]]
    command += ["-x", "-p", "no:xdist", "-p", "no:randomly"]
    broken = env({"SKPERF_MUTANT": f"{place.module}:{place.mutant.number}"})
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=broken,
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "killed"
    finally:
        listed.unlink()
    return "survived" if done.returncode == 0 else "killed"


def main() -> int:
    """Try mutants out; return 1 if fewer are killed than asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--fixed", type=Path, help="a file with names of mutants")
    parser.add_argument("--share", type=float, default=0.95, help="to be killed")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    places = all_places()
    if asked.fixed:
        named = read_notes(asked.fixed)
        places = all_places({name.split("/")[1] for name in named})
        chosen = [place for place in places if str(place) in named]
        gone = named.keys() - {str(place) for place in chosen}
        if gone:
            print(
                f"These mutants are gone; name others in {asked.fixed}:",
                *gone,
                sep="\n",
            )
            return 1
        lists = [named[str(place)].split() for place in chosen]
    else:
        chosen = draw(places, asked.seed, asked.number)
        print(f"Seed {asked.seed}: {len(chosen)} of {len(places)} mutants")
        map_tests()
        tests = Tests()
        lists = [tests.of(place) for place in chosen]
    start = time.monotonic()
    killed = 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        for place, verdict in zip(
            chosen, pool.map(try_out, chosen, lists), strict=True
        ):
            killed += verdict == "killed"
            if verdict != "killed":
                print(f"{verdict}: {place} (line {place.mutant.line})", flush=True)
    share = killed / len(chosen)
    minutes = (time.monotonic() - start) / 60
    print(f"{killed} of {len(chosen)} killed ({share:.1%}) in {minutes:.0f} minutes")
    return int(share < asked.share)


if __name__ == "__main__":
    sys.exit(main())
