"""stepgrad's networks: neurons, layers, divergences, and training, on top of ``autograd``."""

import importlib
import typing

from autograd import habits, installed

installed.check_face()

from . import datasets, divergences
from .exchange import from_torch, to_torch
from .history import History
from .layers import MLP, Layer, Multiplicative, Neuron, Sequential, Softmax
from .module import Module
from .optimizers import SGD, Adam, AdamW
from .persistence import PersistenceError, read_about
from .playground import live
from .prediction import predict
from .preparation import Standardizer, standardize, train_test_split
from .risk import EmpiricalRisk
from .targets import accuracy, class_numbers, confusion_matrix, one_hot, smooth_labels
from .training import ENGINES, fit

__all__ = [
    "ENGINES",
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "EmpiricalRisk",
    "History",
    "Layer",
    "Module",
    "Multiplicative",
    "Neuron",
    "PersistenceError",
    "Sequential",
    "Softmax",
    "Standardizer",
    "accuracy",
    "class_numbers",
    "confusion_matrix",
    "datasets",
    "divergences",
    "fit",
    "from_torch",
    "live",
    "one_hot",
    "predict",
    "read_about",
    "smooth_labels",
    "standardize",
    "to_torch",
    "train_test_split",
]


def __getattr__(name: str) -> typing.Any:
    """``nn.plots``, which loads matplotlib when a figure is asked for."""
    if name != "plots":
        raise habits.missing(__name__, name)
    return importlib.import_module(".plots", __name__)


def __dir__() -> list[str]:
    """The public names, ``plots`` too, and those that every module has."""
    return sorted([*__all__, "plots", *[name for name in globals() if name.startswith("__")]])
