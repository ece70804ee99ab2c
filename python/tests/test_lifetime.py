"""The end of an interpreter, and what fork() leaves."""

import textwrap

import pytest

clients_in_children = pytest.mark.not_sanitized(
    "a child's threads get the stacks of the parent's, which the address sanitizer still takes for theirs"
)

MAKE_PRODUCER = """
from gracedb_kafka.kafka import GraceDbKafkaProducer, GraceDbKafkaConsumer, KafkaError
producer = GraceDbKafkaProducer(**connection, topic=os.environ.get("PIPELINE", "test"))
"""


def program(body):
    return MAKE_PRODUCER + textwrap.dedent(body)


def test_messages_on_their_way_are_delivered_at_the_end_of_the_program(run_python, broker, pipeline):
    run_python(
        program("""
        for number in range(500):
            producer.produce({"number": number})
        """),
        env={"PIPELINE": pipeline},
    )
    assert len(broker.messages(pipeline)) == 500


def test_callbacks_run_at_the_end_of_the_program(run_python, pipeline):
    done = run_python(
        program("""
        producer.produce("a", on_delivery=lambda err, msg: print("delivered", err, msg.offset()))
        """),
        "-X", "dev",
        env={"PIPELINE": pipeline},
    )  # fmt: skip
    assert done.stdout == "delivered None 0\n"
    assert done.stderr == ""


def test_a_program_ends_while_threads_wait(run_python, pipeline):
    done = run_python(
        program("""
        import threading, time
        consumer = GraceDbKafkaConsumer(**connection, topics=os.environ["PIPELINE"])
        def wait(call):
            try:
                while True:
                    call()
            except KafkaError:
                pass
        for call in (lambda: consumer.poll(60), lambda: producer.poll(60), lambda: consumer.consume(5, 60)):
            threading.Thread(target=wait, args=(call,), daemon=True).start()
        time.sleep(0.3)
        print("end")
        """),
        "-X", "dev",
        env={"PIPELINE": pipeline},
    )  # fmt: skip
    assert done.stdout == "end\n"
    assert done.stderr == ""


def test_a_program_ends_while_its_token_callable_is_asked_over_and_over(run_python, broker):
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


def test_an_object_may_go_without_being_closed(run_python, broker, pipeline):
    done = run_python(
        program("""
        import gc
        producer.produce("a")
        del producer
        gc.collect()
        consumer = GraceDbKafkaConsumer(**connection, topics=os.environ["PIPELINE"])
        del consumer
        print("gone")
        """),
        "-X", "dev",
        env={"PIPELINE": pipeline},
    )  # fmt: skip
    assert done.stdout == "gone\n"
    assert done.stderr == ""
    assert len(broker.messages(pipeline)) == 1


@clients_in_children
def test_a_producer_says_that_it_does_not_survive_fork(run_python, pipeline, broker):
    done = run_python(
        program("""
        producer.produce("from the parent")
        consumer = GraceDbKafkaConsumer(**connection, topics=os.environ["PIPELINE"])
        child = os.fork()
        if child == 0:
            for use in (
                lambda: producer.produce("from the child"), producer.flush, producer.poll, producer.ping, producer.close,
                lambda: producer.pending_messages, consumer.poll, consumer.stop, consumer.close,
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
    assert {message.value() for message in broker.messages(pipeline)} == {b"from the parent", b"from the child's own"}


def test_a_rest_client_goes_on_in_the_child(run_python, gracedb):
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
def test_multiprocessing_can_use_producers_of_its_own(run_python, broker, pipeline):
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
