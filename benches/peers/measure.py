"""Runs a program and prints what the operating system says it took: CPU seconds, seconds, peak bytes.

usage: measure.py LIMIT PROGRAM [ARGUMENT ...]     LIMIT: seconds after which it is stopped
"""
import json
import os
import signal
import sys
import time

limit, command = int(sys.argv[1]), sys.argv[2:]
began = time.perf_counter()
# A group of its own, so that processes which the program starts can be stopped with it.
child = os.posix_spawn(
    command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)], setpgroup=0
)
signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
signal.alarm(limit)
_, status, usage = os.wait4(child, 0)
signal.alarm(0)
wall = time.perf_counter() - began
if status != 0:
    stopped = f"was stopped after {limit} s" if wall >= limit else f"ended with status {os.waitstatus_to_exitcode(status)}"
    sys.exit(f"{command[0]} {stopped}")
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "peak": usage.ru_maxrss * unit}))
