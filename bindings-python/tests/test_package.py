"""The package as it is installed."""

import importlib.metadata
import importlib.util
from pathlib import Path

from processes import run

import convostore


def test_it_is_the_installed_one() -> None:
    assert "site-packages" in str(convostore.__file__)
    assert importlib.metadata.version("convostore") == convostore.__version__


def test_it_needs_nothing_and_says_its_licences() -> None:
    about = importlib.metadata.metadata("convostore")
    assert importlib.metadata.requires("convostore") is None
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "MIT OR Apache-2.0"
    files = [str(file) for file in importlib.metadata.files("convostore") or []]
    for end in ("licenses/LICENSE-MIT", "licenses/LICENSE-APACHE", ".cyclonedx.json", "convostore/py.typed", "convostore/_core.pyi"):
        assert any(file.endswith(end) for file in files), end
    assert about["Description-Content-Type"].startswith("text/markdown")


def test_importing_is_quick_and_brings_little_along() -> None:
    """How quick is the bench's to say. Here the processor's time is looked at, which others on the machine do not stretch."""
    out = run(
        """
        import sys, time
        before = set(sys.modules)
        began = time.process_time()
        import convostore
        took = time.process_time() - began
        heavy = {"asyncio", "typing", "dataclasses", "inspect", "threading", "datetime"} & (set(sys.modules) - before)
        print(took, sorted(heavy))
        """
    )
    took, heavy = out.split(maxsplit=1)
    assert heavy.strip() == "[]"
    assert float(took) < 0.25


def test_help_shows_everything() -> None:
    out = run("import convostore, pydoc; print(pydoc.plain(pydoc.render_doc(convostore.Store)))")
    out = " ".join(out.replace("|", " ").split())
    for word in ("session_id,", "expected_revision=None, update=None", "Args:", "Errors:", "Returns:", "dedup_key"):
        assert word in out, word


def test_no_sources_are_needed() -> None:
    spec = importlib.util.find_spec("convostore._core")
    assert spec is not None and spec.origin is not None and Path(spec.origin).name.startswith("_core.abi3")
