"""Exact simulation: expectation values and gradients of many rows at once."""
