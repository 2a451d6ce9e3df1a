"use strict";

// What is shown and touched; the numbers come from `correlation`.
(() => {
  const LARGEST = 64; // rows or columns of the input with its border
  const MATRIX_CELLS = 2048; // of a matrix that is shown whole
  const byId = (id) => document.getElementById(id);
  const given = JSON.parse(byId("data").textContent);
  const controls = byId("controls");
  const at = [...given.at];
  let state;
  let geometry;
  let inputCells, outputCells, matrixRows;

  function make(tag, properties = {}, children = []) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  const range = (start, stop) => Array.from({ length: stop - start }, (_, i) => start + i);
  const shown = (value) => String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
  const factor = (value) => (value < 0 ? `(${shown(value)})` : shown(value));
  const named = (letter, index) => `${letter}[${index.join(", ")}]`;

  // A table of cells with a header for each row and column; cell(row, column) makes a <td>.
  function table(caption, rows, columns, cell) {
    const cells = new Map();
    const head = make("tr", {}, [make("td", { className: "corner" }), ...columns.map(heading("col"))]);
    head.firstChild.style.border = "0";
    const body = rows.map((row) => {
      const line = make("tr", {}, [heading("row")(row)]);
      for (const column of columns) {
        const element = cell(row, column);
        cells.set(`${row},${column}`, element);
        line.append(element);
      }
      return line;
    });
    const element = make("table", { ariaLabel: caption }, [
      make("thead", {}, [head]),
      make("tbody", {}, body),
    ]);
    return { element, cells, body };
  }

  const heading = (scope) => (label) => make("th", { scope, textContent: String(label) });

  // A cell whose number can be changed.
  function editable(numbers, row, column, letter) {
    const input = make("input", {
      type: "text",
      inputMode: "decimal",
      value: String(numbers[row][column]),
      ariaLabel: named(letter, [row, column]),
    });
    input.addEventListener("input", () => {
      const value = Number(input.value.replace(",", "."));
      const isNumber = input.value.trim() !== "" && Number.isFinite(value);
      input.setAttribute("aria-invalid", String(!isNumber));
      if (isNumber) {
        numbers[row][column] = value;
        refresh();
      }
    });
    return make("td", { className: "number" }, [input]);
  }

  function drawInput() {
    const [rows, columns] = [0, 1].map((a) =>
      range(-geometry.pads[a][0], geometry.input[a] + geometry.pads[a][1]),
    );
    const isInside = (row, column) =>
      row >= 0 && row < geometry.input[0] && column >= 0 && column < geometry.input[1];
    const made = table("input with its border", rows, columns, (row, column) =>
      isInside(row, column)
        ? editable(state.image, row, column, "x")
        : make("td", { className: "border" }),
    );
    inputCells = made.cells;
    byId("input").replaceChildren(made.element);
    byId("maps").dataset.size = columns.length > 20 ? "small" : columns.length > 10 ? "medium" : "";
  }

  // The kernel as it lies on the input: flipped, its rows and columns come in reverse.
  function drawKernel() {
    const [rows, columns] = geometry.size.map((n) =>
      geometry.flip ? range(0, n).reverse() : range(0, n),
    );
    const made = table("kernel", rows, columns, (row, column) => {
      const cell = editable(state.kernel, row, column, "k");
      cell.classList.add("weight");
      return cell;
    });
    byId("kernel").replaceChildren(made.element);
  }

  function drawOutput() {
    const [rows, columns] = geometry.output.map((n) => range(0, n));
    const made = table("output", rows, columns, (row, column) => {
      const cell = make("td", { tabIndex: -1 });
      cell.setAttribute("role", "gridcell");
      // Not "mouseenter": that happens to a mouse at rest too, when the page moves under it.
      for (const event of ["mousemove", "focus", "click"]) {
        cell.addEventListener(event, () => {
          if (row !== at[0] || column !== at[1]) select(row, column);
        });
      }
      return cell;
    });
    made.element.setAttribute("role", "grid");
    made.element.addEventListener("keydown", move);
    outputCells = made.cells;
    byId("output").replaceChildren(made.element);
  }

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  function move(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const [row, column] = at.map((n, a) =>
      Math.min(Math.max(n + step[a], 0), geometry.output[a] - 1),
    );
    outputCells.get(`${row},${column}`).focus();
  }

  const termsAt = (index) => correlation.terms(state.image, state.kernel, geometry, index);

  // The whole matrix where it is small; else the row alone, laid out as the image is.
  function drawMatrix() {
    const pixels = geometry.input[0] * geometry.input[1];
    const outputs = geometry.output[0] * geometry.output[1];
    const isWhole = pixels * outputs <= MATRIX_CELLS;
    const [rows, columns] = isWhole
      ? [range(0, outputs), range(0, pixels)]
      : geometry.input.map((n) => range(0, n));
    const made = table(isWhole ? "Toeplitz matrix" : "row of the Toeplitz matrix", rows, columns, () =>
      make("td"),
    );
    matrixRows = isWhole ? made.body : [];
    byId("matrix").replaceChildren(made.element);
    const size = `T has a row for each of the ${outputs} outputs and a column for each of the ${pixels} pixels`;
    byId("matrix-hint").textContent = isWhole
      ? `${size}, both counted row by row: y = T x.`
      : `${size}. This is the row of the output, laid out as the image is.`;
    if (isWhole) {
      rows.forEach((p) => fillMatrix(made.body[p].cells, matrixRow(p)));
    }
  }

  const matrixRow = (p) =>
    correlation.matrixRow(
      termsAt([Math.floor(p / geometry.output[1]), p % geometry.output[1]]),
      geometry,
    );

  function fillMatrix(cells, row) {
    row.forEach((weight, pixel) => {
      const cell = cells[pixel + 1]; // after the header
      cell.textContent = shown(weight);
      cell.classList.toggle("weight", weight !== 0);
    });
  }

  // Put the numbers into what is drawn.
  function refresh() {
    for (const [key, cell] of inputCells) {
      if (cell.classList.contains("border")) {
        const [row, column] = key.split(",").map(Number);
        const { value, index } = correlation.pixelAt(state.image, geometry, row, column);
        cell.textContent = shown(value);
        cell.title = index ? `shows ${named("x", index)}` : "a zero of the border";
      }
    }
    for (const [key, cell] of outputCells) {
      const index = key.split(",").map(Number);
      const value = correlation.sum(termsAt(index));
      cell.textContent = shown(value);
      cell.dataset.value = String(value);
      cell.ariaLabel = `${named("y", index)} = ${shown(value)}`;
    }
    drawMatrix();
    select(...at);
  }

  // Light up one output, its window, its products and its row of the matrix.
  function select(row, column) {
    outputCells.get(at.join(","))?.setAttribute("tabindex", "-1");
    at[0] = Math.min(row, geometry.output[0] - 1);
    at[1] = Math.min(column, geometry.output[1] - 1);
    const terms = termsAt(at);
    for (const [key, cell] of outputCells) {
      cell.setAttribute("aria-selected", String(key === at.join(",")));
    }
    outputCells.get(at.join(",")).setAttribute("tabindex", "0");
    const met = new Set(terms.map((term) => term.place.join(",")));
    for (const [key, cell] of inputCells) cell.classList.toggle("seen", met.has(key));
    showSum(terms);
    showWhere();
    const p = at[0] * geometry.output[1] + at[1];
    matrixRows.forEach((line, i) => line.classList.toggle("lit", i === p));
    if (!matrixRows.length) fillMatrix(folded(), correlation.matrixRow(terms, geometry));
  }

  // The cells of the row that is laid out as the image is, with a header for `fillMatrix` to skip.
  const folded = () => [null, ...byId("matrix").querySelectorAll("tbody td")];

  function showSum(terms) {
    const products = terms.map(({ place, index, pixel, weight }) => {
      const isBorder = !index || index.join() !== place.join();
      const title = isBorder && index ? `the border shows ${named("x", index)}` : named("x", place);
      return make("span", { className: "term" }, [
        make("span", {
          className: isBorder ? "cell border seen" : "cell seen",
          textContent: factor(pixel),
          title: index ? title : "a zero of the border",
        }),
        "×",
        make("span", { className: "cell weight", textContent: factor(weight) }),
      ]);
    });
    const parts = products.flatMap((product, i) => (i ? [" + ", product] : [product]));
    const value = correlation.sum(terms);
    const result = make("strong", { textContent: shown(value), title: String(value) });
    byId("sum").replaceChildren(`${named("y", at)} = `, ...parts, " = ", result);
  }

  function showWhere() {
    byId("where").textContent = ["row", "column"]
      .map((name, a) => {
        const [s, low] = [geometry.stride[a], geometry.pads[a][0]];
        return `first ${name}: position ${at[a]} × stride ${s} − padding ${low} = ${at[a] * s - low}`;
      })
      .join("; ");
  }

  function readControls() {
    const { elements } = controls;
    const number = (name) => elements[name].valueAsNumber;
    state.stride = [number("stride0"), number("stride1")];
    state.dilation = [number("dilation0"), number("dilation1")];
    state.padding = elements.padding.value || [
      [number("pad00"), number("pad01")],
      [number("pad10"), number("pad11")],
    ];
    state.mode = elements.mode.value;
    state.flip = elements.flip.checked;
  }

  function writeControls() {
    const { elements } = controls;
    [elements.stride0.value, elements.stride1.value] = state.stride;
    [elements.dilation0.value, elements.dilation1.value] = state.dilation;
    elements.padding.value = typeof state.padding === "string" ? state.padding : "";
    if (typeof state.padding !== "string") writePads(state.padding);
    elements.mode.value = state.mode;
    elements.flip.checked = state.flip;
  }

  function writePads(pads) {
    pads.forEach((pair, a) =>
      pair.forEach((pad, side) => {
        controls.elements[`pad${a}${side}`].value = pad;
      }),
    );
  }

  // Draw everything anew for the present controls, or say why that is not possible.
  function rebuild() {
    try {
      geometry = correlation.resolve(state);
      const largest = Math.max(...geometry.pads.map((pair, a) => pair[0] + pair[1] + geometry.input[a]));
      if (largest > LARGEST) {
        throw new Error(`This page draws at most ${LARGEST} rows and columns; with the border there are ${largest}.`);
      }
    } catch (error) {
      byId("problem").textContent = error.message;
      byId("result").hidden = true;
      return;
    }
    byId("problem").textContent = "";
    byId("result").hidden = false;
    writePads(geometry.pads);
    at.forEach((n, a) => {
      at[a] = Math.min(n, geometry.output[a] - 1);
    });
    drawInput();
    drawKernel();
    drawOutput();
    refresh();
  }

  controls.addEventListener("input", (event) => {
    if (event.target.name.startsWith("pad") && event.target.name !== "padding") {
      controls.elements.padding.value = ""; // numbers of one's own
    }
    if (!controls.checkValidity()) {
      byId("problem").textContent = "Stride and dilation are whole numbers from 1, padding from 0, to 32.";
      return;
    }
    readControls();
    rebuild();
  });
  controls.addEventListener("reset", (event) => {
    event.preventDefault();
    start();
  });
  controls.addEventListener("submit", (event) => event.preventDefault());

  function start() {
    state = structuredClone(given);
    [at[0], at[1]] = given.at;
    writeControls();
    rebuild();
  }

  byId("page").hidden = false;
  start();
})();
