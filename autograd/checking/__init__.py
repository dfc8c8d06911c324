"""Gradients held against finite differences, and the first number that is not finite found."""
