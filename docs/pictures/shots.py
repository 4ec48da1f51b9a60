"""The mean of many shots scatters around the expectation value."""

import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(0)
exact = np.cos(1.0)
numbers = (100, 1000, 10_000)
figure, axis = plt.subplots(figsize=(6.4, 2.2), layout="constrained")
for row, shots in enumerate(numbers):
    ones = rng.binomial(shots, (1 - exact) / 2, size=60)
    height = row + rng.uniform(-0.25, 0.25, size=60)
    axis.plot(1 - 2 * ones / shots, height, ".", color=f"C{row}", alpha=0.7)
axis.axvline(exact, color="0.2", linestyle="--", linewidth=1)
axis.set_yticks(range(3), [f"{shots:,} shots" for shots in numbers])
axis.set(xlabel="mean of the answers; dashed: the expectation value", ylim=(2.5, -0.5))
