"""Build the examples as notebooks and run them: ``python notebooks.py FOLDER [NUMBER ...]``.

The framework is the one that MULTICONV_BACKEND names. A notebook is written with its outputs, and
fails where a cell raises, does not run, or prints something else than it says.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbclient
import nbformat

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from example_files import EXAMPLES, cells, expected


def main():
    folder, numbers = Path(sys.argv[1]), sys.argv[2:]
    chosen = [path for path in EXAMPLES if not numbers or path.name[:2] in numbers]
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    failures = [problem for path in chosen for problem in problems(path, folder)]
    print("\n".join(failures) or f"{len(chosen)} notebooks ran; they are in {folder}")
    return 1 if failures or not chosen else 0


def problems(path, folder):
    """Write an example as a notebook with its outputs, and list what is wrong with it."""
    began = time.perf_counter()
    notebook = jupytext.read(path)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    with tempfile.TemporaryDirectory() as place:
        try:
            nbclient.NotebookClient(
                notebook, timeout=300, resources={"metadata": {"path": place}}
            ).execute()
            found = []
        except nbclient.exceptions.CellExecutionError as error:
            found = [f"{path.name}: {error.ename}: {error.evalue}"]
        strays = [stray.name for stray in Path(place).iterdir()]
    nbformat.write(notebook, folder / f"{path.stem}.ipynb")
    print(f"{path.name}: {time.perf_counter() - began:.1f} s", flush=True)
    if strays:
        found.append(f"{path.name} leaves {strays} behind")
    return found or list(differences(path, notebook))


def differences(path, notebook):
    """Say which cells did not run, or print something else than they say."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    said = [expected(cell) for cell in cells(path) if cell.is_code]
    if len(code) != len(said):
        yield f"{path.name}: {len(said)} cells of code became {len(code)}"
    for number, (cell, lines) in enumerate(zip(code, said, strict=False), start=1):
        streams = [output for output in cell.outputs if output.output_type == "stream"]
        printed = "".join(output.text for output in streams if output.name == "stdout")
        shown = [line.rstrip() for line in printed.splitlines()]
        if cell.execution_count is None:
            yield f"{path.name}: cell {number} did not run"
        elif shown != lines:
            yield f"{path.name}: cell {number} prints {shown}, and says {lines}"
        stderr = "".join(o.text for o in streams if o.name == "stderr")
        if "Warning" in stderr:  # times, which differ from run to run, may stand there
            yield f"{path.name}: {stderr}"


if __name__ == "__main__":
    sys.exit(main())
