"""How long a second prediction of one row takes on a fake device.

A fitted model keeps what it transpiled for a backend and the simulator of its noise.
Prints CPU seconds of the first and of the second call, the median of five.

Run: python benchmarks/second_prediction.py
"""

import time

import numpy as np
from sklearn.datasets import load_digits

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

N_CALLS = 5


def main():
    images, labels = load_digits(n_class=2, return_X_y=True)
    rows = BinaryAmplitudeEncoder().fit_transform(images)
    model = QNNClassifier(learning_rate="one_cycle", max_iter=50, random_state=0)
    model.fit(rows[:260], labels[:260])
    model.set_params(backend="fake_torino", shots=1024)
    seconds = []
    for _ in range(1 + N_CALLS):
        start = time.process_time()
        model.predict(rows[260:261])
        seconds.append(time.process_time() - start)
    print(f"first call {seconds[0]:8.3f} s, later {np.median(seconds[1:]):8.4f} s")


if __name__ == "__main__":
    main()
