from skqnn._archive.versions import upgrade


def document(name, attributes):
    parameters = {"loss": "squared_error", "state_preparation": "auto"}
    return {"class": name, "parameters": parameters, "attributes": attributes}


def test_model_of_an_earlier_version_stays_what_it_was():
    found = upgrade(document("QNNClassifier", {"n_qubits_": 2}))
    assert found["parameters"] == {"loss": "squared_error", "intercept_scaling": None}
    assert found["attributes"] == {
        "n_qubits_": 2,
        "intercept_scaling_": 0.0,
        "_loss": "squared_error",
    }


def test_what_a_file_says_counts():
    given = document("QNNClassifier", {"intercept_scaling_": 2.0, "_loss": "log_loss"})
    given["parameters"]["intercept_scaling"] = "auto"
    found = upgrade(given)
    assert found["parameters"]["intercept_scaling"] == "auto"
    assert found["attributes"] == {"intercept_scaling_": 2.0, "_loss": "log_loss"}


def test_unfitted_model_stays_unfitted():
    assert upgrade(document("QNNClassifier", {}))["attributes"] == {}


def test_other_classes_are_left_alone():
    given = document("BinaryAmplitudeEncoder", {"n_qubits_": 2})
    assert upgrade(given) == given
