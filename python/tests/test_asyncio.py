"""Producers and consumers in an event loop."""

import asyncio
import time

import pytest

from gracedb_kafka.kafka import GraceDbKafkaProducer, KafkaMessageDeliveryError


def test_produce_async_returns_the_delivered_message(producer, broker, pipeline):
    async def send():
        return await producer.produce_async({"a": 1}, key="k")

    message = asyncio.run(send())
    assert (message.topic(), message.offset(), message.key()) == (f"localhost.{pipeline}", 0, b"k")
    assert len(broker.messages(pipeline)) == 1


def test_many_deliveries_can_be_awaited_at_once(producer, broker, pipeline):
    async def send():
        return await asyncio.gather(*(producer.produce_async(str(number)) for number in range(500)))

    messages = asyncio.run(send())
    assert sorted(message.offset() for message in messages) == list(range(500))


def test_produce_async_raises_the_delivery_error(dead_broker):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker | {"delivery.timeout.ms": 300})
    with pytest.raises(KafkaMessageDeliveryError):
        asyncio.run(producer.produce_async("lost"))
    producer.close()


def test_the_event_loop_runs_while_a_delivery_is_awaited(dead_broker):
    producer = GraceDbKafkaProducer(topic="test", **dead_broker)

    async def send():
        ticks = 0
        sending = asyncio.create_task(producer.produce_async("late"))
        while ticks < 20:
            await asyncio.sleep(0.01)
            ticks += 1
        assert not sending.done()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    start = time.monotonic()
    asyncio.run(send())
    assert time.monotonic() - start < 5
    producer.close(timeout=0)


def test_produce_async_rejects_a_value_of_a_wrong_type(producer):
    with pytest.raises(TypeError):
        asyncio.run(producer.produce_async(5))


def test_a_producer_works_in_successive_event_loops(producer):
    offsets = [asyncio.run(producer.produce_async("a")).offset() for _ in range(3)]
    assert offsets == [0, 1, 2]


def test_async_for_iterates_over_messages_until_stop(producer, consumer):
    async def talk():
        for number in range(200):
            await producer.produce_async(str(number))
        seen = []
        async for message in consumer:
            seen.append(message["value"])
            if len(seen) == 200:
                consumer.stop()
        return seen

    assert asyncio.run(talk()) == list(range(200))


def test_the_event_loop_runs_while_a_message_is_awaited(consumer):
    async def wait():
        waiting = asyncio.create_task(anext(aiter(consumer)))
        for _ in range(30):
            await asyncio.sleep(0.01)
        assert not waiting.done()
        consumer.stop()
        with pytest.raises(StopAsyncIteration):
            await waiting

    asyncio.run(wait())


def test_a_cancelled_wait_loses_no_message(producer, consumer):
    async def give_up(seconds):
        try:
            return [(await asyncio.wait_for(anext(consumer), seconds))["value"]]
        except TimeoutError:
            return []

    async def talk():
        seen = []
        for number in range(20):
            producer.produce(str(number))
            seen += await give_up(number / 2000)
            producer.flush()
            seen += await give_up(number / 2000)
        while len(seen) < 20:
            seen.append((await anext(consumer))["value"])
        return seen

    assert asyncio.run(give_up(0.05)) == []
    assert asyncio.run(talk()) == list(range(20))
