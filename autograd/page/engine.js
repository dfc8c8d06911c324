// The engine of the page: a graph as arrays, computed forward and swept back, as sweep.py does it.
// Nodes are numbered with operands first, so that the pass goes from the last, the root, to node 0.
// Nothing here knows of the page; the operations are written from the operation table.

function unpacked(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = letters.charCodeAt(k);
  return new Float64Array(bytes.buffer);
}

class Graph {
  // pass: the data of the page; operations: of each row's name its value and its slopes.
  constructor(pass, operations) {
    this.size = pass.names.length;
    this.root = this.size - 1;
    this.names = pass.names;
    this.made = pass.made;
    this.fixed = pass.fixed;
    this.constants = unpacked(pass.constants);
    this.kinds = pass.kinds.map(({ row, slopes }) => ({ ...pass.rows[row], formulas: slopes }));
    for (const kind of this.kinds) {
      kind.value = operations[kind.name]?.value;
      kind.slopes = operations[kind.name]?.slopes;
      kind.shared = kind.ofAll.map((name) => operations[name]?.value);
    }
    this.kind = pass.kind;
    this._lay(pass.operands);
    this.partials = new Float64Array(this.edges);
    this.recorded = { data: unpacked(pass.data), partials: this._onEdges(unpacked(pass.partials)) };
    this.data = new Float64Array(this.size);
    this.grads = new Float64Array(this.size);
    this.reached = new Uint8Array(this.size);
    this.sent = new Float64Array(this.edges);
    this.moved = new Uint8Array(this.size);
    this._scratch = new Float64Array(this.size);
    this._order = new Map();
    this.reset();
  }

  // Operands lie one after the other: those of node i from starts[i]; a constant k is -1 - k. An
  // edge is an operand that is a node; edges have no numbers of their own, but that of the operand.
  _lay(operands) {
    this.starts = new Int32Array(this.size + 1);
    operands.forEach((list, i) => { this.starts[i + 1] = this.starts[i] + list.length; });
    this.edges = this.starts[this.size];
    this.operands = new Int32Array(this.edges);
    operands.forEach((list, i) => this.operands.set(list, this.starts[i]));
    this.consumer = new Int32Array(this.edges);
    this.uses = Array.from({ length: this.size }, () => []);
    // In the order of the pass, in which they report.
    for (let i = this.root; i >= 0; i--) {
      for (let e = this.starts[i]; e < this.starts[i + 1]; e++) {
        this.consumer[e] = i;
        if (this.operands[e] >= 0) this.uses[this.operands[e]].push(e);
      }
    }
  }

  // Numbers of those operands that are nodes, with places for the constants between them.
  _onEdges(numbers) {
    const onEdges = new Float64Array(this.edges);
    for (let e = 0, next = 0; e < this.edges; e++) if (this.operands[e] >= 0) onEdges[e] = numbers[next++];
    return onEdges;
  }

  isLeaf(i) { return this.kind[i] < 0; }

  kindOf(i) { return this.kinds[this.kind[i]]; }

  // The numbers of a node's operands, as some data have them.
  inputs(i, data = this.data) {
    const numbers = [];
    for (let e = this.starts[i]; e < this.starts[i + 1]; e++) {
      const x = this.operands[e];
      numbers.push(x < 0 ? this.constants[-1 - x] : data[x]);
    }
    return numbers;
  }

  // The edges of a node, in the order of its operands.
  edgesOf(i) {
    const edges = [];
    for (let e = this.starts[i]; e < this.starts[i + 1]; e++) if (this.operands[e] >= 0) edges.push(e);
    return edges;
  }

  // Which operand of its consumer an edge leads to, from 0.
  position(edge) { return edge - this.starts[this.consumer[edge]]; }

  // Whether a derivative passes along an edge at all.
  passes(edge) {
    const kind = this.kindOf(this.consumer[edge]);
    return kind.passes[kind.variadic ? 0 : this.position(edge)];
  }

  // Forward --------------------------------------------------------------------------------------

  // What a node is computed to be. Rows of any number of operands take them as they come.
  _compute(i, data) {
    const { value } = this.kinds[this.kind[i]];
    const start = this.starts[i], count = this.starts[i + 1] - start;
    if (count === 2) return value(this._operand(start, data), this._operand(start + 1, data));
    if (count === 1) return value(this._operand(start, data));
    return value(...this.inputs(i, data));
  }

  _operand(edge, data) {
    const x = this.operands[edge];
    return x < 0 ? this.constants[-1 - x] : data[x];
  }

  // Computes from the leaves what a moved one reaches; all else has Python's own bits.
  _forward(data) {
    const { moved, recorded } = this;
    for (let i = 0; i < this.size; i++) {
      if (this.kind[i] < 0) {
        moved[i] = Object.is(data[i], recorded.data[i]) ? 0 : 1;
        continue;
      }
      moved[i] = 0;
      for (let e = this.starts[i]; e < this.starts[i + 1] && !moved[i]; e++) {
        if (this.operands[e] >= 0) moved[i] = moved[this.operands[e]];
      }
      data[i] = moved[i] ? this._compute(i, data) : recorded.data[i];
    }
  }

  // Takes a number for a leaf; where all are Python's again, so is every result to the last bit.
  set(leaf, number) {
    if (this.fixed || !this.isLeaf(leaf)) return false;
    this.data[leaf] = number;
    this.compute();
    return true;
  }

  // Computes everything anew from the leaves as they stand.
  compute() {
    this._forward(this.data);
    this._differentiate();
    this.sweep();
  }

  reset() {
    this.data.set(this.recorded.data);
    this.partials.set(this.recorded.partials);
    this.sweep();
  }

  // The nodes that are computed from a node, and the node itself first.
  dependents(node) {
    if (!this._order.has(node)) {
      if (this._order.size > 200) this._order.clear();
      const depends = new Uint8Array(this.size);
      depends[node] = 1;
      const found = [];
      for (let i = node + 1; i < this.size; i++) {
        for (let e = this.starts[i]; e < this.starts[i + 1] && !depends[i]; e++) {
          if (this.operands[e] >= 0 && depends[this.operands[e]]) depends[i] = 1;
        }
        if (depends[i]) found.push(i);
      }
      this._order.set(node, found);
    }
    return this._order.get(node);
  }

  // The root's number if a node, leaf or not, held each of these numbers; nothing is changed.
  along(node, numbers) {
    const data = this._scratch, dependents = this.dependents(node);
    data.set(this.data);
    return numbers.map((number) => {
      if (Object.is(number, this.data[node])) return this.data[this.root];
      if (Object.is(number, this.recorded.data[node])) return this.at(new Map([[node, number]]));
      data[node] = number;
      for (const i of dependents) data[i] = this._compute(i, data);
      return data[this.root];
    });
  }

  // The root's number if some leaves held other numbers: a Map from leaf to number.
  at(numbers) {
    const data = this._scratch;
    data.set(this.data);
    for (const [leaf, number] of numbers) data[leaf] = number;
    this._forward(data);
    return data[this.root];
  }

  // Back -----------------------------------------------------------------------------------------

  // The local derivative along every edge, once ``_forward`` has said what has moved.
  _differentiate() {
    const { partials, recorded } = this;
    partials.set(recorded.partials);
    for (let i = 0; i < this.size; i++) {
      if (this.kind[i] < 0 || !this.moved[i]) continue;
      const kind = this.kinds[this.kind[i]], start = this.starts[i];
      if (kind.variadic) this._differentiateMany(i, kind, start);
      else this._differentiateFew(i, kind.slopes, start, this.starts[i + 1] - start);
    }
  }

  _differentiateFew(i, slopes, start, count) {
    const z = this.data[i], x = this._operand(start, this.data);
    const y = count > 1 ? this._operand(start + 1, this.data) : 0;
    for (let k = 0; k < count; k++) {
      const slope = slopes[k];
      if (slope === null || this.operands[start + k] < 0) continue;
      this.partials[start + k] = count < 3 ? slope(z, x, y) : slope(z, ...this.inputs(i));
    }
  }

  _differentiateMany(i, { slopes: [slope], shared }, start) {
    if (slope === null) return;
    const xs = this.inputs(i), numbers = shared.map((value) => value(...xs));
    for (let k = 0; k < xs.length; k++) {
      if (this.operands[start + k] >= 0) this.partials[start + k] = slope(this.data[i], xs[k], ...numbers);
    }
  }

  // The reverse sweep. A node that no derivative has reached sends nothing: 0 * infinity is nan.
  sweep() {
    const totals = this.totals(this.size);
    this.grads = totals.grads;
    this.reached = totals.reached;
  }

  // What has come together after the first so many nodes of the pass, and edges of the next one:
  // gradients, whether anything has reached a node, and how many reports have come.
  totals(nodes, edges = 0) {
    const grads = new Float64Array(this.size), reached = new Uint8Array(this.size);
    const reports = new Int32Array(this.size);
    grads[this.root] = 1;
    reached[this.root] = 1;
    for (let step = 0; step <= nodes && step < this.size; step++) {
      const i = this.root - step;
      const most = step < nodes ? Infinity : edges;
      for (let e = this.starts[i], taken = 0; e < this.starts[i + 1] && taken < most; e++) {
        const x = this.operands[e];
        if (x < 0) continue;
        taken++;
        reports[x]++;
        this.sent[e] = 0;
        if (!reached[i] || !this.passes(e)) continue;
        this.sent[e] = grads[i] * this.partials[e];
        grads[x] = reached[x] ? grads[x] + this.sent[e] : this.sent[e];
        reached[x] = 1;
      }
    }
    return { grads, reached, reports };
  }

  // What a walk hands down that does not wait for all consumers, as ``Stepper.naive`` tells it:
  // gradients; in which order it takes nodes up, and what each passes on, after how many reports.
  naive() {
    const grads = new Float64Array(this.size), reached = new Uint8Array(this.size);
    const reports = new Int32Array(this.size), begun = new Uint8Array(this.size);
    const passed = { grads: new Float64Array(this.size), reports: new Int32Array(this.size) };
    grads[this.root] = reached[this.root] = begun[this.root] = passed.grads[this.root] = 1;
    const order = [this.root], underway = [[this.root, 1, 1, this.starts[this.root]]];
    while (underway.length) {
      const top = underway[underway.length - 1];
      const [i, grad, has, e] = top;
      if (e === this.starts[i + 1]) { underway.pop(); continue; }
      top[3]++;
      const x = this.operands[e];
      if (x < 0) continue;
      reports[x]++;
      if (has && this.passes(e)) {
        const sent = grad * this.partials[e];
        grads[x] = reached[x] ? grads[x] + sent : sent;
        reached[x] = 1;
      }
      if (!begun[x]) {
        begun[x] = 1;
        order.push(x);
        [passed.grads[x], passed.reports[x]] = [grads[x], reports[x]];
        underway.push([x, grads[x], reached[x], this.starts[x]]);
      }
    }
    return { grads, passed, order };
  }
}
