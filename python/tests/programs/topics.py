"""Topic namespacing."""

from ligo.gracedb.kafka import derive_instance_name, make_topic_name, parse_topic_name

assert derive_instance_name("https://gracedb-dev.ligo.org/api/") == "gracedb-dev"
assert derive_instance_name("https://gracedb.ligo.org/api/") == "gracedb"
assert derive_instance_name("https://localhost:8080/api/") == "localhost"
assert make_topic_name("gracedb-dev", "gstlal") == "gracedb-dev.gstlal"
assert parse_topic_name("gracedb-dev.gstlal") == ("gracedb-dev", "gstlal")
