#include "kafka/group_metadata.hpp"

#include "gracedb/errors.hpp"

#include <cstddef>

namespace gracedb::kafka {

std::string write_group_metadata(rd_kafka_t* consumer) {
  const GroupMetadataHandle metadata(rd_kafka_consumer_group_metadata(consumer));
  if (!metadata) return {};
  void* text = nullptr;
  std::size_t size = 0;
  const ErrorHandle fault(rd_kafka_consumer_group_metadata_write(metadata.get(), &text, &size));
  if (fault) return {};
  std::string written(static_cast<const char*>(text), size);
  rd_kafka_mem_free(consumer, text);
  return written;
}

GroupMetadataHandle read_group_metadata(const std::string& text) {
  rd_kafka_consumer_group_metadata_t* metadata = nullptr;
  const ErrorHandle fault(rd_kafka_consumer_group_metadata_read(&metadata, text.data(), text.size()));
  if (fault) throw KafkaProducerError(rd_kafka_error_string(fault.get()));
  return GroupMetadataHandle(metadata);
}

}  // namespace gracedb::kafka
