"""Run a program and print its usage as measured by the operating system: CPU seconds, seconds, peak memory in bytes.

usage: measure.py LIMIT PROGRAM [ARGUMENT ...]     LIMIT: CPU seconds after which the program is stopped
"""
import json
import os
import resource
import signal
import sys
import time

limit, command = int(sys.argv[1]), sys.argv[2:]
# The program inherits the limit. It is in CPU seconds, so that load by other programs does not count.
resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
began = time.perf_counter()
child = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - began
if status != 0:
    code = os.waitstatus_to_exitcode(status)
    sys.exit(f"{command[0]} " + (f"took more than {limit} CPU seconds" if code == -signal.SIGXCPU else f"ended with status {code}"))
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "peak": usage.ru_maxrss * unit}))
