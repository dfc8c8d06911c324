"""Derivatives of Python functions, critical points, and the lecture's iterations to find them."""
