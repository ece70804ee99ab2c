#pragma once

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "gracedb-kafka needs C++20: compile with -std=c++20 or later"
#endif

/// The version of these headers. Before 1.0, a new minor version may change the interface.
#define GRACEDB_KAFKA_VERSION_MAJOR 0
#define GRACEDB_KAFKA_VERSION_MINOR 1
#define GRACEDB_KAFKA_VERSION_PATCH 0
