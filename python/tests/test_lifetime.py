"""Interpreter shutdown and fork()."""

import json
import textwrap

import pytest

clients_in_children = pytest.mark.not_sanitized(
    "a child's threads reuse the stacks of the parent's threads, which the address sanitizer still tracks"
)

MAKE_PRODUCER = """
from gracedb_kafka.kafka import GraceDbKafkaProducer, GraceDbKafkaConsumer, KafkaError
producer = GraceDbKafkaProducer(**connection, topic=os.environ.get("PIPELINE", "test"))
"""

LOSE_A_MESSAGE = """
from gracedb_kafka.kafka import GraceDbKafkaProducer
def lose_a_message():
    producer = GraceDbKafkaProducer(**connection, topic="test")
    producer.produce("a")
    producer.close(timeout=0)
"""


def program(body):
    return MAKE_PRODUCER + textwrap.dedent(body)


def test_pending_messages_are_delivered_at_exit(run_python, broker, pipeline):
    run_python(
        program("""
        for number in range(500):
            producer.produce({"number": number})
        """),
        env={"PIPELINE": pipeline},
    )
    assert len(broker.messages(pipeline)) == 500


def test_callbacks_run_at_exit(run_python, pipeline):
    done = run_python(
        program("""
        producer.produce("a", on_delivery=lambda err, msg: print("delivered", err, msg.offset()))
        """),
        "-X", "dev",
        env={"PIPELINE": pipeline},
    )  # fmt: skip
    assert done.stdout == "delivered None 0\n"
    assert done.stderr == ""


def test_a_program_ends_while_daemon_threads_wait(run_python, pipeline):
    done = run_python(
        program("""
        import sys, threading, time
        consumer = GraceDbKafkaConsumer(**connection, topics=os.environ["PIPELINE"])
        def wait(call):
            try:
                while True:
                    call()
            except KafkaError:
                pass
        def is_in_a_call(thread):
            return "gracedb_kafka/kafka" in sys._current_frames()[thread.ident].f_code.co_filename
        for call in (lambda: consumer.poll(60), lambda: producer.poll(60), lambda: consumer.consume(5, 60)):
            thread = threading.Thread(target=wait, args=(call,), daemon=True)
            thread.start()
            while not is_in_a_call(thread):
                time.sleep(0.001)
        print("end")
        """),
        env={"PIPELINE": pipeline},
    )
    assert done.stdout == "end\n"
    assert done.stderr == ""


def test_a_program_ends_while_daemon_threads_return_from_calls(run_python, dead_broker):
    done = run_python(
        """
import threading
from gracedb_kafka.kafka import GraceDbKafkaProducer, KafkaError
producer = GraceDbKafkaProducer(topic="test", **connection)
called = threading.Barrier(9)
def call():
    called.wait()
    while True:
        try:
            producer.poll(0.001)
        except KafkaError:
            pass
for _ in range(8):
    threading.Thread(target=call, daemon=True).start()
called.wait()
print("end")
""",
        env={"CONNECTION": json.dumps(dead_broker)},
    )
    assert done.stdout == "end\n"


def test_exit_waits_for_the_log_handlers_of_daemon_threads(run_python, dead_broker):
    done = run_python(
        program("""
        import logging, threading, time
        from gracedb_kafka import _core, _log
        handling = threading.Event()
        class Slow(logging.Handler):
            def handle(self, record):  # not emit(), whose lock logging itself waits for
                handling.set()
                time.sleep(0.3)
                os.write(1, b"handled by " + threading.current_thread().name.encode() + b"\\n")
        producer.produce("a")
        _core.close_log()  # ends the thread that could take the line before the caller does
        _log._listener.join()
        logging.getLogger("gracedb_kafka").addHandler(Slow())
        threading.Thread(target=producer.close, args=(0,), name="caller", daemon=True).start()
        print(handling.wait(20), flush=True)
        """),
        env={"CONNECTION": json.dumps(dead_broker)},
    )
    assert {"True", "handled by caller"} <= set(done.stdout.splitlines())


def test_daemon_threads_handle_no_log_lines_after_exit_begins(run_python, dead_broker):
    done = run_python(
        """
import atexit, logging, threading
ended, called = threading.Event(), threading.Event()
@atexit.register
def runs_after_handlers_registered_later():
    ended.set()
    print(called.wait(20))
"""
        + LOSE_A_MESSAGE
        + """
def call():
    ended.wait()
    lose_a_message()
    called.set()
threading.Thread(target=call, daemon=True).start()
lose_a_message()
""",
        env={"CONNECTION": json.dumps(dead_broker)},
    )
    assert done.stdout == "True\n"
    assert done.stderr.count("closed: 1 message was not delivered") == 1


def test_a_program_ends_while_its_token_callable_runs(run_python, broker):
    token = broker.issuer.mint(lifetime=3600)
    done = run_python(
        """
from gracedb_kafka.kafka import GraceDbKafkaProducer
import time
asked = []
def oauth_cb(config):
    asked.append(1)
    return os.environ["TOKEN"], time.time() + 1.2
producer = GraceDbKafkaProducer(**connection, oauth_cb=oauth_cb)
deadline = time.monotonic() + 20
while len(asked) < 3 and time.monotonic() < deadline:
    time.sleep(0.01)
print(len(asked) >= 3)
""",
        "-X", "dev",
        env={"TOKEN": token},
    )  # fmt: skip
    assert done.stdout == "True\n"
    assert done.stderr == ""


def test_clients_can_be_collected_without_close(run_python, broker, pipeline):
    done = run_python(
        program("""
        import gc
        producer.produce("a")
        del producer
        gc.collect()
        consumer = GraceDbKafkaConsumer(**connection, topics=os.environ["PIPELINE"])
        del consumer
        print("collected")
        """),
        "-X", "dev",
        env={"PIPELINE": pipeline},
    )  # fmt: skip
    assert done.stdout == "collected\n"
    assert done.stderr == ""
    assert len(broker.messages(pipeline)) == 1


@clients_in_children
def test_clients_of_the_parent_raise_in_a_forked_child(run_python, pipeline, broker):
    done = run_python(
        program("""
        producer.produce("from the parent")
        consumer = GraceDbKafkaConsumer(**connection, topics=os.environ["PIPELINE"])
        child = os.fork()
        if child == 0:
            for use in (
                lambda: producer.produce("from the child"), producer.flush, producer.poll, producer.ping,
                producer.close, lambda: producer.pending_messages, consumer.poll, consumer.stop,
                consumer.close,
                lambda: next(consumer.stream()),
            ):
                try:
                    use()
                except KafkaError as error:
                    print(type(error).__name__, "fork()" in str(error), flush=True)
            with GraceDbKafkaProducer(**connection, topic=os.environ["PIPELINE"]) as own:
                own.produce("from the child's own")
        else:
            print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            producer.flush()
        """),
        env={"PIPELINE": pipeline},
    )
    assert done.stdout.splitlines() == [
        *["KafkaProducerError True"] * 6,
        *["KafkaConsumerError True"] * 4,
        "child ended with 0",
    ]
    assert {message.value() for message in broker.messages(pipeline)} == {
        b"from the parent",
        b"from the child's own",
    }


def test_a_rest_client_works_in_a_forked_child(run_python, gracedb):
    done = run_python(
        """
from gracedb_kafka.rest import GraceDb
client = GraceDb(os.environ["SERVICE_URL"])
client.ping()
child = os.fork()
print(client.ping().status_code, flush=True)
if child:
    assert os.waitpid(child, 0)[1] == 0
""",
        env={"SERVICE_URL": gracedb.service_url},
    )
    assert done.stdout == "200\n200\n"


@clients_in_children
def test_a_forked_child_logs_its_own_lines(run_python, dead_broker):
    done = run_python(
        LOSE_A_MESSAGE
        + """
lose_a_message()
child = os.fork()
for _ in range(5):
    lose_a_message()
if child:
    print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        env={"CONNECTION": json.dumps(dead_broker)},
    )
    assert done.stdout == "child ended with 0\n"
    assert done.stderr.count("closed: 1 message was not delivered") == 11


def test_fork_waits_for_running_log_handlers(run_python, dead_broker):
    done = run_python(
        program("""
        import logging, threading, time
        lock, handling = threading.Lock(), threading.Event()
        class Slow(logging.Handler):
            def handle(self, record):
                with lock:
                    handling.set()
                    time.sleep(0.3)
        logging.getLogger("gracedb_kafka").addHandler(Slow())
        producer.produce("a")
        threading.Thread(target=producer.close, args=(0,)).start()
        print(handling.wait(20), flush=True)
        child = os.fork()
        if child == 0:
            os._exit(0 if lock.acquire(timeout=1) else 1)
        print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """),
        env={"CONNECTION": json.dumps(dead_broker)},
    )
    assert done.stdout == "True\nchild ended with 0\n"


@clients_in_children
def test_multiprocessing_workers_can_create_producers(run_python, broker, pipeline):
    run_python(
        program("""
        import multiprocessing
        def work(number):
            with GraceDbKafkaProducer(**connection, topic=os.environ["PIPELINE"]) as own:
                own.produce(str(number))
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(work, range(4))
        """),
        env={"PIPELINE": pipeline},
    )
    assert len(broker.messages(pipeline)) == 4
