"""The results as files, each whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

from multiconv.benchmarking import picture, records, tables
from multiconv.benchmarking.results import Results
from multiconv.core.installation import install_line
from multiconv.core.whole_file import write_whole


def write(results: Results, folder: Path) -> str:
    """Write results.md, .csv, .json and .png into a folder, and return what to say about it."""
    contents = {
        "results.md": "\n".join(tables.markdown(results, everything=True)) + "\n",
        "results.csv": records.as_csv(results),
        "results.json": json.dumps(records.as_json(results), indent=1, allow_nan=False) + "\n",
    }
    for name, text in contents.items():
        write_whole(folder / name, text.encode())
    try:
        drawn = picture.as_png(results)
    except ImportError:
        line = install_line("viz", "matplotlib")
        return f"written: {', '.join(contents)}; results.png needs matplotlib: {line}"
    write_whole(folder / "results.png", drawn)
    return f"written: {', '.join([*contents, 'results.png'])}"
