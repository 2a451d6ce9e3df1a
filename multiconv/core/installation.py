"""The command that installs what is missing."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname


def install_line(extra: str, package: str | None = None) -> str:
    """Return the command that adds an extra to this package, from where it was installed.

    Without the package's metadata, or where its folder is gone, it names what the extra brings,
    ``package``, which is called as the extra is unless it is given.
    """
    import importlib.metadata  # which takes a third as long as importing NumPy

    alone = f"pip install {package or extra}"
    try:
        source = importlib.metadata.distribution("multiconv").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return alone
    if source is None:
        return f"pip install {shlex.quote(f'multiconv[{extra}]')}"
    requirement = _requirement(json.loads(source), extra)
    return f"pip install {requirement}" if requirement else alone


def _requirement(origin: dict[str, Any], extra: str) -> str | None:
    """Return what pip installs from a direct URL (PEP 610) with an extra, None where it is gone."""
    url = str(origin["url"])
    parts = urlsplit(url)
    if "dir_info" in origin:
        folder = url2pathname(parts.path)
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return editable + shlex.quote(f"{folder}[{extra}]") if Path(folder).is_dir() else None
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        url = f"{vcs['vcs']}+{url}@{vcs.get('requested_revision') or vcs['commit_id']}"
    elif parts.scheme == "file" and not Path(url2pathname(parts.path)).is_file():
        return None
    if "subdirectory" in origin:
        url += f"#subdirectory={origin['subdirectory']}"
    return shlex.quote(f"multiconv[{extra}] @ {url}")
