#pragma once

#include "core/mutex.hpp"
#include "sandbox/conventions.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

/// SQLite with cached statements and stream operators; included by store.cpp only.
namespace gracedb::sandbox {

/// Binds bytes as a BLOB.
struct Blob {
  std::string_view bytes;
};

/// One run of a cached statement. The destructor resets it, so that no read snapshot stays open.
class Query {
 public:
  explicit Query(SQLite::Statement& statement) : statement_(statement) {}
  ~Query() {
    statement_.tryReset();
    try {
      statement_.clearBindings();
    } catch (const SQLite::Exception&) {  // cannot fail on a valid statement
    }
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds the next parameter.
  Query& operator<<(std::int64_t value) { return bind(value); }
  Query& operator<<(int value) { return bind(value); }
  Query& operator<<(bool value) { return bind(static_cast<int>(value)); }
  Query& operator<<(double value) { return bind(value); }
  Query& operator<<(std::string_view value) { return bind(std::string(value)); }
  Query& operator<<(const std::string& value) { return bind(value); }
  Query& operator<<(const char* value) { return bind(std::string(value)); }
  Query& operator<<(TimePoint value) { return bind(std::int64_t{value.time_since_epoch().count()}); }
  Query& operator<<(Blob value) {
    const std::string_view bytes = value.bytes.data() == nullptr ? "" : value.bytes;  // nullptr binds NULL
    statement_.bind(++parameter_, bytes.data(), static_cast<int>(bytes.size()));
    return *this;
  }
  template <typename T>
  Query& operator<<(const std::optional<T>& value) {
    if (value) return *this << *value;
    statement_.bind(++parameter_);
    return *this;
  }

  /// Steps to the next row. @return false at the end
  bool next() {
    column_ = 0;
    return statement_.executeStep();
  }
  /// Runs a statement that returns no row.
  void run() { statement_.exec(); }

  /// Reads the next column of the row.
  Query& operator>>(std::int64_t& value) {
    value = next_column().getInt64();
    return *this;
  }
  Query& operator>>(bool& value) {
    value = next_column().getInt() != 0;
    return *this;
  }
  Query& operator>>(double& value) {
    value = next_column().getDouble();
    return *this;
  }
  Query& operator>>(std::string& value) {
    const SQLite::Column column = next_column();
    const auto* bytes = static_cast<const char*>(column.getBlob());
    value.assign(bytes == nullptr ? "" : bytes, static_cast<std::size_t>(column.getBytes()));
    return *this;
  }
  Query& operator>>(TimePoint& value) {
    value = TimePoint(std::chrono::microseconds(next_column().getInt64()));
    return *this;
  }
  template <typename T>
  Query& operator>>(std::optional<T>& value) {
    if (!statement_.getColumn(column_).isNull()) return *this >> value.emplace();
    value.reset();
    ++column_;
    return *this;
  }

 private:
  template <typename T>
  Query& bind(const T& value) {
    statement_.bind(++parameter_, value);
    return *this;
  }
  SQLite::Column next_column() { return statement_.getColumn(column_++); }

  SQLite::Statement& statement_;
  int parameter_ = 0;
  int column_ = 0;
};

/// One connection to the database with its prepared statements.
class Connection {
 public:
  Connection(const std::filesystem::path& path, int flags)
      // One thread at a time uses a connection, so SQLite's own locks are not needed.
      : database_(path.string(), SQLite::OPEN_NOMUTEX | flags, busy_timeout_ms) {}

  /// Starts a statement, which is prepared at its first use and cached. `sql` must be a literal.
  Query query(std::string_view sql) {
    auto found = statements_.find(sql);
    if (found == statements_.end()) {
      found = statements_.emplace(sql, SQLite::Statement(database_, std::string(sql))).first;
    }
    return Query(found->second);
  }
  SQLite::Database& database() noexcept { return database_; }

 private:
  static constexpr int busy_timeout_ms = 5000;

  SQLite::Database database_;
  std::unordered_map<std::string_view, SQLite::Statement> statements_;
};

/// A database in WAL mode: one writer at a time, and concurrently one reader.
class Database {
 public:
  /// @throws SQLite::Exception  the file cannot be opened, or is not a database
  /// @param wait_for_disk  commits survive a power loss
  Database(const std::filesystem::path& path, bool wait_for_disk)
      : writer_(open_writer(path, wait_for_disk)), reader_(path, SQLite::OPEN_READONLY) {}

  /// Calls `work(Connection&)` in one transaction, rolled back if it throws.
  template <typename Work>
  auto write(Work&& work) {
    const MutexLock lock(write_mutex_);
    SQLite::Transaction transaction(writer_.database(), SQLite::TransactionBehavior::IMMEDIATE);
    if constexpr (std::is_void_v<std::invoke_result_t<Work, Connection&>>) {
      work(writer_);
      transaction.commit();
    } else {
      auto result = work(writer_);
      transaction.commit();
      return result;
    }
  }

  /// Calls `work(Connection&)` on one snapshot of the database.
  template <typename Work>
  auto read(Work&& work) {
    const MutexLock lock(read_mutex_);
    SQLite::Transaction transaction(reader_.database(), SQLite::TransactionBehavior::DEFERRED);
    auto result = work(reader_);
    transaction.commit();
    return result;
  }

 private:
  static Connection open_writer(const std::filesystem::path& path, bool wait_for_disk) {
    Connection connection(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    SQLite::Database& database = connection.database();
    SQLite::Statement(database, "PRAGMA journal_mode=WAL").executeStep();
    database.exec("PRAGMA foreign_keys=ON");
    // A larger log: pages that change with every event are copied into the database less often.
    database.exec("PRAGMA wal_autocheckpoint=8000");
    database.exec(wait_for_disk ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
    return connection;
  }

  Mutex write_mutex_;
  Connection writer_ GUARDED_BY(write_mutex_);
  Mutex read_mutex_;
  Connection reader_ GUARDED_BY(read_mutex_);
};

}  // namespace gracedb::sandbox
