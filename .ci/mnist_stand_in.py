"""Write 700 digits that fetch_openml takes for MNIST, for machines without network.

`python .ci/mnist_stand_in.py FOLDER` fills FOLDER, which is then the value of
SCIKIT_LEARN_DATA. The images are scikit-learn's 8x8 digits, enlarged to 28x28.
"""

import gzip
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

N_ROWS = 700  # six sevenths of them train, as in MNIST
root = Path(sys.argv[1]) / "openml" / "openml.org"


def write(place, text):
    """Write a text, compressed, where fetch_openml keeps the answer of an address."""
    path = root / f"{place}.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()))


images, labels = load_digits(return_X_y=True)
enlarged = np.kron(images[:N_ROWS].reshape(-1, 8, 8), np.ones((3, 3)))
pixels = np.pad(enlarged * 255 // 16, ((0, 0), (2, 2), (2, 2))).reshape(N_ROWS, -1)
names = [f"pixel{i}" for i in range(1, 785)]
lines = ["@RELATION mnist_784"]
lines += [f"@ATTRIBUTE {name} real" for name in names]
lines += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
lines += [
    ",".join(map(str, [*row, label]))
    for row, label in zip(pixels.astype(int), labels, strict=False)
]
arff = "\n".join(lines) + "\n"
address = "data/v1/download/52667/mnist_784.arff"
known = {
    "name": "mnist_784",
    "version": "1",
    "format": "ARFF",
    "status": "active",
    "file_id": "52667",
    "md5_checksum": hashlib.md5(arff.encode()).hexdigest(),
}
feature = {
    "data_type": "numeric",
    "is_target": "false",
    "is_ignore": "false",
    "is_row_identifier": "false",
    "number_of_missing_values": "0",
}
label = {"name": "class", "data_type": "nominal", "is_target": "true"}
features = [feature | {"name": name} for name in names] + [feature | label]
features = [f | {"index": str(i)} for i, f in enumerate(features)]
quality = [{"name": "NumberOfInstances", "value": str(N_ROWS)}]
about = {
    "id": "554",
    "description": "A stand-in for MNIST.",
    "licence": "BSD-3-Clause",
    "url": f"https://www.openml.org/{address}",
    "default_target_attribute": "class",
}
json_of = "api/v1/json/data"
answers = {
    f"{json_of}/list/data_name/mnist_784/limit/2/data_version/1": {
        "data": {"dataset": [{"did": 554} | known]}
    },
    f"{json_of}/554": {"data_set_description": known | about},
    f"{json_of}/features/554": {"data_features": {"feature": features}},
    f"{json_of}/qualities/554": {"data_qualities": {"quality": quality}},
}
for place, answer in answers.items():
    write(place, json.dumps(answer))
write(address, arff)
