"""Draw the picture of README.md: one encoded digit and a training curve.

``python examples/readme_picture.py`` writes docs/_static/readme.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skqnn import BinaryAmplitudeEncoder, QNNClassifier
from skqnn.inspection import EncodingDisplay, TrainingCurveDisplay

X, y = load_digits(n_class=2, return_X_y=True)
encoder = BinaryAmplitudeEncoder(pixel_range=(0, 16)).fit(X)
model = QNNClassifier(
    learning_rate="one_cycle",
    batch_size=50,
    max_iter=100,
    random_state=0,
).fit(encoder.transform(X), y)

figure = plt.figure(figsize=(10, 6), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=[1, 1])
EncodingDisplay.from_estimator(encoder, X[0]).plot(ax=above.subplots())
TrainingCurveDisplay.from_estimator(model).plot(ax=below.subplots())
path = Path(__file__).parent.parent / "docs" / "_static" / "readme.png"
path.parent.mkdir(exist_ok=True)
figure.savefig(path, dpi=120)
