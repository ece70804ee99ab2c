"""Error handling: the tree, and what is raised where."""

from ligo.gracedb.kafka import (
    GraceDbKafkaProducer,
    KafkaAuthenticationError,
    KafkaConnectionError,
    KafkaConsumerError,
    KafkaError,
    KafkaMessageDeliveryError,
    KafkaProducerError,
    KafkaTokenError,
)
from ligo.gracedb.kafka.auth import SciTokenRefreshManager, create_oauth_callback, get_scitoken_for_kafka

assert issubclass(KafkaTokenError, KafkaAuthenticationError) and issubclass(KafkaAuthenticationError, KafkaError)
assert issubclass(KafkaMessageDeliveryError, KafkaProducerError) and issubclass(KafkaProducerError, KafkaError)
assert issubclass(KafkaConsumerError, KafkaError) and issubclass(KafkaConnectionError, KafkaError)

token = get_scitoken_for_kafka("localhost:9092", scope="kafka.produce", audience=None)
assert create_oauth_callback("localhost:9092", scope="kafka.produce", audience=None)("")[0] == token
manager = SciTokenRefreshManager("localhost:9092", scope="kafka.produce", audience=None, refresh_buffer=300)
assert manager.get_token() == token
assert manager.create_callback()("")[0] == token

try:
    GraceDbKafkaProducer(bootstrap_servers="localhost:9092")
except ValueError as error:
    assert "instance_name" in str(error)
else:
    raise AssertionError("neither instance_name nor service_url, and no ValueError")
