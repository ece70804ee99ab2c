#pragma once

namespace gracedb::sandbox {

/// Times are microseconds since 1970; `number` is the counter that all graceids share.
inline constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS events (
  number           INTEGER PRIMARY KEY AUTOINCREMENT,
  prefix           TEXT NOT NULL,
  state            INTEGER NOT NULL,
  "group"          TEXT NOT NULL,
  pipeline         TEXT NOT NULL,
  search           TEXT,
  submitter        TEXT NOT NULL,
  content_id       TEXT,
  replay_id        TEXT,
  offline          INTEGER NOT NULL,
  reserved         INTEGER NOT NULL,
  created          INTEGER,
  gpstime          REAL,
  far              REAL,
  instruments      TEXT,
  nevents          INTEGER,
  likelihood       REAL,
  extra_attributes TEXT NOT NULL DEFAULT '{}',
  sha256           TEXT,
  file_name        TEXT,
  upload_count     INTEGER NOT NULL DEFAULT 0,
  kafka_server     TEXT,
  kafka_topic      TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_content ON events (content_id);
CREATE INDEX IF NOT EXISTS events_by_created ON events (created);
CREATE TABLE IF NOT EXISTS files (
  event    INTEGER NOT NULL REFERENCES events (number),
  name     TEXT NOT NULL,
  version  INTEGER NOT NULL,
  contents BLOB NOT NULL,
  PRIMARY KEY (event, name, version)
) STRICT;
CREATE TABLE IF NOT EXISTS labels (
  event   INTEGER NOT NULL REFERENCES events (number),
  name    TEXT NOT NULL,
  creator TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (event, name)
) STRICT;
CREATE TABLE IF NOT EXISTS log (
  event        INTEGER NOT NULL REFERENCES events (number),
  number       INTEGER NOT NULL,
  comment      TEXT NOT NULL,
  issuer       TEXT NOT NULL,
  created      INTEGER NOT NULL,
  file_name    TEXT,
  file_version INTEGER,
  PRIMARY KEY (event, number)
) STRICT;
CREATE TABLE IF NOT EXISTS tags (
  event INTEGER NOT NULL,
  log   INTEGER NOT NULL,
  name  TEXT NOT NULL,
  PRIMARY KEY (event, log, name),
  FOREIGN KEY (event, log) REFERENCES log (event, number)
) STRICT;
CREATE TABLE IF NOT EXISTS alerts (
  number  INTEGER PRIMARY KEY,
  topic   TEXT NOT NULL,
  payload TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;
)sql";

}  // namespace gracedb::sandbox
