"""A digit of 64 pixels as 128 amplitudes, one for each string of seven bits."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skqnn import BinaryAmplitudeEncoder

X, _ = load_digits(n_class=2, return_X_y=True)
amplitudes = BinaryAmplitudeEncoder().fit(X).transform(X[:1])[0]
figure, (image, bars) = plt.subplots(
    1, 2, figsize=(7.2, 2.4), width_ratios=(1, 3), layout="constrained"
)
image.imshow(X[0].reshape(8, 8), cmap="gray")
image.set_axis_off()
image.set_title("64 pixels")
places = np.arange(128)
bars.bar(places[:64], amplitudes[:64], width=1, color="C0", label="white channel")
bars.bar(places[64:], amplitudes[64:], width=1, color="C1", label="black channel")
ticks = [0, 32, 64, 96, 127]
bars.set_xticks(ticks, [f"{tick:07b}" for tick in ticks])
bars.set(xlabel="string of seven bits", ylabel="amplitude", xlim=(-1, 128))
bars.set_title("128 amplitudes of 7 qubits; their squares add up to 1")
bars.set_ylim(0, 1.35 * amplitudes.max())
bars.legend(loc="upper right", ncols=2)
