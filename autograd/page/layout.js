// Where boxes lie: ranks one after the other, few crossings, short ways (Sugiyama et al., 1981).
// Boxes with a width, a height and the edges between them go in; places and ways come out. The same
// boxes always lie in the same places.

const GAPS = { between: 14, way: 10 };

// boxes: [{width, height}], in an order in which people would read them; edges: [[from, to], ...]
// between places of that list, each from what is earlier computed. direction: "down" or "right".
// gap: the room between ranks, where the labels of the ways stand.
function layOut(boxes, edges, direction, gap) {
  const isDown = direction === "down";
  const across = boxes.map((box) => (isDown ? box.width : box.height));
  const along = boxes.map((box) => (isDown ? box.height : box.width));
  const ranks = ranked(boxes.length, edges);
  const points = boxes.map((box, i) => ({ rank: ranks[i], size: across[i], box: i }));
  // An edge over several ranks goes through a point in each of those between.
  const ways = edges.map(([from, to]) => {
    const way = [from];
    for (let rank = ranks[from] + 1; rank < ranks[to]; rank++) {
      way.push(points.length);
      points.push({ rank, size: 0, box: -1 });
    }
    return [...way, to];
  });
  const links = ways.flatMap((way) => way.slice(1).map((to, k) => [way[k], to]));
  const layers = ordered(points, links);
  const places = placed(points, links, layers);
  const sizes = layers.map((layer) => Math.max(...layer.map((p) => (points[p].box < 0 ? 0 : along[points[p].box]))));
  const tops = [];
  sizes.forEach((size, rank) => {
    tops.push(rank === 0 ? 0 : tops[rank - 1] + sizes[rank - 1] + gap);
  });
  const at = (p, side) => {
    const { rank, box } = points[p];
    const size = box < 0 ? sizes[rank] : along[box];
    const first = tops[rank] + (sizes[rank] - size) / 2;
    return first + side * size;
  };
  const point = (cross, main) => (isDown ? [cross, main] : [main, cross]);
  const corners = boxes.map((_, i) => point(places[i] - across[i] / 2, at(i, 0)));
  const ports = portsOf(ways, places, across, boxes.length);
  const drawn = ways.map((way, k) => way.flatMap((p, j) => {
    const cross = points[p].box < 0 ? places[p] : ports[k][j === 0 ? 0 : 1];
    const sides = points[p].box >= 0 ? [j === 0 ? 1 : 0] : [0, 1];
    return sides.map((side) => point(cross, at(p, side)));
  }));
  const cross = Math.max(...boxes.map((_, i) => places[i] + across[i] / 2), ...places);
  const main = tops[tops.length - 1] + sizes[sizes.length - 1];
  const [width, height] = point(cross, main);
  return { corners, ways: drawn, width, height };
}

// A box comes after all that it is made of; what is made of nothing stands right before its use.
function ranked(count, edges) {
  const ranks = new Array(count).fill(0), into = Array.from({ length: count }, () => []);
  const out = Array.from({ length: count }, () => []);
  for (const [from, to] of edges) { into[to].push(from); out[from].push(to); }
  const waiting = into.map((list) => list.length);
  const queue = [];
  waiting.forEach((n, i) => { if (n === 0) queue.push(i); });
  for (const i of queue) {
    for (const to of out[i]) {
      ranks[to] = Math.max(ranks[to], ranks[i] + 1);
      if (--waiting[to] === 0) queue.push(to);
    }
  }
  for (let k = queue.length - 1; k >= 0; k--) {
    const i = queue[k];
    if (into[i].length === 0 && out[i].length) ranks[i] = Math.min(...out[i].map((to) => ranks[to])) - 1;
  }
  const first = Math.min(...ranks);
  return ranks.map((rank) => rank - first);
}

// The order within each rank, in which few ways cross each other.
function ordered(points, links) {
  const layers = Array.from({ length: 1 + Math.max(...points.map((p) => p.rank)) }, () => []);
  const above = points.map(() => []), below = points.map(() => []);
  for (const [from, to] of links) { above[to].push(from); below[from].push(to); }
  // From the end on, operands in their order: so an expression stands as it is written.
  const seen = new Set();
  const last = points.map((_, p) => p).filter((p) => below[p].length === 0);
  for (const start of last) {
    const stack = [start];
    while (stack.length) {
      const p = stack.pop();
      if (seen.has(p)) continue;
      seen.add(p);
      layers[points[p].rank].push(p);
      stack.push(...above[p].slice().reverse());
    }
  }
  const places = points.map(() => 0);
  const note = (layer) => layer.forEach((p, k) => { places[p] = k; });
  layers.forEach(note);
  let best = layers.map((layer) => layer.slice()), fewest = crossings(layers, links, points, places);
  for (let round = 0; round < 12 && fewest > 0; round++) {
    const down = round % 2 === 0;
    const turn = down ? layers.slice(1) : layers.slice(0, -1).reverse();
    for (const layer of turn) {
      const near = down ? above : below;
      const mean = new Map(layer.map((p) => [p, near[p].length
        ? near[p].reduce((sum, q) => sum + places[q], 0) / near[p].length : places[p]]));
      layer.sort((p, q) => mean.get(p) - mean.get(q) || places[p] - places[q]);
      note(layer);
    }
    const now = crossings(layers, links, points, places);
    if (now < fewest) [fewest, best] = [now, layers.map((layer) => layer.slice())];
  }
  return best;
}

function crossings(layers, links, points, places) {
  const byRank = layers.map(() => []);
  for (const [from, to] of links) byRank[points[from].rank].push([places[from], places[to]]);
  let count = 0;
  for (const list of byRank) {
    list.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    for (let i = 0; i < list.length; i++) {
      for (let k = i + 1; k < list.length; k++) if (list[k][0] > list[i][0] && list[k][1] < list[i][1]) count++;
    }
  }
  return count;
}

// The middle of each point across the ranks: near its neighbours, and clear of those beside it.
function placed(points, links, layers) {
  const near = points.map(() => []);
  for (const [from, to] of links) {
    // Ways through points should be straight.
    const weight = (points[from].box < 0) + (points[to].box < 0) === 2 ? 8 : points[from].box < 0 || points[to].box < 0 ? 2 : 1;
    near[from].push([to, weight, true]);
    near[to].push([from, weight, false]);
  }
  const places = new Array(points.length).fill(0);
  for (const layer of layers) settle(layer, layer.map(() => 0), layer.map(() => 1), points, places);
  for (let round = 0; round < 16; round++) {
    const order = round % 2 ? layers.slice().reverse() : layers;
    for (const layer of order) {
      const wanted = layer.map((p) => {
        const sides = round < 12 ? near[p].filter(([, , isBelow]) => isBelow === (round % 2 === 1)) : near[p];
        const total = sides.reduce((sum, [, weight]) => sum + weight, 0);
        return total ? sides.reduce((sum, [q, weight]) => sum + weight * places[q], 0) / total : places[p];
      });
      const weights = layer.map((p) => near[p].reduce((sum, [, weight]) => sum + weight, 0.1));
      settle(layer, wanted, weights, points, places);
    }
  }
  const left = Math.min(...points.map((p, i) => places[i] - p.size / 2));
  return places.map((x) => x - left);
}

// The places nearest to those wanted, in the squares, that keep the order and the distances: what
// stands too near is moved together (pool adjacent violators).
function settle(layer, wanted, weights, points, places) {
  let offset = 0;
  const offsets = layer.map((p, k) => {
    if (k > 0) {
      const before = points[layer[k - 1]];
      const gap = before.box < 0 || points[p].box < 0 ? GAPS.way : GAPS.between;
      offset += (before.size + points[p].size) / 2 + gap;
    }
    return offset;
  });
  const blocks = [];
  layer.forEach((_, k) => {
    let block = { place: wanted[k] - offsets[k], weight: weights[k], count: 1 };
    while (blocks.length && blocks[blocks.length - 1].place > block.place) {
      const before = blocks.pop(), weight = before.weight + block.weight;
      const place = (before.place * before.weight + block.place * block.weight) / weight;
      block = { place, weight, count: before.count + block.count };
    }
    blocks.push(block);
  });
  let k = 0;
  for (const block of blocks) {
    for (let n = 0; n < block.count; n++, k++) places[layer[k]] = block.place + offsets[k];
  }
}

// Where ways leave and enter a box: side by side along its edge, in the order of where they go.
function portsOf(ways, places, across, count) {
  const ports = ways.map(() => [0, 0]);
  const sides = [Array.from({ length: count }, () => []), Array.from({ length: count }, () => [])];
  ways.forEach((way, k) => {
    sides[0][way[0]].push([k, places[way[1]]]);
    sides[1][way[way.length - 1]].push([k, places[way[way.length - 2]]]);
  });
  sides.forEach((boxes, side) => boxes.forEach((list, box) => {
    list.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    const room = Math.min(across[box] * 0.7, 26 * (list.length - 1));
    list.forEach(([k], place) => {
      const share = list.length > 1 ? place / (list.length - 1) - 0.5 : 0;
      ports[k][side] = places[box] + share * room;
    });
  }));
  return ports;
}
