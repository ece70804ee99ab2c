#pragma once

/// Everything that a pipeline needs: submit events to GraceDB over Kafka and HTTP, and read them.
#include "gracedb/auth/token.hpp"
#include "gracedb/errors.hpp"
#include "gracedb/interruption.hpp"
#include "gracedb/kafka/connection.hpp"
#include "gracedb/kafka/consumer.hpp"
#include "gracedb/kafka/message.hpp"
#include "gracedb/kafka/producer.hpp"
#include "gracedb/kafka/topics.hpp"
#include "gracedb/kafka/upload_message.hpp"
#include "gracedb/logging.hpp"
#include "gracedb/rest/gracedb.hpp"
#include "gracedb/rest/response.hpp"
#include "gracedb/version.hpp"
