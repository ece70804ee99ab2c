#pragma once

#include "sandbox/event.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

namespace gracedb::sandbox {

/// Bytes bound or read as a BLOB.
struct Blob {
  std::string_view bytes;
};

/// One run of a kept statement. It is reset at the end, so that no read snapshot stays open.
class Query {
 public:
  explicit Query(SQLite::Statement& statement) : statement_(statement) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds the next parameter.
  Query& operator<<(std::int64_t value);
  Query& operator<<(int value) { return *this << std::int64_t{value}; }
  Query& operator<<(bool value) { return *this << std::int64_t{value}; }
  Query& operator<<(double value);
  Query& operator<<(std::string_view value);
  Query& operator<<(const std::string& value) { return *this << std::string_view{value}; }
  Query& operator<<(const char* value) { return *this << std::string_view{value}; }
  Query& operator<<(Blob value);
  Query& operator<<(TimePoint value) { return *this << value.time_since_epoch().count(); }
  template <typename T>
  Query& operator<<(const std::optional<T>& value) {
    return value ? *this << *value : bind_null();
  }

  /// Goes to the next row. @return false where there is none
  bool next() {
    column_ = 0;
    return statement_.executeStep();
  }
  /// Runs a statement that gives no row.
  void run() { statement_.exec(); }

  /// Reads the next column of the row.
  Query& operator>>(std::int64_t& value);
  Query& operator>>(bool& value);
  Query& operator>>(double& value);
  Query& operator>>(std::string& value);
  Query& operator>>(TimePoint& value);
  template <typename T>
  Query& operator>>(std::optional<T>& value) {
    if (statement_.getColumn(column_).isNull()) {
      value.reset();
      ++column_;
      return *this;
    }
    return *this >> value.emplace();
  }

 private:
  Query& bind_null();

  SQLite::Statement& statement_;
  int parameter_ = 0;
  int column_ = 0;
};

/// One connection to the database with its prepared statements.
class Connection {
 public:
  enum class Access { read, write };

  /// @throws std::runtime_error  the file cannot be opened, or is no database
  Connection(const std::filesystem::path& path, Access access);

  /// Starts a statement, which is prepared at its first use and kept. `sql` is a literal: it outlives this.
  Query query(std::string_view sql);
  SQLite::Database& database() noexcept { return database_; }
  std::int64_t last_insert_id() const noexcept { return database_.getLastInsertRowid(); }

 private:
  SQLite::Database database_;
  std::unordered_map<std::string_view, SQLite::Statement> statements_;
};

/// A SQLite database in WAL mode: writers one after another, a reader beside them.
class Database {
 public:
  enum class Durability {
    power_loss,  ///< a commit waits for the disk
    crash,       ///< a commit survives the end of the process, not of the machine
  };

  /// @throws std::runtime_error  the file cannot be opened, or is no database
  Database(const std::filesystem::path& path, Durability durability);

  /// Calls `work(Connection&)` in one transaction, rolled back if it throws.
  template <typename Work>
  auto write(Work&& work) {
    const std::lock_guard lock(write_mutex_);
    SQLite::Transaction transaction(writer_.database(), SQLite::TransactionBehavior::IMMEDIATE);
    if constexpr (std::is_void_v<decltype(work(writer_))>) {
      work(writer_);
      transaction.commit();
    } else {
      auto result = work(writer_);
      transaction.commit();
      return result;
    }
  }

  /// Calls `work(Connection&)` on one state of the database.
  template <typename Work>
  auto read(Work&& work) const {
    const std::lock_guard lock(read_mutex_);
    SQLite::Transaction transaction(reader_.database(), SQLite::TransactionBehavior::DEFERRED);
    auto result = work(reader_);
    transaction.commit();
    return result;
  }

 private:
  std::mutex write_mutex_;
  Connection writer_;
  mutable std::mutex read_mutex_;
  mutable Connection reader_;
};

}  // namespace gracedb::sandbox
