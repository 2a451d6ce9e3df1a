"""A comparison as one HTML file that needs nothing else: the report to hand in."""

from __future__ import annotations

import importlib.resources
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from multiconv.core.installation import install_line
from multiconv.coursework import reference
from multiconv.coursework.compare import Comparison
from multiconv.coursework.exact_mode import RESULTS
from multiconv.coursework.layout import by, duration
from multiconv.coursework.reports import plots, verdict
from multiconv.coursework.reports.contents import (
    bits_rows,
    environment,
    framework_rows,
    hash_rows,
    learning_rows,
    remarks,
    time_rows,
)
from multiconv.coursework.reports.grid import MEANINGS, SIGNS, Column, columns, methods, statuses
from multiconv.coursework.reports.guide import GUIDE
from multiconv.coursework.reports.markup import Markup, element, joined, picture, section, table
from multiconv.coursework.reports.png import grey_png
from multiconv.coursework.reports.speed import speeds, usual

_MOST_NUMBERS = 11  # of a row of a kernel that is shown as numbers


def page(comparison: Comparison) -> str:
    """Return the whole file; without matplotlib it says where a plot would be how to get it."""
    found = columns(comparison)
    title = f"Comparing frameworks: {verdict.sentence(comparison)}"
    style = importlib.resources.files("multiconv").joinpath("data", "report.css").read_text("utf-8")
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        *_verdict(comparison),
        _agreement(comparison, found),
        _pictures(comparison),
        _bits(comparison),
        *_exact(comparison),
        _times(comparison, found),
        _learning(comparison),
        section("How to read this", *(element("p", text) for text in GUIDE)),
        _environment(comparison),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _verdict(comparison: Comparison) -> Iterator[Markup]:
    yield element("h1", "One convolution in several frameworks")
    kind = "good" if comparison.agrees else "bad"
    yield element("p", f"{verdict.sentence(comparison)}.", class_=f"verdict {kind}")
    wrong = [
        element("li", element("strong", place), f": {what}")
        for place, what in verdict.problems(comparison)
    ]
    wrong += [element("li", text) for text in verdict.advice(comparison)]
    if wrong:
        yield element("ul", *wrong)


def _agreement(comparison: Comparison, found: Sequence[Column]) -> Markup:
    kinds = {"good": "yes", "bad": "no", "faint": "none"}
    rows = [
        [
            method,
            *(
                element("td", sign, class_=kinds[style])
                for column in found
                for sign, style in [SIGNS[column.status(method)]]
            ),
        ]
        for method in methods(comparison)
    ]
    meanings = [f"{SIGNS[s][0]} {MEANINGS[s]}" for s in statuses(comparison, found)]
    size = by(comparison.cases[-1].x.shape)
    return section(
        "Who agrees with the exact result",
        table(["method", *map(str, found)], rows, class_="grid"),
        element("p", f"{'; '.join(meanings)}.", class_="note"),
        element(
            "p",
            f"Each sign stands for three examples, with gradients where there are any: the "
            f"textbook's 3x3 image and 2x2 kernel that give 19 25 37 43, in integers and in "
            f"floats, and {comparison.picture}, {size}, with the kernel {comparison.kernel}.",
            class_="note",
        ),
        *(element("p", text, class_="note") for text in remarks(comparison, found)),
    )


def _pictures(comparison: Comparison) -> Markup:
    case = comparison.cases[-1]
    result = reference.exact(case, ("y",))["y"].rounded
    shown = [
        (
            f"input x, {by(case.x.shape)}, from {case.x.min():.3g} to {case.x.max():.3g}",
            _image(case.x, "the input"),
        ),
        (f"kernel k: {comparison.kernel}, {by(case.k.shape)}", _kernel(case.k)),
        (
            f"feature map y = corr2d(x, k), {by(result.shape)}, from {result.min():.3g} (black) to "
            f"{result.max():.3g} (white)",
            _image(result, "the feature map"),
        ),
    ]
    figures = (element("figure", what, element("figcaption", text)) for text, what in shown)
    return section("What was computed", element("div", *figures, class_="pictures"))


def _image(numbers: np.ndarray[tuple[int, ...], np.dtype[np.float32]], name: str) -> Markup:
    return picture(grey_png(numbers), "png", name, class_="pixels")


def _kernel(kernel: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Markup:
    """Return a kernel's numbers, or a picture of many."""
    if max(kernel.shape) > _MOST_NUMBERS:
        return _image(kernel, "the kernel")
    rows = (element("tr", *(element("td", f"{value:.4g}") for value in row)) for row in kernel)
    return element("table", element("tbody", *rows), class_="kernel")


def _bits(comparison: Comparison) -> Markup:
    titles = ["method", "results", "compared on", "minimum", "median", "equal pixels"]
    return section(
        "How many bits the results have in common",
        element(
            "p",
            "Of the 24 significant bits of a float32, as many as all frameworks, eager and "
            "compiled, agree in at a pixel: at the worst pixel, and at the median.",
        ),
        table(titles, bits_rows(comparison)),
    )


def _exact(comparison: Comparison) -> Iterator[Markup]:
    found = comparison.exact_mode
    if found is not None:
        yield section(
            "The same bits",
            element("p", f"{found.sentence}.", class_="good" if found.is_one else "bad"),
            table(["SHA-256 of", *RESULTS.values()], hash_rows(comparison), class_="facts"),
            element("p", "The first 16 of 64 digits of each hash.", class_="note"),
        )


def _times(comparison: Comparison, found: Sequence[Column]) -> Markup:
    drawn: list[tuple[Callable[[], bytes], str]] = []
    if usual(comparison, found):
        drawn.append((lambda: plots.times_by_framework(comparison, found), "times by framework"))
    if any(speeds(comparison, column) for column in found):
        drawn.append((lambda: plots.times_by_method(comparison, found), "times by method"))
    titles = ["", "y: first call", "median", "quartiles", "gradients: first", "median", "quartiles"]
    tables = [
        part
        for column in found
        for part in (
            element(
                "div",
                element("h3", str(column)),
                table(titles, time_rows(comparison, column), class_="numbers times"),
                class_="together",
            ),
        )
    ]
    return section(
        "How long it takes",
        *(_plot(draw, what) for draw, what in drawn),
        element(
            "p",
            "On the picture. The first three columns of times are of y = corr2d(x, k), the last "
            "three of y and both gradients. The first call happens once. Beside a method stands "
            "the size of the part of the picture that it had, where the whole takes too long.",
            class_="note",
        ),
        *tables,
    )


def _learning(comparison: Comparison) -> Markup:
    lesson = comparison.learning.lesson
    titles = ["", "learned", "solved", "first loss", "last loss", "first run", "later runs"]
    return section(
        "Learning a kernel",
        element(
            "p",
            f"An image of {by(lesson.x.shape)} and what the edge detector "
            f"{' '.join(f'{value:g}' for value in lesson.kernel.ravel())} makes of it are given; "
            f"the kernel is to be found, by {lesson.steps} steps of gradient descent from zero "
            f"with the learning rate {lesson.lr:g}, and at once by least squares.",
        ),
        _plot(lambda: plots.losses(comparison.learning), "loss before each step")
        if any(len(pupil.losses) for pupil in comparison.learning.pupils)
        else "",
        table(titles, learning_rows(comparison.learning)),
    )


def _environment(comparison: Comparison) -> Markup:
    day = time.strftime("%Y-%m-%d %H:%M")
    titles = ["framework", "version", "device", "threads", "compiler"]
    return section(
        "Where it ran",
        table(["", ""], [[name, text] for name, text in environment(comparison)], class_="facts"),
        table(titles, framework_rows(comparison), class_="facts"),
        element(
            "p", f"Written {day}, after {duration(comparison.seconds).strip()}.", class_="note"
        ),
    )


def _plot(draw: Callable[[], bytes], description: str) -> Markup:
    try:
        return element("figure", picture(draw(), "svg+xml", description, class_="plot"))
    except ImportError:
        line = element("code", install_line("viz", "matplotlib"))
        text = joined([f"The plot of {description} needs matplotlib: ", line])
        return element("p", text, class_="note")
