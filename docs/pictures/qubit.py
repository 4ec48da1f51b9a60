"""A qubit as a direction in the plane, and the probabilities of its answers."""

import matplotlib.pyplot as plt
import numpy as np

angle = 0.5
figure, (plane, bars) = plt.subplots(
    1, 2, figsize=(6.4, 2.9), width_ratios=(1, 1), layout="constrained"
)
turn = np.linspace(0, 2 * np.pi, 200)
plane.plot(np.cos(turn), np.sin(turn), color="0.8", linewidth=1)
x, y = np.cos(angle), np.sin(angle)
plane.plot([x, x], [0, y], ":", color="C1")
plane.plot([0, x], [y, y], ":", color="C0")
plane.annotate(
    "", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": "0.1"}
)
arc = np.linspace(0, angle, 30)
plane.plot(0.35 * np.cos(arc), 0.35 * np.sin(arc), color="0.4", linewidth=1)
plane.text(0.4, 0.08, "0.5", color="0.4", fontsize="small")
plane.plot([0, x], [0, 0], color="C0", linewidth=3)
plane.plot([0, 0], [0, y], color="C1", linewidth=3)
plane.text(0.35, -0.2, f"{x:.2f}", color="C0")
plane.text(-0.36, 0.18, f"{y:.2f}", color="C1")
plane.set(aspect="equal", xlim=(-1.1, 1.25), ylim=(-1.1, 1.25))
plane.set_xlabel("amplitude of 0")
plane.set_ylabel("amplitude of 1")
plane.set_xticks([-1, 0, 1])
plane.set_yticks([-1, 0, 1])
plane.set_title("a qubit")
bars.bar(["0", "1"], [x**2, y**2], color=["C0", "C1"], width=0.6)
for place, probability in enumerate((x**2, y**2)):
    bars.text(place, probability + 0.02, f"{probability:.2f}", ha="center")
bars.set(ylim=(0, 1), xlabel="answer", ylabel="probability")
bars.set_title("probabilities: the squares")
