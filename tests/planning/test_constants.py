"""Where measured costs come from: the user's file before the shipped one, and never a wrong one."""

import json

import pytest

from multiconv.core.machine import cpu_model, usable_cpus
from multiconv.planning import constants

MINE = {"here cpu": {"direct": {"call": 1e-6}}}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv(constants.FOLDER_VARIABLE, str(tmp_path))
    constants.forget()
    yield tmp_path / "costs.json"
    constants.forget()


class TestTheUsersFile:
    def test_it_is_read_back_as_it_was_written(self, file):
        file.write_text(constants.document(MINE))
        assert constants.constants_for("here", "cpu") == MINE["here cpu"]
        assert constants.users_seconds() == MINE

    def test_it_goes_before_what_is_shipped(self, file):
        shipped = constants.constants_for("torch", "cpu")
        assert set(shipped) >= {"direct", "folded", "native", "fft"}
        file.write_text(constants.document({"torch cpu": MINE["here cpu"]}))
        constants.forget()
        assert constants.constants_for("torch", "cpu") == MINE["here cpu"]

    def test_without_one_the_shipped_costs_hold(self, file):
        assert constants.constants_for("numpy", "cpu")["direct"]["multiply_add"] > 0
        assert constants.constants_for("nobody", "cpu") is None

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "[]",
            "null",
            "{}",
            '{"format": 2, "seconds": {}}',
            '{"format": 3, "seconds": {"a cpu": {"direct": {"call": -1}}}}',
            '{"format": 3, "seconds": {"a cpu": {"direct": {"call": NaN}}}}',
            '{"format": 3, "seconds": {"a cpu": {"direct": {"call": "1"}}}}',
            '{"format": 3, "seconds": {"a cpu": ["direct"]}}',
            "[" * 100_000,
        ],
    )
    def test_a_damaged_one_is_ignored_and_said(self, file, text):
        file.write_text(text)
        with pytest.warns(RuntimeWarning, match=r"costs\.json is damaged.*multiconv tune"):
            assert constants.constants_for("here", "cpu") is None
        assert file.read_text() == text
        assert constants.constants_for("here", "cpu") is None  # said once

    def test_bytes_that_are_no_text_are_ignored(self, file):
        file.write_bytes(b"\xff\xfe\x00")
        with pytest.warns(RuntimeWarning, match="damaged"):
            assert constants.constants_for("here", "cpu") is None

    @pytest.mark.parametrize("changed", [{"cpu": "another"}, {"cpus": usable_cpus() + 1}])
    def test_another_machines_is_ignored_and_said(self, file, changed):
        file.write_text(json.dumps(json.loads(constants.document(MINE)) | changed))
        with pytest.warns(RuntimeWarning, match="measured on another machine"):
            assert constants.constants_for("here", "cpu") is None

    def test_a_folder_in_its_place_is_ignored(self, file):
        file.mkdir()
        assert constants.constants_for("here", "cpu") is None


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_without_compiled_loops_direct_is_known_to_be_slower(backend):
    plain = constants.constants_for(backend, "cpu")["direct"]
    compiled = constants.constants_for(backend, "cpu, compiled")["direct"]
    assert plain["multiply_add"] > 4 * compiled["multiply_add"]


def test_a_document_names_the_machine():
    written = json.loads(constants.document({"here cpu": {"direct": {"call": 1.23456e-6}}}))
    assert (written["cpu"], written["cpus"]) == (cpu_model(), usable_cpus())
    assert written["seconds"] == {"here cpu": {"direct": {"call": 1.23e-6}}}


@pytest.mark.parametrize(
    ("platform", "variable", "parts"),
    [
        ("linux", "XDG_CACHE_HOME", ("multiconv",)),
        ("win32", "LOCALAPPDATA", ("multiconv",)),
    ],
)
def test_each_system_has_its_folder(monkeypatch, tmp_path, platform, variable, parts):
    monkeypatch.delenv(constants.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(constants.sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert constants.user_file() == tmp_path.joinpath(*parts, "costs.json")
