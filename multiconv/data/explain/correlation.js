"use strict";

// The correlation of the page: the rules of multiconv's geometry and borders, and its order of
// additions. The tests hold its numbers against the library's.
const correlation = (() => {
  // Named paddings as (low, high) for an axis of size n, kernel k, stride s and dilation d.
  function namedPads(name, n, k, s, d) {
    const reach = d * (k - 1);
    if (name === "valid") return [0, 0];
    if (name === "full") return [reach, reach];
    const total = Math.max((Math.ceil(n / s) - 1) * s + reach + 1 - n, 0);
    const less = Math.floor(total / 2);
    return name === "same" ? [less, total - less] : [total - less, less];
  }

  // How wide a border the pixels of an axis are enough for.
  function borderLimit(mode, n) {
    if (mode === "reflect") return n - 1;
    return mode === "symmetric" || mode === "circular" ? n : Infinity;
  }

  // The sizes of a call, or an Error that says which axis does not fit.
  function resolve({ image, kernel, stride, dilation, padding, mode, flip }) {
    const input = [image.length, image[0].length];
    const size = [kernel.length, kernel[0].length];
    const pads = [0, 1].map((a) =>
      typeof padding === "string"
        ? namedPads(padding, input[a], size[a], stride[a], dilation[a])
        : padding[a],
    );
    const output = [0, 1].map((a) => {
      const name = ["height", "width"][a];
      const limit = borderLimit(mode, input[a]);
      if (Math.max(...pads[a]) > limit) {
        throw new Error(
          `A ${mode} border along the ${name} has at most ${limit} pixels: ` +
            `an image of size ${input[a]} has no more to show. Use less padding.`,
        );
      }
      const padded = input[a] + pads[a][0] + pads[a][1];
      const span = dilation[a] * (size[a] - 1) + 1;
      if (padded < span) {
        throw new Error(
          `The kernel does not fit along the ${name}: it covers ${span} pixels, and the image ` +
            `with its border has ${padded}. Use more padding or less dilation.`,
        );
      }
      return Math.floor((padded - span) / stride[a]) + 1;
    });
    return { input, size, stride, dilation, pads, mode, flip, output };
  }

  // The pixel that a place of an axis shows, -1 for a zero.
  function source(place, n, mode) {
    if (place >= 0 && place < n) return place;
    const isLow = place < 0;
    if (mode === "reflect") return isLow ? -place : 2 * (n - 1) - place;
    if (mode === "symmetric") return isLow ? -1 - place : 2 * n - 1 - place;
    if (mode === "circular") return isLow ? place + n : place - n;
    if (mode === "replicate") return isLow ? 0 : n - 1;
    return -1;
  }

  // The pixel at a place, which may lie on the border.
  function pixelAt(image, geometry, row, column) {
    const r = source(row, geometry.input[0], geometry.mode);
    const c = source(column, geometry.input[1], geometry.mode);
    return r < 0 || c < 0 ? { value: 0, index: null } : { value: image[r][c], index: [r, c] };
  }

  // The products of the output at [p, q], in the order in which they are added.
  function terms(image, kernel, geometry, [p, q]) {
    const { size, stride, dilation, pads, flip } = geometry;
    const found = [];
    for (let i = 0; i < size[0]; i += 1) {
      for (let j = 0; j < size[1]; j += 1) {
        const row = p * stride[0] + i * dilation[0] - pads[0][0];
        const column = q * stride[1] + j * dilation[1] - pads[1][0];
        const tap = flip ? [size[0] - 1 - i, size[1] - 1 - j] : [i, j];
        const { value, index } = pixelAt(image, geometry, row, column);
        found.push({ place: [row, column], index, tap, pixel: value, weight: kernel[tap[0]][tap[1]] });
      }
    }
    return found;
  }

  const sum = (products) => products.reduce((total, t) => total + t.pixel * t.weight, 0);

  // The row of the Toeplitz matrix: the weight, or the weights, that each pixel is multiplied with.
  function matrixRow(products, geometry) {
    const [height, width] = geometry.input;
    const row = new Array(height * width).fill(0);
    for (const { index, weight } of products) {
      if (index) row[index[0] * width + index[1]] += weight;
    }
    return row;
  }

  return { resolve, pixelAt, terms, sum, matrixRow };
})();
