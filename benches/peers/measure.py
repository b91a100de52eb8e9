"""Runs a program and prints what the operating system says it took: CPU seconds, seconds, peak bytes."""
import json
import os
import sys
import time

began = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - began
if status != 0:
    sys.exit(f"{sys.argv[1]} ended with status {os.waitstatus_to_exitcode(status)}")
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "peak": usage.ru_maxrss * unit}))
