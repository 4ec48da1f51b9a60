"""From expectation values to trained parameters: losses, optimizers, solvers."""
