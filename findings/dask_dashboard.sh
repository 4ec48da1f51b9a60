#!/usr/bin/env bash
# A Dask cluster that was told to have no dashboard takes the dashboard's port.
#
# Versions:  distributed 2026.8.0.
# Expected:  `LocalCluster(dashboard_address=None)` listens on no port for a dashboard: by
#            its docstring None disables it.
# Seen:      it listens on 8787, the default port. A second cluster of the same process or
#            machine warns that the port is taken ("Perhaps you already have a cluster
#            running?"), which fails programs that make errors of warnings. An address
#            with port 0 takes a free one, without a warning.
# Source:    https://distributed.dask.org/en/stable/api.html#distributed.LocalCluster
# In skqnn:  tests and the page on scaling give port 0.
source "$(dirname "$0")/_run.sh"
packages distributed==2026.8.0
cat > "$work/program.py" <<'PYTHON'
import sys

import distributed


def port(address):
    with distributed.LocalCluster(n_workers=0, dashboard_address=address) as cluster:
        sockets = cluster.scheduler.http_server._sockets.values()
        return [s.getsockname()[1] for s in sockets]


if __name__ == "__main__":
    none, free = port(None), port("127.0.0.1:0")
    print("distributed", distributed.__version__, "None:", none, "port 0:", free)
    sys.exit(not none or free == none)
PYTHON
"$work/venv/bin/python" -W ignore "$work/program.py"
