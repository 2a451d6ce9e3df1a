"""The command that installs an extra suits how the package was installed."""

import importlib.metadata
import json
import shlex

import pytest

from multiconv.core.installation import install_line


@pytest.fixture
def installed(monkeypatch):
    """Pretend that the package was installed from this direct URL; None from an index."""

    def install(origin):
        class Distribution:
            def read_text(self, name):
                assert name == "direct_url.json"
                return None if origin is None else json.dumps(origin)

        monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())

    return install


class TestInstallLine:
    def test_from_an_index(self, installed):
        installed(None)
        assert install_line("torch") == "pip install 'multiconv[torch]'"

    def test_from_a_folder(self, installed, tmp_path):
        folder = tmp_path / "my projects"
        folder.mkdir()
        installed({"url": folder.as_uri(), "dir_info": {}})
        words = shlex.split(install_line("torch"))
        assert words == ["pip", "install", f"{folder}[torch]"]
        installed({"url": folder.as_uri(), "dir_info": {"editable": True}})
        words = shlex.split(install_line("io"))
        assert words == ["pip", "install", "-e", f"{folder}[io]"]

    @pytest.mark.parametrize("kind", [{"dir_info": {}}, {"archive_info": {}}])
    def test_from_what_is_gone(self, installed, tmp_path, kind):
        installed({"url": (tmp_path / "gone").as_uri(), **kind})
        assert install_line("torch") == "pip install torch"
        assert install_line("image", "pillow") == "pip install pillow"

    def test_from_a_repository(self, installed):
        vcs = {"vcs": "git", "requested_revision": "v1", "commit_id": "abc"}
        installed({"url": "https://example.org/m.git", "vcs_info": vcs})
        expected = "pip install 'multiconv[jax] @ git+https://example.org/m.git@v1'"
        assert install_line("jax") == expected
        del vcs["requested_revision"]
        installed({"url": "https://example.org/m.git", "vcs_info": vcs, "subdirectory": "sub"})
        expected = (
            "pip install 'multiconv[jax] @ git+https://example.org/m.git@abc#subdirectory=sub'"
        )
        assert install_line("jax") == expected

    def test_from_a_wheel(self, installed, tmp_path):
        wheel = tmp_path / "multiconv.whl"
        wheel.touch()
        for url in (wheel.as_uri(), "https://example.org/multiconv.whl"):
            installed({"url": url, "archive_info": {}})
            assert install_line("jax") == f"pip install 'multiconv[jax] @ {url}'"

    def test_not_installed_at_all(self, monkeypatch):
        def missing(name):
            raise importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(importlib.metadata, "distribution", missing)
        assert install_line("torch") == "pip install torch"
        assert install_line("image", "pillow") == "pip install pillow"
