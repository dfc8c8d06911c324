// Numbers as people write and read them. ``signed`` and ``plain`` are those of text.py, so that the
// page says what a step prints; ``short`` is for cards, where there is room for eight characters.

const DASH = "\u2014";

// As Python's format(x, "#.Ng") and format(x, ".Ng"): exponents have two digits at least.
function general(x, digits, keepZeros = false) {
  const [mantissa, exponent] = Math.abs(x).toExponential(digits - 1).split("e");
  const power = Number(exponent);
  const trim = (text) => (keepZeros || !text.includes(".") ? text : text.replace(/\.?0+$/, ""));
  if (power >= -4 && power < digits) {
    return trim(Math.abs(x).toFixed(digits - 1 - power));
  }
  const size = String(Math.abs(power)).padStart(2, "0");
  return `${trim(mantissa)}e${power < 0 ? "-" : "+"}${size}`;
}

function isNegative(x) { return x < 0 || Object.is(x, -0); }

// With its sign: in full if it is whole, else to six digits; nan has none.
function signed(x, digits = 6) {
  if (Number.isNaN(x)) return "nan";
  const sign = isNegative(x) ? "-" : "+";
  if (!Number.isFinite(x)) return `${sign}inf`;
  if (Number.isInteger(x) && Math.abs(x) < 1e15) return sign + Math.abs(x).toFixed(0);
  const text = general(x, digits);
  return sign + (/^\d+$/.test(text) ? general(x, digits + 1, true) : text);  // 2.0000001 must not look whole
}

function plain(x, digits = 6) { return signed(x, digits).replace("+", ""); }

// How many digits the numbers of a formula take for its result to come out as it is shown, as in
// text.py; 0 if even all of them do not do.
function digitsEnough(numbers, comeTo, result) {
  const shown = signed(result).split("e")[0].replace(/^[-+0.]+|\./g, "").length, most = Math.max(6, shown);
  const isSame = (x) => Object.is(x + 0, result + 0)
    || (Number.isFinite(x * result) && isNegative(x) === isNegative(result) && general(x, most) === general(result, most));
  for (let digits = 6; digits < 18; digits++) {
    if (isSame(comeTo(numbers.map((x) => (Number.isFinite(x) ? Number(signed(x, digits)) : x))))) return digits;
  }
  return 0;
}

// To a few digits, for a card and an edge: "-0.3278", "1.2e7", "+6".
function short(x, withSign = false) {
  if (Number.isNaN(x)) return "nan";
  const sign = isNegative(x) ? "-" : withSign ? "+" : "";
  const size = Math.abs(x);
  if (size === Infinity) return `${sign}inf`;
  if (Number.isInteger(x) && size < 1e5) return sign + size.toFixed(0);
  return sign + general(x, size < 1e-3 ? 3 : 4).replace(/e([+-])0*/, (all, s) => `e${s === "-" ? s : ""}`);
}

// A number in full, such that reading it gives the same float.
function inFull(x) {
  if (Number.isNaN(x)) return "nan";
  return String(x).replace("Infinity", "inf").replace(/^0$/, Object.is(x, -0) ? "-0" : "0");
}

function signName(x) {
  if (x === null || x === undefined) return "none";
  if (Number.isNaN(x)) return "other";
  return x > 0 ? "pos" : x < 0 ? "neg" : "zero";
}

// What is typed: a number, or + - * / ** and parentheses on numbers and names. No eval, which the
// page forbids itself. It returns null for what it cannot read; ``known`` gives a name's number.
function readNumber(text, known = () => undefined) {
  const tokens = tokensOf(text);
  if (tokens === null || tokens.length === 0) return null;
  let place = 0;
  const next = (...wanted) => (wanted.includes(tokens[place]) ? tokens[place++] : null);

  function sum() {
    let left = product();
    for (let sign; left !== null && (sign = next("+", "-"));) {
      const right = product();
      left = right === null ? null : sign === "+" ? left + right : left - right;
    }
    return left;
  }
  function product() {
    let left = signedFactor();
    for (let sign; left !== null && (sign = next("*", "/"));) {
      const right = signedFactor();
      left = right === null ? null : sign === "*" ? left * right : left / right;
    }
    return left;
  }
  // As in Python, -2 ** 2 is -4.
  function signedFactor() {
    const sign = next("+", "-");
    if (sign === null) return power();
    const value = signedFactor();
    return value === null ? null : sign === "-" ? -value : value;
  }
  function power() {
    const base = atom();
    if (base === null || next("**") === null) return base;
    const exponent = signedFactor();
    return exponent === null ? null : Math.pow(base, exponent);
  }
  function atom() {
    if (next("(") !== null) {
      const inner = sum();
      return inner !== null && next(")") !== null ? inner : null;
    }
    const token = tokens[place];
    if (typeof token === "number") { place++; return token; }
    if (token === undefined || "+-*/()**".includes(token)) return null;
    place++;
    return known(token) ?? null;
  }
  const value = sum();
  return place === tokens.length ? value : null;
}

const CALLED = { pi: Math.PI, inf: Infinity, infinity: Infinity, nan: NaN };

function tokensOf(text) {
  const written = text.replace(/[\u2212\u2013]/g, "-").replace(/[\u00b7\u00d7\u22c5]/g, "*").replace(/\^/g, "**")
    .replace(/\u00f7/g, "/");
  const pattern = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(\*\*|[-+*/()])|([^\s\d+*/()-][^\s+*/()-]*))/y;
  const tokens = [];
  let end = 0;
  while (end < written.trimEnd().length) {
    pattern.lastIndex = end;
    const found = pattern.exec(written);
    if (!found) return null;
    end = pattern.lastIndex;
    const [, number, sign, name] = found;
    tokens.push(number !== undefined ? Number(number) : sign ?? CALLED[name] ?? name);
  }
  return tokens;
}
