"""What people look for in ``autograd`` and ``nn`` who come from PyTorch or HIPS autograd.

The faces of both packages ask here when they have no such name. README's table says more.
"""

from __future__ import annotations

# Code that does here what the name does there.
_HERE = {
    "autograd": {
        "Tensor": "autograd.Value(2.0)",
        "Variable": "autograd.Value(2.0)",
        "backward": "L.backward()",
        "elementwise_grad": "[autograd.derivative(f, x) for x in xs]",
        "enable_grad": "with Values a graph is always recorded, and with their .data none",
        "no_grad": "with Values a graph is always recorded, and with their .data none",
        "numpy": "the functions are autograd's own, such as autograd.exp(v)",
        "primitive": "autograd.Op('cube', 'x ** 3', '3 * x ** 2')",
        "tensor": "autograd.Value(2.0)",
        "value_and_grad": "autograd.value_and_gradient(f, xs)",
    },
    "nn": {
        "BCELoss": "nn.divergences.binary_kl(y, d)",
        "BCEWithLogitsLoss": "nn.divergences.binary_kl_from_logits(z, d)",
        "CrossEntropyLoss": "nn.divergences.cross_entropy_from_logits(z, d)",
        "Embedding": "a list of lists of Values, of which a row is taken",
        "Linear": "nn.Layer(n_inputs, n_outputs, 'linear')",
        "MSELoss": "nn.divergences.l2(y, d), half of the squared distance",
        "Parameter": "autograd.Value(2.0), an attribute of a Module",
        "ReLU": "nn.Layer(n_inputs, n_outputs, 'relu')",
        "Sigmoid": "nn.Layer(n_inputs, n_outputs, 'sigmoid')",
        "Tanh": "nn.Layer(n_inputs, n_outputs, 'tanh')",
        "functional": "the functions are autograd's, such as autograd.relu(v)",
        "optim": "nn.fit(model, X, D, optimizer=nn.Adam(0.01))",
    },
}


def missing(package: str, name: str) -> AttributeError:
    """The error of a package that has no such name, with what to write instead if that is known."""
    here = _HERE[package].get(name)
    hint = f"; here it is: {here}" if here else ""
    return AttributeError(f"module {package!r} has no attribute {name!r}{hint}")
