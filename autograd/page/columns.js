// A graph for many rows of numbers at once: a column for each node, with a number for every row. The
// same operations as in engine.js, node by node and within a node row by row, so that thousands of
// rows take a few milliseconds; nothing is allocated for a row.

class Columns {
  // room: of how many rows there is room for; roots: what is to be computed, by default the root.
  constructor(graph, room, roots = [graph.root]) {
    this.graph = graph;
    this.room = room;
    this.count = 0;
    this.nodes = below(graph, roots);
    // Constants have columns too, behind those of the nodes.
    this.data = new Float64Array((graph.size + graph.constants.length) * room);
    graph.constants.forEach((number, k) => this._fill(graph.size + k, number, room));
    this._given = new Uint8Array(graph.size);
    this._xs = [];
    this._offsets = [];
  }

  _fill(column, number, count = this.count) {
    this.data.fill(number, column * this.room, column * this.room + count);
  }

  // The column of a node, as far as there are rows.
  of(node) { return this.data.subarray(node * this.room, node * this.room + this.count); }

  // The column of a leaf, to be written: it holds what it held, and no longer the leaf's own number.
  given(leaf) {
    this._given[leaf] = 1;
    return this.of(leaf);
  }

  // Forward, for so many rows; leaves whose column is not given have in all rows what they hold.
  forward() {
    const { graph } = this;
    for (const i of this.nodes) {
      if (graph.kind[i] >= 0) this._compute(i);
      else if (!this._given[i]) this._fill(i, graph.data[i]);
    }
  }

  // Where the operands of a node begin.
  _operands(i) {
    const { starts, operands, size } = this.graph, offsets = this._offsets;
    offsets.length = starts[i + 1] - starts[i];
    for (let k = 0; k < offsets.length; k++) {
      const x = operands[starts[i] + k];
      offsets[k] = (x < 0 ? size - 1 - x : x) * this.room;
    }
    return offsets;
  }

  // The numbers of a row there.
  _row(offsets, t) {
    const xs = this._xs;
    xs.length = offsets.length;
    for (let k = 0; k < offsets.length; k++) xs[k] = this.data[offsets[k] + t];
    return xs;
  }

  _compute(i) {
    const { data, count } = this, { value } = this.graph.kindOf(i), z = i * this.room;
    const offsets = this._operands(i), [a, b] = offsets;
    if (offsets.length === 1) for (let t = 0; t < count; t++) data[z + t] = value(data[a + t]);
    else if (offsets.length === 2) for (let t = 0; t < count; t++) data[z + t] = value(data[a + t], data[b + t]);
    else for (let t = 0; t < count; t++) data[z + t] = value(...this._row(offsets, t));
  }

  // Back, after forward: by each of some leaves the mean over the rows of the root's derivative.
  gradient(leaves) {
    const { graph, room, count } = this;
    this.grads ??= new Float64Array(graph.size * room);
    const needed = above(graph, leaves);
    for (const i of this.nodes) if (needed[i]) this.grads.fill(0, i * room, i * room + count);
    this.grads.fill(1, graph.root * room, graph.root * room + count);
    for (let k = this.nodes.length - 1; k >= 0; k--) {
      const i = this.nodes[k];
      // A node that no derivative has reached sends nothing; what reaches one is the same in all rows.
      if (graph.kind[i] >= 0 && needed[i] && graph.reached[i]) this._send(i, needed);
    }
    return leaves.map((leaf) => mean(this.grads.subarray(leaf * room, leaf * room + count)));
  }

  _send(i, needed) {
    const { graph, data, grads, room, count } = this, kind = graph.kindOf(i), z = i * room;
    const offsets = this._operands(i), [a, b] = offsets;
    const shared = kind.shared.length ? this._shared(kind, offsets) : [];
    for (let k = 0; k < offsets.length; k++) {
      const e = graph.starts[i] + k, x = graph.operands[e];
      if (x < 0 || !needed[x] || !graph.passes(e)) continue;
      const slope = kind.slopes[kind.variadic ? 0 : k], to = x * room, own = offsets[k];
      for (let t = 0; t < count; t++) {
        let partial;
        if (!kind.variadic) {
          if (offsets.length === 1) partial = slope(data[z + t], data[a + t]);
          else if (offsets.length === 2) partial = slope(data[z + t], data[a + t], data[b + t]);
          else partial = slope(data[z + t], ...this._row(offsets, t));
        } else if (shared.length === 0) partial = slope(data[z + t], data[own + t]);
        else partial = slope(data[z + t], data[own + t], ...shared[t]);
        grads[to + t] += grads[z + t] * partial;
      }
    }
  }

  // What the slopes of a row with any number of operands share, for each row of numbers.
  _shared(kind, offsets) {
    return Array.from({ length: this.count }, (_, t) => {
      const xs = this._row(offsets, t);
      return kind.shared.map((value) => value(...xs));
    });
  }
}

function mean(numbers) {
  let total = 0;
  for (let t = 0; t < numbers.length; t++) total += numbers[t];
  return total / numbers.length;
}

// The nodes that some nodes are computed from, and these, operands first.
function below(graph, roots) {
  const isBelow = new Uint8Array(graph.size);
  for (const root of roots) isBelow[root] = 1;
  for (let i = graph.root; i >= 0; i--) {
    if (!isBelow[i]) continue;
    for (const e of graph.edgesOf(i)) isBelow[graph.operands[e]] = 1;
  }
  return Int32Array.from(isBelow.keys()).filter((i) => isBelow[i]);
}

// Which nodes are computed from some leaves, with these: a 1 for each.
function above(graph, leaves) {
  const isAbove = new Uint8Array(graph.size);
  for (const leaf of leaves) isAbove[leaf] = 1;
  for (let i = 0; i < graph.size; i++) {
    if (!isAbove[i] && graph.edgesOf(i).some((e) => isAbove[graph.operands[e]])) isAbove[i] = 1;
  }
  return isAbove;
}
