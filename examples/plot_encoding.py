"""
How an image becomes a quantum state
====================================

A state of n qubits is a unit vector of ``2**n`` amplitudes, so an image must lose its
length on the way. What that costs, and how a second channel for darkness pays it back.
"""

# %%
# One digit, two channels
# -----------------------
# From left to right: the image; brightness p of each pixel in the white channel;
# darkness 1 - p in the black channel, written for grey pixels only; all 128 amplitudes
# as the register holds them, the channel being the highest qubit; and the image read
# back.

from sklearn.datasets import load_digits

from skqnn import BinaryAmplitudeEncoder
from skqnn.inspection import EncodingDisplay

X, y = load_digits(return_X_y=True)
encoder = BinaryAmplitudeEncoder(pixel_range=(0, 16)).fit(X)
EncodingDisplay.from_estimator(encoder, X[0])

# %%
# Why two channels
# ----------------
# Dim an image to 60 %. Plain amplitude encoding divides by the norm, and the dimmed
# image becomes the *same* state: whatever circuit follows, it cannot tell them apart.
# The fidelity, the squared overlap of the two states, is 1. With darkness written as
# well it is not.

import numpy as np

for black in ("none", "edge", "full"):
    encoder.set_params(black=black).fit(X)
    bright, dim = encoder.transform(X), encoder.transform(0.6 * X)
    fidelity = np.sum(bright * dim, axis=1) ** 2
    print(
        f"black={black!r:7}: {encoder.n_qubits_} qubits, "
        f"mean fidelity of an image and its dimmed copy {fidelity.mean():.3f}"
    )

# %%
# The three choices, seen
# -----------------------
# `black="none"` saves a qubit. `black="edge"`, the default, marks the outlines of a
# stroke. `black="full"` writes the darkness of every pixel; even a black image is then
# a proper state.

for black in ("none", "full"):
    EncodingDisplay.from_estimator(encoder.set_params(black=black).fit(X), X[0])

# %%
# Reading an image back
# ---------------------
# Where a pixel is written in both channels, white plus black is one divided by the
# norm, so the length that was lost can be recovered, exactly. Without a black channel
# the brightest pixel is taken to be white, and a dimmed image comes back too bright.

dimmed = 0.6 * X[:100]
for black in ("none", "edge", "full"):
    encoder.set_params(black=black).fit(X)
    back = encoder.inverse_transform(encoder.transform(dimmed))
    error = np.abs(back - dimmed).max()
    print(f"black={black!r:7}: largest error of a pixel in 0..16: {error:.1e}")

# %%
# Fewer qubits, fewer gates
# -------------------------
# `image_size` shrinks images by averaging over areas; halving both sides saves two
# qubits. Exact preparation of n qubits takes ``2**n - n - 1`` two-qubit gates on a
# device, so that matters. `normalization="pixel"` gives every pixel the same weight
# (FRQI), which needs about half of them.

encoder = BinaryAmplitudeEncoder(pixel_range=(0, 16))
for size in ((8, 8), (4, 4), (2, 2)):
    n = encoder.set_params(image_size=size).fit(X).n_qubits_
    print(f"{size}: {n} qubits, {2**n - n - 1} two-qubit gates")

EncodingDisplay.from_estimator(encoder.set_params(image_size=(4, 4)).fit(X), X[0])

# %%
pixelwise = BinaryAmplitudeEncoder(pixel_range=(0, 16), normalization="pixel").fit(X)
EncodingDisplay.from_estimator(pixelwise, X[0])

# %%
# Low frequencies instead of pixels
# ---------------------------------
# `n_frequencies` writes the first coefficients of a cosine transform, which hold most
# of an image. 16 of 64 are 4 qubits instead of 6, and 11 two-qubit gates instead of 57.
# Amplitudes have signs now: red is positive, blue negative.

waves = BinaryAmplitudeEncoder(black="none", pixel_range=(0, 16), n_frequencies=16)
EncodingDisplay.from_estimator(waves.fit(X), X[0])

# %%
# The more are kept, the nearer is the image that they make. (With all 64 what remains
# is the brightness of images without a white pixel.)

for n in (4, 16, 32, 64):
    waves.set_params(n_frequencies=n).fit(X)
    back = waves.inverse_transform(waves.transform(X))
    error = np.sqrt(np.mean((back - X) ** 2))
    print(f"{n:2d} frequencies, {waves.n_qubits_} qubits: error of a pixel {error:.2f}")

# %%
# Names of amplitudes
# -------------------
# The encoder is an ordinary transformer, so its columns have names. The index of an
# amplitude in binary reads channel, row, column: qubit 0 is the lowest bit of the
# column.

names = encoder.set_params(image_size=None).fit(X).get_feature_names_out()
for index in (0, 1, 8, 64, 127):
    print(f"|{index:07b}>  {names[index]}")

# %%
# Run as a script, this shows the pictures.

import matplotlib.pyplot as plt

plt.show()
