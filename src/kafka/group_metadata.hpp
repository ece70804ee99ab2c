#pragma once

#include "kafka/librdkafka.hpp"

#include <string>

/// Who a consumer is in its group at one moment, as text.
namespace gracedb::kafka {

/// Empty if it is none.
std::string write_group_metadata(rd_kafka_t* consumer);

/// @throws KafkaProducerError  it is no such text
GroupMetadataHandle read_group_metadata(const std::string& text);

}  // namespace gracedb::kafka
