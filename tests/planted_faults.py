"""Does the suite notice? Plants one fault at a time into a copy of the source and runs its tests.

python tests/planted_faults.py            all of them (several minutes)
python tests/planted_faults.py tanh sweep those whose file or description has one of the words in it

Each fault has to turn its tests red. A fault whose text is not found exactly once is an error of
this script: bring it up to date with the source.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LIMIT = 600.0  # seconds for one run of some tests


class Fault(NamedTuple):
    """A slip that somebody could make.

    Attributes:
        what: in words.
        file: where.
        old: text that occurs there exactly once.
        new: what it becomes.
        tests: the test files, without ``test_`` and ``.py``, one of which has to notice; those that
            are likely to, and quick, come first.
    """

    what: str
    file: str
    old: str
    new: str
    tests: str


OPS, TABLE = "autograd/core/ops.py", "autograd/core/table.py"
IEEE, SWEEP = "autograd/core/ieee.py", "autograd/core/sweep.py"
VALUE, FUNCTIONS, COPYING = (
    "autograd/core/value.py",
    "autograd/core/functions.py",
    "autograd/core/copying.py",
)
DATA = "autograd/data.py"
DIVERGENCES, LAYERS, OPTIMIZERS = "nn/divergences.py", "nn/layers.py", "nn/optimizers.py"
RECORDING, CURSOR = "autograd/stepping/recording.py", "autograd/stepping/cursor.py"
PAINTER, LOOK = "autograd/drawing/painter.py", "autograd/drawing/look.py"
DIFFERENTIATE, SIMPLIFY = "autograd/lowering/differentiate.py", "autograd/lowering/simplify.py"

FAULTS = [
    # Rows of the operation table
    Fault(
        "tanh's slope is 0.1 % off",
        OPS,
        '"tanh(x)", "1 - z ** 2"',
        '"tanh(x)", Partial("1 - z ** 2", "1.001 * (1 - z ** 2)")',
        "oracle ops",
    ),
    Fault(
        "softplus' slope is 0.1 % off",
        OPS,
        '    "sigmoid(x)",\n',
        '    Partial("sigmoid(x)", "1.001 * sigmoid(x)"),\n',
        "oracle ops",
    ),
    Fault(
        "a product's slope in x is x, not y",
        OPS,
        '"x * y", "y", "x"',
        '"x * y", "x", "x"',
        "oracle ops",
    ),
    Fault(
        "a quotient's slope in y has the other sign",
        OPS,
        '    "-z / y",\n    by=',
        '    "z / y",\n    by=',
        "oracle ops",
    ),
    Fault(
        "a power's slope in its base keeps the exponent",
        OPS,
        "return y * pow(x, y - 1.0) if y else 0.0",
        "return y * pow(x, y) if y else 0.0",
        "oracle ops",
    ),
    Fault(
        "the sine is the cosine's slope, without its sign",
        OPS,
        '"cos(x)", "-sin(x)"',
        '"cos(x)", "sin(x)"',
        "oracle ops",
    ),
    Fault(
        "a square root's slope is taken at x, not at z",
        OPS,
        '"sqrt(x)", Partial("1 / (2 * z)", "0.5 / z")',
        '"sqrt(x)", Partial("1 / (2 * z)", "0.5 / x")',
        "oracle ops",
    ),
    Fault(
        "xlogy's slope in y is upside down",
        OPS,
        '    "x / y",\n    computed="0 if',
        '    "y / x",\n    computed="0 if',
        "oracle ops",
    ),
    Fault(
        "the first of two equal numbers gets the whole gradient",
        OPS,
        '"0.5 + 0.5 * (less(y, x) - less(x, y))"',
        '"1 - less(x, y)"',
        "oracle ops",
    ),
    Fault(
        "stop_gradient lets the gradient through",
        OPS,
        '"stop_gradient", "x", "0"',
        '"stop_gradient", "x", "1"',
        "oracle ops",
    ),
    Fault(
        "relu's slope at 0 is PyTorch's",
        OPS,
        'computed="1 if x >= 0 else 0 if x < 0 else x"',
        'computed="1 if x > 0 else 0 if x <= 0 else x"',
        "oracle ops",
    ),
    Fault(
        "where's condition is inverted",
        OPS,
        '"x if c else y"',
        '"y if c else x"',
        "oracle ops",
    ),
    Fault(
        "a sum leaves out its last operand",
        IEEE,
        "return math.fsum(xs)",
        "return math.fsum(xs[:-1])",
        "oracle ops",
    ),
    Fault(
        "a sum is rounded at every addition",
        IEEE,
        "return math.fsum(xs)",
        "return __builtins__['sum'](xs, 0.0)",
        "functions",
    ),
    Fault(
        "softmax shifts by the first logit instead of the largest",
        IEEE,
        "else max(xs)\n",
        "else xs[0]\n",
        "functions ops",
    ),
    Fault(
        "a gradient passes through the shift of a softmax",
        OPS,
        '"max(x1, x2, ...)", "0"',
        '"max(x1, x2, ...)", "1"',
        "functions",
    ),
    Fault(
        "an exponential that overflows raises",
        IEEE,
        "except OverflowError:  # it grows",
        "except FloatingPointError:  # it grows",
        "edge_cases ops",
    ),
    Fault(
        "a slope of nothing times an infinite one is nan",
        TABLE,
        "return lambda *operands: constant",
        "return lambda *operands: constant or 0.0",
        "sweep edge_cases ops",
    ),
    # The sweep
    Fault(
        "a node keeps what the last consumer reported and drops the rest",
        SWEEP,
        "gradients[operand] = contribution if received is None else received + contribution",
        "gradients[operand] = contribution",
        "sweep",
    ),
    Fault(
        "nodes are taken up when they are first met, not after their last consumer",
        SWEEP,
        "reports_missing = waiting[operand]\n                if reports_missing == 1:",
        "reports_missing = waiting.pop(operand, 0)\n                if reports_missing > 0:",
        "sweep",
    ),
    Fault(
        "an operand that is used twice counts as one consumer",
        SWEEP,
        "consumers[operand] = uses + 1",
        "consumers[operand] = uses",
        "sweep",
    ),
    Fault(
        "the quick sweep keeps what was sent last and drops the rest",
        SWEEP,
        "received[x] + gradient * partial_x",
        "gradient * partial_x",
        "sweep",
    ),
    Fault(
        "the quick sweep counts an operand that is used twice as one",
        SWEEP,
        "node: again + 1 for",
        "node: again for",
        "sweep",
    ),
    Fault(
        "the quick sweep swaps the operands of a rule",
        SWEEP,
        "z, at_x, at_y = node._data, x._data, y._data",
        "z, at_x, at_y = node._data, y._data, x._data",
        "sweep",
    ),
    Fault(
        "the quick sweep takes a node that no derivative reaches for one with gradient 0",
        SWEEP,
        "if gradient is _NOTHING:",
        "if gradient is None:",
        "edge_cases sweep",
    ),
    Fault(
        "zero_grad resets the root alone",
        VALUE,
        "nodes = consumers_first(values)\n",
        "nodes = [values]\n",
        "sweep",
    ),
    Fault(
        "the operands of a two-operand rule are swapped",
        SWEEP,
        "return slope_x(z, x, y), slope_y(z, x, y)",
        "return slope_x(z, y, x), slope_y(z, y, x)",
        "sweep",
    ),
    Fault(
        "a derivative that is a graph forgets that its root may be differentiated",
        SWEEP,
        "return _evaluate(op, op.rules, node, operands, operands)",
        "return _evaluate(op, op.rules, node.data, operands, operands)",
        "sweep",
    ),
    # Values
    Fault(
        "an interior node keeps the gradient of an earlier pass",
        VALUE,
        "if node.op is not None or not node._grad:",
        "if not node._grad:",
        "sweep",
    ),
    Fault(
        "a leaf forgets the gradient of an earlier pass",
        VALUE,
        "if node.op is not None or not node._grad:",
        "if True:",
        "sweep",
    ),
    Fault(
        "two threads add at the same time",
        VALUE,
        "        with _adding:\n",
        "        if _adding:\n",
        "threads",
    ),
    Fault(
        "there is no number - Value",
        VALUE,
        "__sub__, __rsub__ = _operator(ops.sub)",
        "__sub__, _ = _operator(ops.sub)",
        "value",
    ),
    Fault(
        "an assignment takes no time, so that a stale graph is not noticed",
        VALUE,
        "time = stale.advance()  # also",
        "time = stale.now  # also",
        "value",
    ),
    Fault(
        "a number assigned to an interior node is taken for what its operands gave",
        VALUE,
        "self.since = stale.UNPROVEN if self.operands else time",
        "self.since = time",
        "value",
    ),
    Fault(
        "number / Value is Value / number",
        VALUE,
        "return _record(op, forward(number, self._data), (number, self))",
        "return _record(op, forward(self._data, number), (self, number))",
        "value",
    ),
    Fault(
        "number - Value remembers its operands in the other order",
        VALUE,
        "return _record(op, forward(number, self._data), (number, self))",
        "return _record(op, forward(number, self._data), (self, number))",
        "value",
    ),
    Fault(
        "two Values below one another compare as if they were equal",
        VALUE,
        "__lt__ = _comparison(operator.lt)",
        "__lt__ = _comparison(operator.le)",
        "value",
    ),
    Fault(
        "a pickle holds twice what two roots share",
        COPYING,
        "    if id(root) in known:\n        return []\n",
        "",
        "copying",
    ),
    Fault(
        "a pickle loses the gradients",
        COPYING,
        "[node._grad for node in found]",
        "[0.0 for node in found]",
        "copying",
    ),
    # Functions
    Fault(
        "a softmax leaves the first logit out of what it divides by",
        FUNCTIONS,
        "total = sum(powers)",
        "total = sum(powers[1:] or powers)",
        "functions",
    ),
    Fault(
        "a product adds up",
        FUNCTIONS,
        "functools.reduce(operator.mul, factors)",
        "functools.reduce(operator.add, factors)",
        "functions",
    ),
    # Divergences
    Fault(
        "l2 lacks its factor of 1/2",
        DIVERGENCES,
        "return 0.5 * _total(",
        "return _total(",
        "divergences",
    ),
    Fault(
        "binary_kl weighs the second logarithm with d",
        DIVERGENCES,
        "_weighted_log(1.0 - d_i, 1.0 - y_i)",
        "_weighted_log(d_i, 1.0 - y_i)",
        "divergences",
    ),
    Fault(
        "binary_kl_from_logits has its signs the other way round",
        DIVERGENCES,
        "d_i * autograd.softplus(-z_i) + (1.0 - d_i) * autograd.softplus(z_i)",
        "d_i * autograd.softplus(z_i) + (1.0 - d_i) * autograd.softplus(-z_i)",
        "divergences",
    ),
    Fault(
        "kl adds the entropy that it should subtract",
        DIVERGENCES,
        "return cross_entropy - entropy",
        "return cross_entropy + entropy",
        "divergences",
    ),
    Fault(
        "an output of 0 where the target is 0 is nan",
        DIVERGENCES,
        "return 0.0 if weight == 0.0 else term if weight == 1.0 else weight * term",
        "return term if weight == 1.0 else weight * term",
        "divergences",
    ),
    # Layers, targets, risk and optimizers
    Fault(
        "a neuron has no bias",
        LAYERS,
        "        terms.append(self.b)\n",
        "",
        "layers",
    ),
    Fault(
        "weights are drawn too widely",
        LAYERS,
        "bound = math.sqrt(6.0 / (n_inputs + n_outputs))\n            weights",
        "bound = math.sqrt(6.0 / n_inputs)\n            weights",
        "layers",
    ),
    Fault(
        "smoothed labels do not sum to 1",
        "nn/targets.py",
        "return [1.0 - (K - 1) * epsilon if",
        "return [1.0 - K * epsilon if",
        "targets",
    ),
    Fault(
        "a masked number is read",
        DATA,
        "if mask.any():",
        "if mask.all():",
        "data",
    ),
    Fault(
        "a missing number in a frame is read",
        DATA,
        "    if missing.any():",
        "    if missing.all():",
        "data",
    ),
    Fault(
        "bytes are computed with as they are",
        DATA,
        "return array.astype(np.int64 if small else np.float64, copy=False)",
        "return array",
        "data",
    ),
    Fault(
        "class numbers are read as two classes",
        "nn/targets.py",
        "if np.isin(numbers, (0.0, 1.0)).all():",
        "if (numbers >= 0.0).all():",
        "data targets",
    ),
    Fault(
        "the best epoch is the last one",
        "nn/training.py",
        "(self.best is None or loss < self.best[1])",
        "(self.best is None or loss != self.best[1])",
        "fit_options",
    ),
    Fault(
        "weights of classes are the other way round",
        DIVERGENCES,
        "shares: list[Number] = [1.0 - d_1, d_1]",
        "shares: list[Number] = [d_1, 1.0 - d_1]",
        "fit_options",
    ),
    Fault(
        "a gradient is cut to another length",
        "nn/penalties.py",
        "gradient = unit * (self.clip_norm / norm)",
        "gradient = unit * (self.clip_norm / norm) * largest",
        "fit_options",
    ),
    Fault(
        "a part of a split knows nothing of a class",
        "nn/preparation.py",
        "{name: max(1, math.floor(share))",
        "{name: math.floor(share)",
        "preparation",
    ),
    Fault(
        "standardized by the deviation of a sample",
        "nn/preparation.py",
        "unit.std(axis=0)",
        "unit.std(axis=0, ddof=1)",
        "preparation",
    ),
    Fault(
        "the risk is a sum and no average",
        "nn/risk.py",
        "return autograd.sum(terms) / len(terms)",
        "return autograd.sum(terms)",
        "training",
    ),
    Fault(
        "gradient descent climbs",
        OPTIMIZERS,
        "parameters -= scheduled(self.lr, self.schedule, state) * gradient",
        "parameters += scheduled(self.lr, self.schedule, state) * gradient",
        "optimizers",
    ),
    Fault(
        "Adam corrects its second moment like the first",
        OPTIMIZERS,
        "(1.0 - self.beta2**k)",
        "(1.0 - self.beta1**k)",
        "optimizers",
    ),
    # Runs and what they are known by
    Fault(
        "layers made without a generator are twins",
        LAYERS,
        "return random.Random(next(_made))",
        "return random.Random(0)",
        "layers",
    ),
    Fault(
        "a computed value that a module keeps is a parameter",
        "nn/module.py",
        "isinstance(value, Value) and value.op is None and value not in seen",
        "isinstance(value, Value) and value not in seen",
        "module",
    ),
    Fault(
        "what a function closes over is not compared",
        "nn/identity.py",
        "            if name in cells:\n",
        "            if False:\n",
        "runs",
    ),
    Fault(
        "the functions that a function calls are not looked into",
        "nn/identity.py",
        "            self._follow(path, called, thing, code)\n",
        "            pass\n",
        "runs",
    ),
    Fault(
        "a run is known by the names of its global functions",
        "nn/instructions.py",
        "self.globals.setdefault(x.argval, len(self.globals))",
        "x.argval} {self.globals.setdefault(x.argval, len(self.globals))",
        "runs",
    ),
    Fault(
        "a resumed run begins with the lr that it had at its start",
        "nn/training.py",
        "self.set(snapshot.numbers)",
        "pass",
        "runs",
    ),
    Fault(
        "what a model makes when it is called is not trained",
        "nn/training.py",
        "        if self.own.hold():\n            return False\n",
        "        return False\n",
        "runs",
    ),
    Fault(
        "a parameter that came later is corrected as if it had been there",
        OPTIMIZERS,
        "k = k - state.arrays[BORN]",
        "pass",
        "runs",
    ),
    # Stepping and drawing
    Fault(
        "a step reports the gradient without what the leaf held before",
        RECORDING,
        "return self.stale[node] + total if node in self.stale else total",
        "return total",
        "stepping",
    ),
    Fault(
        "going back leaves the root's gradient",
        CURSOR,
        "root.grad = recording.before[0]\n",
        "pass\n",
        "stepping",
    ),
    Fault(
        "a picture's arrow carries the gradient instead of the local derivative",
        PAINTER,
        "Carried(slope, gradient, gradient * slope if gradient else 0.0)",
        "Carried(slope * gradient, gradient, gradient * slope if gradient else 0.0)",
        "drawing",
    ),
    Fault(
        "a label's backslash is read by Graphviz",
        LOOK,
        'markup = html.escape(printable(text)).replace("\\\\", r"\\\\")',
        "markup = html.escape(printable(text))",
        "drawing",
    ),
    Fault(
        "negative contributions have the colour of positive ones",
        LOOK,
        "return POSITIVE if number > 0.0 else negative",
        "return POSITIVE",
        "drawing",
    ),
    # Lowering
    Fault(
        "a lowered gradient takes the first report for all of them",
        DIFFERENTIATE,
        "        if len(reports) > 1:\n",
        "        if not reports:\n",
        "lowering",
    ),
    Fault(
        "a constant sum forgets the sign of its terms",
        SIMPLIFY,
        "constants = [sign * numbers[x] for sign, x in terms",
        "constants = [numbers[x] for sign, x in terms",
        "lowering",
    ),
    Fault(
        "a lowered square is a cube",
        SIMPLIFY,
        "return self.product(x, x)\n            if exponent == 3.0:",
        "return self.product(self.product(x, x), x)\n            if exponent == 3.0:",
        "lowering",
    ),
    # The checker
    Fault(
        "what differences cannot judge is called wrong",
        "autograd/checking/differences.py",
        'if found.verdict != "wrong":',
        "if found.verdict:",
        "check",
    ),
    Fault(
        "a jump between neighbouring floats is taken for a wrong slope",
        "autograd/checking/differences.py",
        "if contradictions == 0 and (name := claim.restless()):",
        "if contradictions < 0 and (name := claim.restless()):",
        "check",
    ),
    Fault(
        "a logsumexp loses what is small beside 1",
        IEEE,
        "return shift + math.log1p(_rest(xs, shift))",
        "return shift + math.log(1.0 + _rest(xs, shift))",
        "functions",
    ),
    Fault(
        "the slopes of a logsumexp miss 1 by the rounding of its value",
        OPS,
        'Partial("exp(x - z)", "exp(x - z) / t")',
        'Partial("exp(x - z)", "exp(x - z) + 0 * t")',
        "functions",
    ),
    Fault(
        "the checker forgives a hundred times as much",
        "autograd/checking/check.py",
        "relative_tolerance: float = 1e-5,",
        "relative_tolerance: float = 1e-3,",
        "check oracle ops",
    ),
    # Branches and threads
    Fault(
        "a comparison of a Value that varies goes unnoticed",
        "autograd/core/value.py",
        'decided("compares a Value", self, other)',
        'decided("compares a Value", other)',
        "branching calculus",
    ),
    Fault(
        "the data of a Value may be read unnoticed",
        "autograd/core/value.py",
        'taken("reads the data of a Value", self)',
        "pass",
        "branching calculus",
    ),
    Fault(
        "constants are taken for inputs",
        "autograd/core/decisions.py",
        "        return False\n\n\ndef decided",
        "        return True\n\n\ndef decided",
        "branching",
    ),
    Fault(
        "a comparison in another thread counts",
        "autograd/core/decisions.py",
        "for watch in Watch.here():",
        "for watch in list(Watch.open):",
        "branching",
    ),
    Fault(
        "gradients of instances are not compared",
        "nn/risk.py",
        "if not np.allclose(gradient / scale, expected / scale, 0.0, BATCH_AGREEMENT):",
        "if False:",
        "branching array_training",
    ),
    Fault(
        "the parameters stay where a run was found wrong",
        "nn/training.py",
        "        np.copyto(self.complete, parameters)\n        np.copyto(self.good, parameters)\n",
        "        np.copyto(self.good, parameters)\n",
        "branching",
    ),
    Fault(
        "the end of a run is not looked at",
        "nn/objective.py",
        "count = max(affordable, policy.AT_THE_END) if last",
        "count = 0 if last",
        "branching",
    ),
    Fault(
        "a descent found wrong is returned",
        "autograd/lowering/automatic.py",
        "if believed and agreed:",
        "if False:",
        "minimize",
    ),
    Fault(
        "threads compute in one another's arrays",
        "autograd/lowering/program.py",
        "            averages = runner.run()\n            return runner.rows()",
        "            averages = runner.run()\n        with self._computation.lock:\n            "
        "return runner.rows()",
        "program_threads",
    ),
    Fault(
        "what a bound program has observed is overwritten by another",
        "autograd/lowering/program.py",
        "found: Array = self._own.rows.T",
        "found: Array = self._runner.rows().T",
        "program_threads",
    ),
    # Calculus
    Fault(
        "what a function closes over is cut off, in calculus",
        "autograd/core/calls.py",
        "return [leaf for leaf in leaves if leaf not in own]",
        "return [leaf for leaf in leaves if False]",
        "nested_derivatives",
    ),
    Fault(
        "leaves made within count as closed over, in calculus",
        "autograd/core/calls.py",
        "own = {*self.variables, *self.made}",
        "own = {*self.variables}",
        "nested_derivatives",
    ),
    Fault(
        "the variable is the Value of the point itself, in calculus",
        "autograd/core/scalar_function.py",
        "    node = x - 0.0  # which",
        "    node = x  # which",
        "nested_derivatives",
    ),
    Fault(
        "a point of Values loses a -0.0, in calculus",
        "autograd/core/scalar_function.py",
        "    node = x - 0.0  # which",
        "    node = x + 0.0  # which",
        "nested_derivatives",
    ),
    Fault(
        "variables further out are constants, in calculus",
        "autograd/core/calls.py",
        "variable for call in Call.here() for",
        "variable for call in Call.here()[:0] for",
        "nested_derivatives",
    ),
    Fault(
        "second derivatives have units, in calculus",
        "autograd/calculus/critical.py",
        "units: Array = numpy.sqrt(numpy.diag(beside))",
        "units: Array = numpy.ones(len(beside))",
        "calculus minimize",
    ),
    Fault(
        "Newton's method calls a saddle its end, in calculus",
        "autograd/calculus/descent.py",
        "_lowest(plain, run, lowest) < -DOWN",
        "_lowest(plain, run, lowest) < -math.inf",
        "minimize",
    ),
    Fault(
        "Newton's last steps are taken without a look at the gradient, in calculus",
        "autograd/calculus/descent.py",
        "if no_worse and model.step(there.slopes)[1] <= 0.01 * promise:",
        "if no_worse:",
        "minimize",
    ),
    Fault(
        "a leap counts that rounding hides, in calculus",
        "autograd/calculus/descent.py",
        "max(self._options.eps1, 4.0 * EPSILON * abs(before))",
        "self._options.eps1",
        "minimize",
    ),
    # By hand, and at the command line
    Fault(
        "nan passes for a derivative made by hand",
        "autograd/stepping/by_hand.py",
        "    if number != number:",
        "    if False:",
        "by_hand",
    ),
    Fault(
        "of two derivatives by one node, made by hand, the last counts",
        "autograd/stepping/by_hand.py",
        "        if node in answers:",
        "        if False:",
        "by_hand",
    ),
    Fault(
        "a label is taken for another node's variable, in what is made by hand",
        "autograd/stepping/by_hand.py",
        "if held is not node and held in recording.place:",
        "if False:",
        "by_hand",
    ),
    Fault(
        "minimize moves what is to be held",
        "autograd/shell/commands.py",
        "    by = _by(chosen, computed.inputs)",
        "    by = list(computed.inputs)",
        "command_line",
    ),
    Fault(
        "minimize drops a criterion of 0",
        "autograd/shell/commands.py",
        "if value is not None and value is not False",
        "if value",
        "command_line",
    ),
    Fault(
        "a descent that did not converge ends with 0",
        "autograd/shell/minimizing.py",
        "    return found.converged",
        "    return True",
        "command_line",
    ),
    Fault(
        "a path that was written is pickled with what a notebook shows",
        "autograd/files.py",
        "        return Path, (str(self),)",
        "        return WrittenPath, (str(self),)",
        "notebook",
    ),
    Fault(
        "what is said of an epoch has a line and no more",
        "nn/progress.py",
        "yield Text(fitted(task.description, self.console.width - 1, hang=0))",
        "yield Text(task.description, no_wrap=True, overflow='crop')",
        "training",
    ),
    # The page of a model and its data
    Fault(
        "a page of a model keeps the last way only of a number that is used twice",
        "autograd/page/columns.js",
        "grads[to + t] += grads[z + t] * partial;",
        "grads[to + t] = grads[z + t] * partial;",
        "page_training",
    ),
    Fault(
        "a page of a model swaps the colours of two classes",
        "autograd/page/training.js",
        "return [-margin, margin];",
        "return [margin, -margin];",
        "page_training",
    ),
    Fault(
        "a page of a model descends twice as far",
        "autograd/page/training.js",
        "graph.data[leaf] - eta * gradient[k]",
        "graph.data[leaf] - 2 * eta * gradient[k]",
        "page_training",
    ),
    Fault(
        "a page of a model tells of gradients from an earlier pass",
        "autograd/page/points.py",
        ', "held": {}}',
        "}",
        "playground",
    ),
    # What is tried on a page
    Fault(
        "a step of a descent goes half as far as it should",
        "autograd/page/descent.js",
        "graph.data[i] - eta * graph.grads[i]]));",
        "graph.data[i] - eta / 2 * graph.grads[i]]));",
        "page_descent",
    ),
    Fault(
        "a step of a descent promises too much",
        "autograd/page/descent.js",
        "promised: -eta * norm * norm",
        "promised: -eta * norm",
        "page_descent",
    ),
    Fault(
        "a descent does not run away",
        "autograd/page/descent.js",
        "if (!this.step() || this._vanished()) return false;",
        "this.step();",
        "page_descent",
    ),
    Fault(
        "a bend is called a kink on the page",
        "autograd/page/nudge.js",
        "drift, steepest, leap, kinked: 1 };",
        "drift: 0, steepest, leap, kinked: 1 };",
        "page_descent",
    ),
    Fault(
        "level curves lie a cell beside their place",
        "autograd/page/map.js",
        "(count - 1)));",
        "count));",
        "page_descent",
    ),
]


def main(words: list[str]) -> int:
    chosen = [f for f in FAULTS if not words or any(w in f"{f.file} {f.what}" for w in words)]
    check_texts(FAULTS)
    with tempfile.TemporaryDirectory() as folder:
        copy = copied_tree(Path(folder))
        survivors = [fault for fault in chosen if not noticed(copy, fault)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} planted faults turn the suite red")
    return 1 if survivors else 0


def check_texts(faults: list[Fault]) -> None:
    for fault in faults:
        count = (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old)
        if count != 1:
            sys.exit(f"{fault.file} has {count} times, not once, the text of: {fault.what}")


def copied_tree(folder: Path) -> Path:
    """The source and its tests, without what git ignores."""
    copy = folder / "copy"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "out"),
    )
    # A failure is enough; hypothesis need not look for the smallest.
    with open(copy / "tests" / "conftest.py", "a", encoding="utf-8") as file:
        file.write(
            "\n\nfrom hypothesis import Phase, settings\n"
            "settings.register_profile('quick', phases=[Phase.explicit, Phase.generate])\n"
            "settings.load_profile('quick')\n"
        )
    return copy


@contextmanager
def planted(copy: Path, fault: Fault) -> Iterator[None]:
    path = copy / fault.file
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace(fault.old, fault.new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(right, encoding="utf-8")


def noticed(copy: Path, fault: Fault) -> bool:
    """Whether a test fails with the fault, and not without it."""
    begun = time.monotonic()
    with planted(copy, fault):
        status, output = run_tests(copy, *(f"tests/test_{name}.py" for name in fault.tests.split()))
    failed = [line for line in output.splitlines() if line.startswith("FAILED ")]
    if status != 1 or not failed:  # an error on the way to the tests is no test that fails
        verdict, by = "SURVIVED", f"pytest ended with {status}"
    else:
        by = failed[0].removeprefix("FAILED ").split(" - ")[0]
        verdict = "SURVIVED" if run_tests(copy, by)[0] else "red"
    print(f"{verdict:8} {time.monotonic() - begun:5.1f} s  {fault.what}: {by}", flush=True)
    return verdict == "red"


def run_tests(copy: Path, *tests: str) -> tuple[int, str]:
    done = subprocess.run(
        [
            *(sys.executable, "-B", "-m", "pytest", "-n", "0", "-x", "--tb=no", "-rf"),
            *tests,
        ],
        cwd=copy,
        env=os.environ
        # The slips are in Python: the compiled core would go on without them.
        | {"PYTHONPATH": str(copy), "MPLBACKEND": "Agg", "STEPGRAD_CORE": "python"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
