#!/usr/bin/env bash
# Once the main thread has set OpenBLAS's number of threads, others set it in vain.
#
# Versions:  NumPy 2.4.6 (OpenBLAS 0.3.31, pthreads), threadpoolctl 3.8.0.
# Expected:  threadpoolctl's limits are documented as process-wide, so that a limit which
#            a worker thread sets counts for it, and one that it takes back is gone.
# Seen:      before the main thread has ever set the number, a worker can. After that,
#            openblas_set_num_threads called in another thread changes nothing, and says
#            nothing: a limit in a worker has no effect, and a limit that the main thread
#            set and a worker takes back stays for the rest of the process.
# Source:    https://github.com/joblib/threadpoolctl (README, "threadpool_limits"), and
#            openblas_set_num_threads of the library that NumPy's wheel holds.
# In skqnn:  a limit is taken back by the thread that set it (skqnn/_threads.py).
source "$(dirname "$0")/_run.sh"
packages numpy==2.4.6 threadpoolctl==3.8.0
python_says <<'PYTHON'
import os
import sys
import threading

if os.cpu_count() < 2:
    sys.exit("needs two processor cores")
import numpy
from threadpoolctl import ThreadpoolController

blas = ThreadpoolController().select(user_api="blas").lib_controllers[0]


def set_in_a_thread(number):
    """Return the number of threads that a worker sees after it has set it."""
    seen = []

    def work():
        blas.set_num_threads(number)
        seen.append(blas.get_num_threads())

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    return seen[0]


print("NumPy", numpy.__version__, blas.internal_api, blas.version, blas.threading_layer)
first = set_in_a_thread(1)
blas.set_num_threads(2)
second = set_in_a_thread(1)
print("set to 1 in a worker, before the main thread did anything:", first)
print("set to 2 in the main thread, then to 1 in a worker:        ", second)
sys.exit((first, second) != (1, 2))
PYTHON
