#include "sandbox/database.hpp"

#include <stdexcept>

namespace gracedb::sandbox {

Query::~Query() {
  statement_.tryReset();
  try {
    statement_.clearBindings();
  } catch (const SQLite::Exception&) {  // clearing cannot fail on a valid statement
  }
}

Query& Query::operator<<(std::int64_t value) {
  statement_.bind(++parameter_, value);
  return *this;
}

Query& Query::operator<<(double value) {
  statement_.bind(++parameter_, value);
  return *this;
}

Query& Query::operator<<(std::string_view value) {
  statement_.bind(++parameter_, std::string(value));
  return *this;
}

Query& Query::operator<<(Blob value) {
  const std::string_view bytes =
      value.bytes.data() == nullptr ? "" : value.bytes;  // a null pointer binds NULL
  statement_.bind(++parameter_, bytes.data(), static_cast<int>(bytes.size()));
  return *this;
}

Query& Query::bind_null() {
  statement_.bind(++parameter_);
  return *this;
}

Query& Query::operator>>(std::int64_t& value) {
  value = statement_.getColumn(column_++).getInt64();
  return *this;
}

Query& Query::operator>>(bool& value) {
  value = statement_.getColumn(column_++).getInt() != 0;
  return *this;
}

Query& Query::operator>>(double& value) {
  value = statement_.getColumn(column_++).getDouble();
  return *this;
}

Query& Query::operator>>(std::string& value) {
  const SQLite::Column column = statement_.getColumn(column_++);
  const auto* bytes = static_cast<const char*>(column.getBlob());
  value.assign(bytes == nullptr ? "" : bytes, static_cast<std::size_t>(column.getBytes()));
  return *this;
}

Query& Query::operator>>(TimePoint& value) {
  std::int64_t microseconds = 0;
  *this >> microseconds;
  value = TimePoint(std::chrono::microseconds(microseconds));
  return *this;
}

namespace {

constexpr int busy_timeout_ms = 5000;

int open_flags(Connection::Access access) {
  // One thread at a time uses a connection, so SQLite's own locks are not needed.
  return SQLite::OPEN_NOMUTEX |
         (access == Connection::Access::write ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE
                                              : SQLite::OPEN_READONLY);
}

SQLite::Database open_database(const std::filesystem::path& path, Connection::Access access) {
  try {
    SQLite::Database database(path.string(), open_flags(access), busy_timeout_ms);
    if (access == Connection::Access::write) {
      SQLite::Statement(database, "PRAGMA journal_mode=WAL").executeStep();
      database.exec("PRAGMA foreign_keys=ON");
      // Pages that change with every event are copied into the database once for so many of them.
      database.exec("PRAGMA wal_autocheckpoint=8000");
    }
    return database;
  } catch (const SQLite::Exception& error) {
    throw std::runtime_error("cannot open the database " + path.string() + ": " + error.what());
  }
}

}  // namespace

Connection::Connection(const std::filesystem::path& path, Access access)
    : database_(open_database(path, access)) {}

Query Connection::query(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    found = statements_.emplace(sql, SQLite::Statement(database_, std::string(sql))).first;
  }
  return Query(found->second);
}

Database::Database(const std::filesystem::path& path, Durability durability)
    : writer_(path, Connection::Access::write), reader_(path, Connection::Access::read) {
  writer_.database().exec(durability == Durability::power_loss ? "PRAGMA synchronous=FULL"
                                                               : "PRAGMA synchronous=OFF");
}

}  // namespace gracedb::sandbox
