"""What is delivered: one version, complete types, a library that needs nothing but libc."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mcp_gateway
from mcp_gateway import _native


def test_has_one_version() -> None:
    workspace = (Path(__file__).parents[2] / "Cargo.toml").read_text()
    written = re.search(r'^version = "(.+)"$', workspace, re.MULTILINE)
    assert written is not None
    assert mcp_gateway.__version__ == importlib.metadata.version("mcp-gateway") == written[1]


def test_exports_what_it_says() -> None:
    assert sorted(mcp_gateway.__all__) == mcp_gateway.__all__
    assert all(hasattr(mcp_gateway, name) for name in mcp_gateway.__all__)


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_stub_says_what_the_native_module_has(tmp_path: Path) -> None:
    # In a folder of its own: mypy keeps its cache where it runs.
    command = [sys.executable, "-m", "mypy.stubtest", "mcp_gateway._native"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("ldd") is None, reason="there is no ldd on this platform")
def test_links_only_libc() -> None:
    library = _native.__file__
    assert library is not None
    listing = subprocess.run(["ldd", library], capture_output=True, text=True, timeout=60, check=True).stdout
    names = {Path(line.split()[0]).name.split(".")[0] for line in listing.splitlines()}
    assert names <= {"linux-vdso", "ld-linux-x86-64", "ld-linux-aarch64", "libc", "libgcc_s", "libm"}, listing
