"""Formulas and names of nodes, as people read them."""
