"""The same with Python's json and base64, as the reference client builds and reads an upload message."""

import base64
import json
import random
import sys
import time

from ligo.gracedb.kafka.schema import validate_message

contents = random.Random(1).randbytes(2 << 20)


def build() -> bytes:
    message = {
        "type": "upload",
        "gracedb_server": "https://gracedb-test.ligo.org/api/",
        "graceid": "G123456",
        "submitter": "pipeline",
        "pipeline": "gstlal",
        "gracedb_upload": True,
        "skip_supervisor": False,
        "labels": None,
        "eventFile": ["coinc.xml", base64.b64encode(contents).decode()],
        "_producer_timestamp": time.time(),
    }
    validate_message(message)
    return json.dumps(message).encode()


text = build()


def parse() -> bytes:
    message = json.loads(text)
    validate_message(message)
    return base64.b64decode(message["eventFile"][1])


def median(work, times: int) -> float:
    seconds = []
    for _ in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return sorted(seconds)[times // 2]


times = int(sys.argv[1])
print(json.dumps({"build": median(build, times), "parse": median(parse, times)}))
