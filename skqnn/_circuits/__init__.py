"""The model on paper: gates, ansaetze, observables, shift rules, state preparation."""
