// Unpacks the style sheet and the script of a page, which would be three times as long: the policy
// knows their hashes. What is read is raw deflate (RFC 1951), as Python's zlib writes it.

function inflate(bytes) {
  const out = [];
  let at = 0, hold = 0, held = 0;
  function bits(count) {
    for (; held < count; held += 8) hold |= bytes[at++] << held;
    const taken = hold & ((1 << count) - 1);
    hold >>>= count;
    held -= count;
    return taken;
  }
  // A Huffman code by the lengths of its words: how many there are of each length, and in order.
  function codeOf(lengths) {
    const counts = new Array(16).fill(0), words = [];
    for (let length = 1; length < 16; length++) {
      lengths.forEach((own, word) => { if (own === length) { counts[length]++; words.push(word); } });
    }
    return { counts, words };
  }
  function word({ counts, words }) {
    for (let length = 1, code = 0, first = 0, index = 0; ; length++) {
      code |= bits(1);
      if (code - counts[length] < first) return words[index + code - first];
      index += counts[length];
      first = (first + counts[length]) << 1;
      code <<= 1;
    }
  }
  function described() {
    const sizes = [bits(5) + 257, bits(5) + 1], count = bits(4) + 4, lengths = new Array(19).fill(0);
    const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    for (let k = 0; k < count; k++) lengths[order[k]] = bits(3);
    const code = codeOf(lengths), all = [];
    while (all.length < sizes[0] + sizes[1]) {
      const next = word(code);
      if (next < 16) { all.push(next); continue; }
      const again = next === 16 ? all[all.length - 1] : 0;
      const times = next === 16 ? 3 + bits(2) : next === 17 ? 3 + bits(3) : 11 + bits(7);
      for (let k = 0; k < times; k++) all.push(again);
    }
    return [codeOf(all.slice(0, sizes[0])), codeOf(all.slice(sizes[0]))];
  }
  function fixed() {
    const lengths = Array.from({ length: 288 }, (_, k) => (k < 144 ? 8 : k < 256 ? 9 : k < 280 ? 7 : 8));
    return [codeOf(lengths), codeOf(new Array(30).fill(5))];
  }
  function stored() {
    [hold, held] = [0, 0];
    const length = bytes[at] | (bytes[at + 1] << 8);
    out.push(...bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  function coded([letters, distances]) {
    for (let next = word(letters); next !== 256; next = word(letters)) {
      if (next < 256) { out.push(next); continue; }
      const size = next - 257, far = Math.max(0, (size >> 2) - 1);
      const length = size === 28 ? 258 : size < 8 ? size + 3 : ((4 + (size & 3)) << far) + 3 + bits(far);
      const place = word(distances), more = Math.max(0, (place >> 1) - 1);
      const back = place < 4 ? place + 1 : ((2 + (place & 1)) << more) + 1 + bits(more);
      for (let k = 0; k < length; k++) out.push(out[out.length - back]);
    }
  }
  for (let isLast = 0; !isLast;) {
    isLast = bits(1);
    const kind = bits(2);
    if (kind === 0) stored();
    else coded(kind === 1 ? fixed() : described());
  }
  return Uint8Array.from(out);
}

// Five letters of 85 are four bytes, as Python's b85encode writes them, but that a comma stands for
// the one that begins markup.
function bytesOf(text) {
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
  const values = new Map([...letters].map((letter, value) => [letter, value]));
  const bytes = [];
  for (let k = 0; k < text.length; k += 5) {
    let number = 0;
    for (let n = k; n < k + 5; n++) number = number * 85 + (values.get(text[n]) ?? 84);
    for (let shift = 24; shift >= 0; shift -= 8) bytes.push((number >>> shift) & 255);
  }
  return bytes;
}

{
  const bytes = inflate(Uint8Array.from(bytesOf(document.getElementById("packed").textContent)));
  new TextDecoder().decode(bytes).split("\0").forEach((text, k) => {
    const part = document.createElement(["style", "script"][k]);
    part.textContent = text;
    document.body.append(part);
  });
}
