"""stepgrad's networks: neurons, layers, divergences, and training, on top of ``autograd``."""

from nn import datasets, divergences
from nn.history import History
from nn.layers import MLP, Layer, Multiplicative, Neuron, Sequential, Softmax
from nn.module import Module
from nn.optimizers import SGD, Adam
from nn.persistence import PersistenceError
from nn.risk import EmpiricalRisk, predict
from nn.targets import accuracy, confusion_matrix, one_hot, smooth_labels
from nn.training import ENGINES, fit

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
    "one_hot",
    "predict",
    "smooth_labels",
]
