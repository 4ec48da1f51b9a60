"""Estimators as data: archives that hold numbers and names, but no code."""
