"""A real browser without a window: Chromium, in Qt's WebEngine.

The environment variable MULTICONV_TEST_BROWSER=1 says that there is one to test with, as in
`nox -s browser`; the tests that need it are left out else.
"""

import importlib
import json
import os
from pathlib import Path

IS_CHOSEN = os.environ.get("MULTICONV_TEST_BROWSER", "") not in ("", "0")

_MILLISECONDS = 30_000  # until something that was asked of the browser counts as lost


def check_choice():
    """Why the browser cannot be tested with, where it is asked for; nothing where it can."""
    if not IS_CHOSEN:
        return []
    try:
        importlib.import_module("PySide6.QtWebEngineWidgets")
    except Exception as error:
        return [
            f"MULTICONV_TEST_BROWSER is set, but PySide6.QtWebEngineWidgets cannot be imported: "
            f"{error!r}. pip install pyside6-webengine; it also needs the libraries of a desktop "
            f"Linux: libegl1 libgl1 libxkbcommon0 libnss3 libdbus-1-3 libfontconfig1 libasound2 "
            f"libxcomposite1 libxdamage1 libxrandr2 libxtst6 libxkbfile1"
        ]
    return []


class Browser:
    """One page; what is asked of it is answered before the call returns."""

    def __init__(self):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        # It shows the project's own page alone; and Chromium refuses to be sandboxed by root.
        os.environ["QTWEBENGINE_DISABLE_SANDBOX"] = "1"
        os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = "--disable-gpu"
        from PySide6 import QtCore, QtTest, QtWebEngineCore, QtWebEngineWidgets, QtWidgets

        self._qt, self._test = QtCore, QtTest.QTest
        self._application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
        self.requests, self.messages = requests, messages = [], []

        class Page(QtWebEngineCore.QWebEnginePage):
            def javaScriptConsoleMessage(self, level, message, line, source):
                messages.append(message)

        class Interceptor(QtWebEngineCore.QWebEngineUrlRequestInterceptor):
            def interceptRequest(self, info):
                requests.append(info.requestUrl().toString())

        self._view = QtWebEngineWidgets.QWebEngineView()
        self._page, self._interceptor = Page(self._view), Interceptor()
        self._page.setUrlRequestInterceptor(self._interceptor)
        self._view.setPage(self._page)
        self._view.resize(1200, 1600)
        self._view.show()

    def open(self, path):
        """Load a file, with the mouse in a corner, and forget what happened before."""
        if self._target() is not None:  # nothing to point at, before the first
            self._test.mouseMove(self._target(), self._qt.QPoint(1, 1))
            self._settle()
        self.requests.clear()
        self.messages.clear()
        url = self._qt.QUrl.fromLocalFile(str(Path(path).resolve()))
        is_loaded = self._waited(
            lambda answer: self._page.loadFinished.connect(
                answer, self._qt.Qt.ConnectionType.SingleShotConnection
            ),
            lambda: self._page.load(url),
        )
        assert is_loaded, f"{path} did not load"

    def run(self, script):
        """Return what a JavaScript expression gives, through JSON."""
        code = f"(() => {{ try {{ return JSON.stringify({{found: ({script})}}); }} "
        code += "catch (error) { return JSON.stringify({error: String(error)}); } })()"
        answer = json.loads(self._waited(lambda answer: self._page.runJavaScript(code, answer)))
        if "error" in answer:
            raise AssertionError(f"{answer['error']} in {script}")
        return answer.get("found")

    def point_at(self, selector):
        """Move the mouse to the middle of an element."""
        self._test.mouseMove(self._target(), self._middle(selector))
        self._settle()

    def click(self, selector):
        """Press and release the left button in the middle of an element."""
        button = self._qt.Qt.MouseButton.LeftButton
        self._test.mouseClick(self._target(), button, pos=self._middle(selector))
        self._settle()

    def press(self, key):
        """Press and release a key, by Qt's name of it."""
        self._test.keyClick(self._target(), getattr(self._qt.Qt.Key, f"Key_{key}"))
        self._settle()

    def type(self, text):
        """Type text into what has the focus."""
        self._test.keyClicks(self._target(), text)
        self._settle()

    def _target(self):
        return self._view.focusProxy()

    def _middle(self, selector):
        x, y = self.run(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            "element.scrollIntoView({block: 'nearest'});"
            "const box = element.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        return self._qt.QPoint(round(x), round(y))

    def _settle(self):
        """Wait until the page has seen the events that were sent, which takes a frame or two."""
        self._test.qWait(60)

    def _waited(self, ask, start=lambda: None):
        loop, answers = self._qt.QEventLoop(), []

        def answer(value):
            answers.append(value)
            loop.quit()

        ask(answer)
        start()
        self._qt.QTimer.singleShot(_MILLISECONDS, loop.quit)
        if not answers:
            loop.exec()
        assert answers, "the browser did not answer"
        return answers[0]
