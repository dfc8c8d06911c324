"""stepgrad's networks: neurons, layers, divergences, and training, on top of ``autograd``."""

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
