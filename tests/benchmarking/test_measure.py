"""A tiny grid from beginning to end: who takes part, what is caught, and what is written."""

import csv
import io
import json
import re

import backends_under_test
import numpy as np
import pytest

from multiconv import cli
from multiconv.benchmarking import (
    candidates,
    first_calls,
    grid,
    libraries,
    measure,
    picture,
    records,
    tables,
)
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Library, Peer
from multiconv.benchmarking.measure import Request
from multiconv.core import timing
from multiconv.faces import get_backend
from multiconv.methods import table as methods

IMAGE = Cell("images", (9, 8), (3, 3), padding=1)
LARGER = Cell("images", (16, 12), (3, 3), padding=1)
LAYER = Cell("layers", (2, 4, 6, 5), (3, 4, 3, 3), padding=1)
BACK = Cell("layers", (2, 4, 6, 5), (3, 4, 3, 3), padding=1, stage="backward")
TINY = [IMAGE, LARGER, LAYER, BACK]

BUILT_IN = [name for name in backends_under_test.CHOSEN if name != "strict"]


class Planted(Library):
    """A library for NumPy's arrays that does what a test says."""

    name = "planted"

    def __init__(self, **calls):
        self.calls = calls

    def peers(self, cell, arrays):
        if cell.is_image:
            for name, call in self.calls.items():
                yield Peer(name, lambda call=call: call(arrays.x, arrays.weight))


def correct(x, k):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, 1), k.shape)
    return np.einsum("pqij,ij->pq", windows, k)


def wrong(x, k):
    y = correct(x, k)
    y[0, 0] += 1
    return y


def broken(x, k):
    raise RuntimeError("it does not work\nat all")


def request_of(cells=TINY, backends=("numpy",), **options):
    asked = {"methods": ["auto", "direct", "im2col"], "seconds": 60, "slowest": 1, "beside": []}
    return Request(cells, [get_backend(n) for n in backends], **(asked | options))


def run(*arguments, **options):
    return measure.measure(request_of(*arguments, **options))


@pytest.fixture(scope="module")
def results():
    return run(
        methods=["auto", "direct", "im2col", "fft", "native"], beside=[Planted(good=correct)]
    )


@pytest.fixture
def few_samples(monkeypatch):
    monkeypatch.setattr(timing, "_SECONDS_OF_A_SAMPLE", 1e-5)
    monkeypatch.setattr(timing, "MOST_ROUNDS", 3)


class TestEveryBackend:
    @pytest.fixture(params=BUILT_IN)
    def name(self, request):
        return request.param

    @pytest.mark.parametrize("group", list(grid.GROUPS))
    def test_its_candidates_of_each_group_are_right(self, name, group, few_samples):
        """In shapes of the kinds that the grid has, but small."""
        shrunk = {
            "small": [
                Cell("small", (3, 3), (2, 2)),
                Cell("small", (1, 2, 5, 5), (3, 2, 3, 3), padding=1, is_layer=True),
            ],
            "images": [IMAGE],
            "layers": [LAYER, BACK],
            "pointwise": [Cell("pointwise", (2, 4, 3, 3), (5, 4, 1, 1))],
            "depthwise": [Cell("depthwise", (2, 4, 6, 5), (4, 1, 3, 3), padding=1, groups=4)],
            "grouped": [Cell("grouped", (1, 4, 6, 5), (6, 2, 3, 3), padding=1, groups=2)],
            "transposed": [
                Cell("transposed", (1, 4, 5, 4), (4, 3, 4, 4), 2, 1, 1, True, stage)
                for stage in ("forward", "backward")
            ],
            "audio": [Cell("audio", (1, 1, 50), (1, 1, 9))],
            "volumes": [Cell("volumes", (1, 1, 5, 4, 5), (1, 1, 3, 3, 3), padding=1)],
            "exact": [
                Cell("exact", (9, 8), (3, 3), padding=1, data="bytes"),
                Cell("exact", (2, 2, 6, 5), (3, 2, 3, 3), padding=1, data="normal"),
            ],
        }[group]
        methods = ["auto", "direct", "exact"] if group == "exact" else ["auto", "direct"]
        found = run(shrunk, [name], methods=methods, beside=libraries.beside_numpy())
        assert found.wrong == []
        for cell in shrunk:
            roles = {m.role for m in found.of(cell, name)}
            assert "auto" in roles
            assert ("exact" in roles) == (group == "exact")
            if name != "numpy":
                assert "own" in roles


class TestWhoTakesPart:
    def test_all_that_do_it(self, results):
        assert {m.name for m in results.of(IMAGE)} == {"auto", "direct", "im2col", "fft", "good"}
        assert {m.name for m in results.of(LAYER)} == {
            "auto",
            "direct",
            "im2col",
            "fft",
            "np.matmul",
        }
        assert results.wrong == []
        assert results.unmeasured == []

    def test_who_refuses_says_why(self, results):
        reasons = {left.reason for left in results.absent if left.name == "native"}
        assert len(reasons) == 1
        assert "no convolution of its own" in reasons.pop()

    def test_what_auto_chose(self, results):
        [auto] = [m for m in results.of(IMAGE, "numpy") if m.role == "auto"]
        assert auto.method in methods.METHODS

    def test_only_the_fourier_method_may_be_off(self, results):
        assert {m.name for m in results.measured if m.in_norm} <= {"fft", "auto"}
        assert all(m.is_equal for m in results.measured if m.name in ("direct", "im2col"))

    def test_what_needs_too_much_memory_is_left_out(self, monkeypatch):
        monkeypatch.setattr(candidates, "_LARGEST_WORKSPACE", 10)
        found = run([IMAGE])
        assert {m.name for m in found.measured} >= {"auto"}
        assert any("GiB of workspace" in left.reason for left in found.absent)

    def test_what_a_smaller_cell_foretells_is_left_out(self, few_samples):
        calls = []

        def slow(x, k):
            calls.append(x.shape)
            measure.time.sleep(0.03)
            return correct(x, k)

        found = run([IMAGE, LARGER], slowest=0.05, beside=[Planted(slow=slow)])
        [left] = [left for left in found.absent if left.name == "slow"]
        assert left.cell == LARGER
        assert re.fullmatch(r"it would take some [\d.]+ s, by what a smaller one took", left.reason)
        assert (16, 12) not in calls

    def test_what_is_slow_is_timed_once(self, few_samples):
        def slow(x, k):
            measure.time.sleep(0.02)
            return correct(x, k)

        found = run([IMAGE], slowest=0.01, beside=[Planted(slow=slow)])
        [slow] = [m for m in found.measured if m.name == "slow"]
        assert slow.turns == 1

    def test_what_a_process_pays_once_is_nobodys_time(self, monkeypatch, few_samples):
        """As PyTorch's first way back, which would be taken for the time of who comes first."""
        begun = []
        operands = measure.reference.operands(BACK, "float32")
        gradients = [operands.exact[name].astype("float32") for name in ("dx", "dw")]

        class Slow(Planted):
            def backward(self, function, arrays):
                def call():
                    if not begun:
                        begun.append(measure.time.sleep(0.2))
                    return gradients

                return call

            def peers(self, cell, arrays):
                if cell.stage == "backward":
                    yield Peer("own", self.backward(None, arrays), "own")

        monkeypatch.setattr(libraries, "of", lambda name: Slow())
        first_calls.pay.cache_clear()
        found = run([BACK], methods=[], slowest=0.1)
        assert found.wrong == []
        assert found.one(BACK, "numpy", role="own").turns > 1

    def test_what_is_judged_is_not_timed_by_a_first_call(self, monkeypatch, few_samples):
        """That of a large cell pays for threads and memory, and comes again."""
        calls = []

        def own(x, k):
            calls.append(None if calls else measure.time.sleep(0.2))
            return correct(x, k)

        class Own(Planted):
            def peers(self, cell, arrays):
                yield Peer("own", lambda: own(arrays.x, arrays.weight), "own")

        monkeypatch.setattr(first_calls, "pay", lambda *given: None)
        monkeypatch.setattr(libraries, "of", lambda name: Own())
        found = run([IMAGE], methods=[], slowest=0.1)
        assert found.one(IMAGE, "numpy", role="own").turns > 1

    def test_what_was_far_behind_is_not_asked_again_where_a_cell_costs_much(
        self, monkeypatch, few_samples
    ):
        monkeypatch.setattr(measure, "_FAR_BEHIND", 1e-9)
        monkeypatch.setattr(measure, "_COSTS_MUCH", LARGER.multiply_adds)
        found = run([IMAGE, LARGER], methods=["auto", "direct"])
        assert found.one(IMAGE, "numpy", name="direct")
        assert found.one(LARGER, "numpy", name="auto")
        [left] = found.absent
        assert (left.name, left.cell) == ("direct", LARGER)
        assert "times as long as the best in a cell of the same kernel" in left.reason

    def test_a_dtype_that_a_backend_does_not_have(self):
        if "jax" not in BUILT_IN:
            pytest.skip("all others have float64")
        found = run([IMAGE], ["jax"], dtype="float64")
        assert found.broken == {"jax": "it has no float64 as it is set up, only float32"}
        assert found.measured == []

    def test_what_the_framework_has_no_memory_for_is_left_out(self, monkeypatch):
        if "torch" not in BUILT_IN:
            pytest.skip("PyTorch is not under test")
        peers = libraries.of("torch").peers.__globals__
        monkeypatch.setitem(peers, "_LARGEST_UNFOLDED", 9 * 8 * 9 * 8 - 1)
        found = run([IMAGE], ["torch"], dtype="float64")
        [left] = [left for left in found.absent if left.name == "F.conv2d"]
        assert "GiB" in left.reason
        assert run([IMAGE], ["torch"]).one(IMAGE, "torch", role="own")


class TestWhatIsWrong:
    @pytest.fixture
    def found(self, few_samples):
        planted = Planted(wrong=wrong, broken=broken, good=correct)
        return run([IMAGE], beside=[planted])

    def test_it_is_reported_and_not_timed(self, found):
        assert {m.name for m in found.measured if m.backend == "planted"} == {"good"}
        reasons = {left.name: left.reason for left in found.wrong}
        assert reasons == {
            "wrong": "1 of 72 numbers of y are not the exact ones: off by 1 at most",
            "broken": "RuntimeError: it does not work",
        }

    def test_it_is_in_every_report(self, found):
        shown = "\n".join(tables.markdown(found, everything=False))
        assert "planted wrong, images 9x8 3x3: NOT TIMED: 1 of 72 numbers" in shown
        assert [left["candidate"] for left in records.as_json(found)["wrong"]] == [
            "wrong",
            "broken",
        ]

    def test_the_command_fails(self, monkeypatch, capsys):
        monkeypatch.setattr(grid, "_small", lambda quick: [])
        monkeypatch.setitem(grid.GROUPS, "images", lambda quick: [IMAGE])
        monkeypatch.setattr(libraries, "beside_numpy", lambda: [Planted(wrong=wrong)])
        monkeypatch.setattr(
            "multiconv.benchmarking.arguments.Request",
            lambda *a, **o: Request(*a, **o, beside=[Planted(wrong=wrong)]),
        )
        assert cli.main(["bench", "images", "--backends", "numpy", "--methods", "direct"]) == 1
        assert "NOT TIMED" in capsys.readouterr().out


class TestAnEndBeforeTheEnd:
    def test_ctrl_c_keeps_what_is_measured(self):
        def interrupt(x, k):
            if x.shape == LARGER.x:
                raise KeyboardInterrupt
            return correct(x, k)

        found = run([IMAGE, LARGER, LAYER], beside=[Planted(good=interrupt)])
        assert found.is_interrupted
        assert {m.name for m in found.of(IMAGE)} == {"auto", "direct", "im2col", "good"}
        assert found.unmeasured == [LARGER, LAYER]
        shown = "\n".join(tables.markdown(found, everything=False))
        assert (
            "interrupted; cells that were not measured: images 16x12 3x3, layers 2x4x6x5 3x4x3x3"
            in shown
        )

    def test_the_command_prints_it_and_says_so(self, monkeypatch, capsys):
        def interrupt(*arguments, **options):
            raise KeyboardInterrupt

        monkeypatch.setitem(grid.GROUPS, "images", lambda quick: [IMAGE])
        monkeypatch.setattr(timing, "interleave", interrupt)
        arguments = ["--backends", "numpy", "--methods", "direct"]
        assert cli.main(["bench", "images", *arguments]) == 130
        assert (
            "interrupted; cells that were not measured: images 9x8 3x3" in capsys.readouterr().out
        )

    def test_the_time_is_up(self):
        found = run([IMAGE, LAYER], seconds=1e-9)
        assert not found.is_interrupted
        assert found.unmeasured == [IMAGE, LAYER] or found.unmeasured == [LAYER]
        assert "the time was up; cells that were not measured: " in "\n".join(
            tables.markdown(found, everything=False)
        )


class TestText:
    def test_in_80_columns(self, results):
        for everything in (False, True):
            shown = [
                "".join(s.text for s in line)
                for line in tables.lines(results, everything=everything)
            ]
            assert max(len(line.rstrip()) for line in shown) <= 80

    def test_a_row_for_auto_or_for_everything(self, results):
        def rows(everything):
            shown = [
                "".join(s.text for s in line)
                for line in tables.lines(results, everything=everything)
            ]
            start = shown.index(next(line for line in shown if line.startswith("images 9x8")))
            end = shown.index(next(line for line in shown if line.startswith("images 16x12")))
            return shown[start + 1 : end]

        assert [row.split()[0] for row in rows(False)] == ["numpy"]
        assert sorted(" ".join(row.split()[:2]) for row in rows(True)) == [
            "numpy auto", "numpy direct", "numpy fft", "numpy im2col", "planted good",
        ]  # fmt: skip

    def test_the_header_names_no_place(self, results):
        header = "\n".join(results.header.lines())
        assert re.search(r"^multiconv \S+, \d{4}-\d\d-\d\d, float32$", header, re.MULTILINE)
        assert f"numpy {np.__version__}" in header
        assert "CPUs usable" in header
        assert "/" not in header.replace("w/", "")

    def test_markdown(self, results):
        shown = list(tables.markdown(results, everything=True))
        assert shown[0] == "# Benchmark: images, layers"
        assert [line for line in shown if line.startswith("## ")] == [
            "## Summary", "## auto", "## Everything", "## Remarks",
        ]  # fmt: skip
        everything = shown[shown.index("## Everything") :]
        table = [line for line in everything if line.startswith("|")]
        assert len(table) == 2 + len(results.measured)
        assert len({line.count("|") for line in table}) == 1
        shorter = list(tables.markdown(results, everything=False))
        assert "## auto" in shorter
        assert "## Everything" not in shorter


class TestRecords:
    def test_csv_has_every_time(self, results):
        rows = list(csv.DictReader(io.StringIO(records.as_csv(results))))
        assert len(rows) == len(results.measured)
        for row, found in zip(rows, results.measured, strict=True):
            assert row["candidate"] == found.name
            assert float(row["median"]) == pytest.approx(found.seconds, rel=1e-5)
            assert row["x"] == "x".join(map(str, found.cell.x))
            assert row["exact"] == str(int(found.is_equal))

    def test_json(self, results):
        found = json.loads(json.dumps(records.as_json(results), allow_nan=False))
        assert len(found["measured"]) == len(results.measured)
        first = found["measured"][0]
        assert first["x"] == [9, 8]
        assert first["multiply_adds"] == 9 * 8 * 9
        assert first["lower_quartile"] <= first["median"] <= first["upper_quartile"]
        assert found["machine"]["cpus"] >= 1
        assert found["interrupted"] is False

    def test_ratios_above_one_are_faster(self, results):
        found = records.as_json(results)["measured"]
        best = results.best(LAYER, "numpy")
        [auto] = [
            r
            for r in found
            if r["role"] == "auto" and r["x"] == [2, 4, 6, 5] and r["stage"] == "forward"
        ]
        assert auto["times_best"] == pytest.approx(best.seconds / auto["median"])


class TestPicture:
    @pytest.fixture(autouse=True)
    def _matplotlib(self):
        pytest.importorskip("matplotlib")

    def test_a_line_for_each_candidate(self, results):
        from matplotlib.figure import Figure

        axes = Figure().subplots()
        lines = picture._draw(axes, results, "numpy", [IMAGE, LARGER], lambda cell: cell.pixels)
        assert set(lines) == {"numpy auto", "numpy direct", "numpy im2col", "numpy fft"}
        places, times = lines["numpy auto"].get_data()
        assert list(places) == [72, 192]
        assert times[0] == results.one(IMAGE, "numpy", name="auto").seconds

    def test_the_panels(self, results):
        [pixels, taps] = picture._panels(results)
        assert pixels[:3] == ("kernel 3x3", "pixels", [IMAGE, LARGER])
        assert taps[:2] == ("image 16x12", "taps of the kernel")

    @pytest.mark.parametrize("cells", [TINY, [LAYER], []])
    def test_it_is_a_png(self, results, cells):
        some = run(cells, methods=["auto"]) if cells != TINY else results
        content = picture.as_png(some)
        assert content.startswith(b"\x89PNG")
        from matplotlib.image import imread

        assert imread(io.BytesIO(content)).shape[0] > 100


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _tiny(self, monkeypatch, few_samples):
        monkeypatch.setitem(grid.GROUPS, "images", lambda quick: [IMAGE])
        monkeypatch.setitem(grid.GROUPS, "layers", lambda quick: [LAYER, BACK])

    def bench(self, capsys, *arguments):
        status = cli.main(["bench", "--backends", "numpy", *map(str, arguments)])
        return (status, *capsys.readouterr())

    def test_the_table(self, capsys):
        status, out, err = self.bench(capsys, "images", "layers", "--quick")
        assert (status, err) == (0, "")
        assert "images 9x8 3x3" in out
        assert "numpy: how many times faster auto is" in out

    @pytest.mark.parametrize(
        ("option", "begins"),
        [("--markdown", "# Benchmark: images"), ("--csv", "group,x,weight"), ("--json", "{")],
    )
    def test_other_formats(self, capsys, option, begins):
        status, out, _ = self.bench(capsys, "images", option)
        assert status == 0
        assert out.startswith(begins)

    def test_files(self, capsys, tmp_path):
        pytest.importorskip("matplotlib")
        folder = tmp_path / "new" / "folder"
        status, _, err = self.bench(capsys, "images", "--out", folder)
        assert status == 0
        assert err == "written: results.md, results.csv, results.json, results.png\n"
        names = {path.name for path in folder.iterdir()}
        assert names == {"results.md", "results.csv", "results.json", "results.png"}
        assert json.loads((folder / "results.json").read_text())["measured"]

    def test_a_file_in_the_way_loses_nothing(self, capsys, tmp_path):
        (tmp_path / "results.md").mkdir()
        status, out, err = self.bench(capsys, "images", "--out", tmp_path)
        assert status == 2
        assert "error: --out:" in err
        assert "images 9x8 3x3" in out

    def test_without_matplotlib(self, capsys, tmp_path, monkeypatch):
        def missing(results):
            raise ImportError

        monkeypatch.setattr(picture, "as_png", missing)
        status, _, err = self.bench(capsys, "images", "--out", tmp_path)
        assert status == 0
        assert "results.png needs matplotlib: pip install" in err
        assert (tmp_path / "results.csv").exists()

    def test_only_some_methods(self, capsys):
        _, out, _ = self.bench(capsys, "images", "--methods", "direct", "--json")
        names = {
            m["candidate"] for m in json.loads(out)["bench"]["measured"] if m["backend"] == "numpy"
        }
        assert names == {"auto", "direct"}

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["picture"], "GROUP: there is no group 'picture'; there are small, images"),
            (["--seconds", "0"], "--seconds: got 0, and takes more than 0"),
            (["--dtype", "int32"], "--dtype: got 'int32', and takes float32"),
            (["--methods", "winograd"], "--methods: there is no method 'winograd'"),
        ],
    )
    def test_misuse(self, capsys, arguments, message):
        status, out, err = self.bench(capsys, *arguments)
        assert (status, out) == (2, "")
        assert message in err

    def test_a_folder_that_cannot_be_made(self, capsys, tmp_path):
        (tmp_path / "file").write_text("")
        status, _, err = self.bench(capsys, "--out", tmp_path / "file" / "folder")
        assert status == 2
        assert "cannot be made" in err
