"""stepgrad's networks: neurons, layers, divergences, and training, on top of ``autograd``."""

import importlib
import typing

from autograd import installed

installed.check_face()

from . import datasets, divergences
from .history import History
from .layers import MLP, Layer, Multiplicative, Neuron, Sequential, Softmax
from .module import Module
from .optimizers import SGD, Adam
from .persistence import PersistenceError
from .playground import live
from .prediction import predict
from .risk import EmpiricalRisk
from .targets import accuracy, confusion_matrix, one_hot, smooth_labels
from .training import ENGINES, fit

__all__ = [
    "ENGINES",
    "MLP",
    "SGD",
    "Adam",
    "EmpiricalRisk",
    "History",
    "Layer",
    "Module",
    "Multiplicative",
    "Neuron",
    "PersistenceError",
    "Sequential",
    "Softmax",
    "accuracy",
    "confusion_matrix",
    "datasets",
    "divergences",
    "fit",
    "live",
    "one_hot",
    "predict",
    "smooth_labels",
]


def __getattr__(name: str) -> typing.Any:
    """``nn.plots``, which loads matplotlib when a figure is asked for."""
    if name != "plots":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(".plots", __name__)
