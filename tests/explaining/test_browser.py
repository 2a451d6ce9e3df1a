"""The page in a real browser: its script gives the library's numbers, what is touched lights up."""

import json

import hypothesis
import numpy as np
import pytest
from browser import Browser
from strategies import configurations, for_all

import multiconv as mc
from multiconv.explaining.page import page

pytestmark = pytest.mark.needs_browser

X, K = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)


@pytest.fixture(scope="module")
def chromium():
    """One browser for all tests, which takes a second to start."""
    return Browser()


@pytest.fixture
def opened(chromium, tmp_path):
    """A function that opens the page of an image and a kernel."""

    def opened(x=X, k=K, at=(0, 0), **options):
        path = tmp_path / "page.html"
        path.write_text(page(x, k, at, **options), "utf-8")
        chromium.open(path)
        return chromium

    return opened


def texts(browser, selector):
    return browser.run(
        f"Array.from(document.querySelectorAll({json.dumps(selector)}), e => e.textContent)"
    )


def outputs(browser):
    """The output that is shown, in full digits."""
    cells = "Array.from(document.querySelectorAll('#output tbody tr'), row => Array.from("
    return browser.run(f"{cells}row.querySelectorAll('td'), cell => Number(cell.dataset.value)))")


def seen(browser):
    """The numbers that are lit up in the input, border included."""
    return browser.run(
        "Array.from(document.querySelectorAll('#input td.seen'), "
        "cell => Number(cell.querySelector('input')?.value ?? cell.textContent))"
    )


def choose(browser, name, value):
    """Set a control, as a person's input event does."""
    browser.run(
        f"(() => {{ const control = document.getElementById('controls').elements[{name!r}];"
        f"if (control.type === 'checkbox') control.checked = {json.dumps(value)};"
        f"else control.value = {json.dumps(value)};"
        "control.dispatchEvent(new Event('input', {bubbles: true})); return true; })()"
    )


class TestTheScript:
    """`correlation`, the script's part without the page, follows the library's rules."""

    @staticmethod
    def computed(browser, x, k, options, *, flip):
        """The output, the terms and the matrix that the script gives."""
        given = {
            "image": x.tolist(),
            "kernel": k.tolist(),
            "stride": options["stride"],
            "dilation": options["dilation"],
            "padding": options["padding"],
            "mode": options["padding_mode"],
            "flip": flip,
        }
        return browser.run(
            f"""(() => {{
                const given = {json.dumps(given)};
                const geometry = correlation.resolve(given);
                const found = [];
                for (let p = 0; p < geometry.output[0]; p += 1)
                    for (let q = 0; q < geometry.output[1]; q += 1)
                        found.push(correlation.terms(given.image, given.kernel, geometry, [p, q]));
                return {{
                    shape: geometry.output, pads: geometry.pads, terms: found,
                    sums: found.map(correlation.sum),
                    matrix: found.map(terms => correlation.matrixRow(terms, geometry)),
                }};
            }})()"""
        )

    @pytest.mark.parametrize("flip", [False, True])
    def test_it_gives_the_librarys_numbers(self, opened, backend, flip):
        browser = opened()

        @for_all(backend, configurations(axes=2, batches=(None,)), times=4)
        def check(c):
            rng = np.random.default_rng(c.seed)
            x, k = rng.integers(-9, 10, c.size), rng.integers(-9, 10, c.kernel)
            options = {"padding": c.padding, "padding_mode": c.padding_mode}
            options |= {
                name: [n, n] if isinstance(n, int) else list(n)
                for name, n in (("stride", c.stride), ("dilation", c.dilation))
            }
            hypothesis.assume(x.size and k.size)
            explanation = mc.explain(x, k, (0, 0), **options, flip=flip)
            given = (
                options if isinstance(c.padding, str) else options | {"padding": explanation.pads}
            )
            found = self.computed(browser, x, k, given, flip=flip)
            y = (mc.convolve2d if flip else mc.corr2d)(x, k, **options)
            assert found["shape"] == list(y.shape)
            assert found["pads"] == [list(pair) for pair in explanation.pads]
            assert found["sums"] == y.ravel().tolist()
            laid = k[::-1, ::-1] if flip else k
            matrix = mc.toeplitz_matrix(laid, c.size, **options)
            assert found["matrix"] == matrix.tolist()
            self.check_terms(x, k, options, flip, y, found["terms"])

    @staticmethod
    def check_terms(x, k, options, flip, y, found):
        for at, terms in zip(np.ndindex(y.shape), found, strict=True):
            expected = mc.explain(x, k, at, **options, flip=flip).terms
            for term, other in zip(terms, expected, strict=True):
                assert tuple(term["place"]) == other.place
                assert (None if term["index"] is None else tuple(term["index"])) == other.index
                assert tuple(term["tap"]) == other.tap
                assert (term["pixel"], term["weight"]) == (other.pixel, other.weight)

    def test_floats_are_added_in_the_order_of_the_terms(self, opened):
        rng = np.random.default_rng(2)
        x, k = rng.standard_normal((9, 8)), rng.standard_normal((3, 4))
        terms = [mc.explain(x, k, at).terms for at in np.ndindex(7, 5)]
        assert np.ravel(outputs(opened(x, k))).tolist() == [
            sum(term.pixel * term.weight for term in sum_of) for sum_of in terms
        ]

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({"padding": ((0, 0), (3, 0)), "padding_mode": "reflect"}, "width"),
            ({"padding": ((4, 0), (0, 0)), "padding_mode": "symmetric"}, "height"),
            ({"padding": ((0, 0), (0, 4)), "padding_mode": "circular"}, "width"),
            ({"padding": "valid", "dilation": [3, 1]}, "height"),
        ],
    )
    def test_it_refuses_what_the_library_refuses(self, opened, options, word):
        given = {"stride": [1, 1], "dilation": [1, 1], "padding_mode": "zeros"} | options
        with pytest.raises(ValueError, match=word):
            mc.corr2d(X, K, **given)
        with pytest.raises(AssertionError, match=word):
            self.computed(opened(), X, K, given, flip=False)


class TestTheFirstSight:
    def test_the_textbooks_numbers(self, opened):
        browser = opened()
        assert outputs(browser) == [[19, 25], [37, 43]]
        assert texts(browser, "#sum") == ["y[0, 0] = 0×0 + 1×1 + 3×2 + 4×3 = 19"]
        assert seen(browser) == [0, 1, 3, 4]
        assert texts(browser, "#matrix tr.lit td") == list("010230000")

    def test_it_begins_at_the_output_and_with_the_options_that_were_given(self, opened):
        options = {"padding": "same", "padding_mode": "reflect", "dilation": 2, "stride": (2, 1)}
        browser = opened(np.arange(20).reshape(4, 5), K, (1, 3), **options)
        y = mc.corr2d(np.arange(20).reshape(4, 5), K, **options)
        assert outputs(browser) == y.tolist()
        selected = "#output td[aria-selected=true]"
        assert texts(browser, selected) == [str(y[1, 3])]
        assert browser.run("document.getElementById('controls').elements.padding.value") == "same"

    def test_nothing_is_asked_of_the_network_and_nothing_goes_wrong(self, opened):
        browser = opened()
        assert [url.partition(":")[0] for url in browser.requests] == ["file"]
        assert browser.messages == []

    def test_numbers_that_look_like_html_stay_numbers(self, opened):
        assert outputs(opened(np.array([[1e-300, -0.5]]), np.array([[1.0, 2.0]]))) == [[-1.0]]


class TestPointing:
    def test_the_mouse_lights_up_window_products_and_row(self, opened):
        browser = opened()
        browser.point_at("#output tbody tr:nth-child(2) td:nth-of-type(1)")
        assert seen(browser) == [3, 4, 6, 7]
        assert texts(browser, "#sum") == ["y[1, 0] = 3×0 + 4×1 + 6×2 + 7×3 = 37"]
        assert texts(browser, "#matrix tr.lit th") == ["2"]

    def test_a_touch_does_the_same(self, opened):
        browser = opened()
        browser.click("#output tbody tr:nth-child(2) td:nth-of-type(2)")
        assert seen(browser) == [4, 5, 7, 8]

    def test_the_arrow_keys_do_the_same(self, opened):
        browser = opened()
        browser.run("document.querySelector('#output td[tabindex=\"0\"]').focus()")
        browser.press("Right")
        assert seen(browser) == [1, 2, 4, 5]
        browser.press("Down")
        assert seen(browser) == [4, 5, 7, 8]
        browser.press("Down")  # the last row is the last
        assert seen(browser) == [4, 5, 7, 8]

    def test_a_border_is_lit_up_too(self, opened):
        browser = opened(padding=1, padding_mode="replicate")
        assert seen(browser) == [0, 0, 0, 0]
        assert len(texts(browser, "#input td.border.seen")) == 3
        assert len(texts(browser, "#sum .border")) == 3

    def test_only_one_output_is_in_the_order_of_tabs(self, opened):
        browser = opened()
        browser.point_at("#output tbody tr:nth-child(2) td:nth-of-type(1)")
        assert texts(browser, '#output td[tabindex="0"]') == ["37"]


class TestControls:
    def test_stride_padding_dilation_and_border(self, opened):
        browser = opened()
        for name, value in (
            ("padding", "full"),
            ("stride1", "2"),
            ("dilation0", "2"),
            ("mode", "symmetric"),
        ):
            choose(browser, name, value)
        options = {"padding": "full", "stride": (1, 2), "dilation": (2, 1)}
        assert outputs(browser) == mc.corr2d(X, K, padding_mode="symmetric", **options).tolist()
        pads = "['pad00', 'pad01', 'pad10', 'pad11'].map(n => controls.elements[n].value)"
        assert browser.run(pads) == ["2", "2", "1", "1"]

    def test_numbers_of_ones_own_replace_a_named_padding(self, opened):
        browser = opened(padding="same")
        choose(browser, "pad00", "2")
        assert browser.run("controls.elements.padding.value") == ""
        assert outputs(browser) == mc.corr2d(X, K, padding=((2, 1), (0, 1))).tolist()

    def test_the_flipped_kernel(self, opened):
        browser = opened()
        choose(browser, "flip", True)
        assert outputs(browser) == mc.convolve2d(X, K).tolist()
        assert texts(browser, "#kernel tbody th") == ["1", "0"]

    def test_what_does_not_fit_is_said_and_can_be_undone(self, opened):
        browser = opened()
        choose(browser, "dilation0", "5")
        assert "does not fit along the height" in texts(browser, "#problem")[0]
        assert browser.run("document.getElementById('result').hidden")
        browser.click("button[type=reset]")
        assert texts(browser, "#problem") == [""]
        assert outputs(browser) == [[19, 25], [37, 43]]

    @pytest.mark.parametrize("value", ["0", "", "1.5", "99"])
    def test_a_stride_that_is_none(self, opened, value):
        browser = opened()
        choose(browser, "stride0", value)
        assert "whole numbers" in texts(browser, "#problem")[0]

    def test_fewer_outputs_than_the_one_that_was_shown(self, opened):
        browser = opened(at=(1, 1))
        choose(browser, "stride0", "2")
        assert texts(browser, "#output td[aria-selected=true]") == ["25"]

    def test_a_pixel_and_a_weight_are_changed_by_typing(self, opened):
        browser = opened()
        for selector in ("#input tbody tr:nth-child(2) input", "#kernel tbody input"):
            browser.run(f"document.querySelector({selector!r}).select()")
            browser.type("-5")
        x, k = X.copy(), K.copy()
        x[1, 0], k[0, 0] = -5, -5
        assert outputs(browser) == mc.corr2d(x, k).tolist()
        assert browser.run("document.activeElement.value") == "-5"

    def test_what_is_no_number_is_marked_and_changes_nothing(self, opened):
        browser = opened()
        browser.run("document.querySelector('#input input').select()")
        browser.type("a")
        assert browser.run("document.querySelector('#input input').ariaInvalid") == "true"
        assert outputs(browser) == [[19, 25], [37, 43]]


class TestALargeImage:
    def test_the_row_of_the_matrix_is_laid_out_as_the_image_is(self, opened):
        x, k = np.arange(24 * 20).reshape(24, 20) % 17, np.array([[1, -1], [0, 2]])
        browser = opened(x, k, (3, 4))
        row = mc.toeplitz_matrix(k, x.shape)[3 * 19 + 4].reshape(x.shape)
        shown = np.array(texts(browser, "#matrix tbody td"), int).reshape(x.shape)
        assert np.array_equal(shown, row)
