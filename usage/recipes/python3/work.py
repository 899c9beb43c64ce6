"""Files, processes, threads, time, sockets and JSON, each with a result that is checked."""

import hashlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "numbers.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(list(range(1000)), out)
    with open(path, encoding="utf-8") as back:
        assert sum(json.load(back)) == 499500
    assert os.listdir(folder) == ["numbers.json"]

said = subprocess.run(["/bin/echo", "child"], stdout=subprocess.PIPE, check=True)
assert said.stdout == b"child\n"

seen = []
threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert sorted(seen) == [0, 1, 2, 3]

here, there = socket.socketpair()
with here, there:
    here.sendall(b"over a socket")
    assert there.recv(100) == b"over a socket"

before = time.monotonic()
time.sleep(0.01)
assert time.monotonic() - before >= 0.01

print(hashlib.sha256(b"done").hexdigest())
