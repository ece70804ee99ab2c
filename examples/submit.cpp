// Submits an event file through Kafka:  submit <service URL> <bootstrap servers> <file> [<CA certificate>]
#include <gracedb/rest/gracedb.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>

int main(int argc, char** argv) try {
  if (argc < 4)
    throw std::invalid_argument("usage: submit <service URL> <bootstrap servers> <file> [<CA certificate>]");
  gracedb::rest::GraceDb client({.service_url = argv[1]});
  gracedb::kafka::ProducerOptions options{.bootstrap_servers = argv[2]};
  if (argc > 4) options.ca_cert_path = argv[4];
  auto producer = client.create_kafka_producer(options);
  const auto event = client.create_event(
      {.group = "Test", .pipeline = "gstlal", .filename = argv[3], .search = "AllSky", .kafka = &producer});
  std::cout << *event.graceid << '\n';
} catch (const std::exception& error) {
  std::cerr << "submit: " << error.what() << '\n';
  return 1;
}
