"""Producer and consumer of GraceDB's Kafka topics."""

from gracedb_kafka.kafka.consumer import GraceDbKafkaConsumer
from gracedb_kafka.kafka.exceptions import (
    KafkaAuthenticationError,
    KafkaConnectionError,
    KafkaConsumerError,
    KafkaError,
    KafkaMessageDeliveryError,
    KafkaProducerError,
    KafkaTokenError,
    KafkaTopicError,
)
from gracedb_kafka.kafka.producer import GraceDbKafkaProducer
from gracedb_kafka.kafka.utils import derive_instance_name, make_topic_name, parse_topic_name

__all__ = [
    "GraceDbKafkaConsumer",
    "GraceDbKafkaProducer",
    "KafkaAuthenticationError",
    "KafkaConnectionError",
    "KafkaConsumerError",
    "KafkaError",
    "KafkaMessageDeliveryError",
    "KafkaProducerError",
    "KafkaTokenError",
    "KafkaTopicError",
    "derive_instance_name",
    "make_topic_name",
    "parse_topic_name",
]
