import html

import pytest
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

from skqnn import BinaryAmplitudeEncoder, QNNClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Maximum iterations")
X, Y = load_digits(n_class=2, return_X_y=True)


@pytest.fixture(scope="module")
def model():
    encoder = BinaryAmplitudeEncoder(image_size=(2, 4))
    return make_pipeline(
        encoder, QNNClassifier(reps=1, max_iter=1, random_state=0)
    ).fit(X, Y)


def test_fitted_classifier_shows_size_and_circuit(model):
    for estimator in (model, model[-1]):
        text = html.unescape(estimator_html_repr(estimator))
        assert "10 parameters on 4 qubits" in text
        assert "Circuit: 4 qubits, 8 angles, 8 ry, 3 cx" in text
        assert "┤ Ry(θ[3]) ├" in text
        assert "Fitted attributes" in text


def test_unfitted_classifier_shows_neither():
    text = estimator_html_repr(make_pipeline(BinaryAmplitudeEncoder(), QNNClassifier()))
    assert "QNNClassifier" in text
    assert "parameters on" not in text
    assert "Circuit:" not in text


def test_long_circuit_is_counted_and_not_drawn(model):
    classifier = QNNClassifier(max_iter=1, reps=60, random_state=0)
    text = estimator_html_repr(classifier.fit(model[:-1].transform(X), Y))
    assert "too long to be drawn" in text
    assert "Ry(" not in text


def test_repr_stays_short(model):
    assert repr(model[-1]) == "QNNClassifier(max_iter=1, random_state=0, reps=1)"
