#include "gracedb/kafka/upload_message.hpp"

#include "core/encoding.hpp"

#include <benchmark/benchmark.h>

#include <random>
#include <string>

/// What happens inside the process to a file of 2 MB on its way into a message and out of it.
namespace gracedb::kafka {
namespace {

constexpr std::size_t file_size = std::size_t{2} << 20U;

std::string some_file() {
  std::string contents(file_size, '\0');
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time
  for (char& byte : contents)
    byte = static_cast<char>(random());
  return contents;
}

UploadMessage description() {
  UploadMessage message;
  message.gracedb_server = "https://gracedb-test.ligo.org/api/";
  message.graceid = "G123456";
  message.submitter = "pipeline";
  message.pipeline = "gstlal";
  message.group = "CBC";
  message.search = "AllSky";
  message.file_name = "coinc.xml";
  message.producer_timestamp = 1234567890.125;
  return message;
}

void build(benchmark::State& state) {
  const std::string contents = some_file();
  const UploadMessage message = description();
  while (state.KeepRunning())
    benchmark::DoNotOptimize(build_upload_message(message, contents));
}

void parse(benchmark::State& state) {
  const std::string text = build_upload_message(description(), some_file());
  while (state.KeepRunning())
    benchmark::DoNotOptimize(parse_upload_message(text));
}

void parse_with_content_id(benchmark::State& state) {
  UploadMessage message = description();
  const std::string contents = some_file();
  message.content_id = content_id(contents);
  const std::string text = build_upload_message(message, contents);
  while (state.KeepRunning())
    benchmark::DoNotOptimize(parse_upload_message(text));
}

void sha256(benchmark::State& state) {
  const std::string contents = some_file();
  while (state.KeepRunning())
    benchmark::DoNotOptimize(content_id(contents));
}

/// The traffic of an encoder that computes nothing: the file read once and four thirds of it written, into
/// memory that is new each time as a message's is.
void memory_bound_encode(benchmark::State& state) {
  const std::string contents = some_file();
  const std::size_t third = contents.size() / 3;
  while (state.KeepRunning()) {
    std::string text;
    text.reserve(base64_size(contents.size()) + 512);
    text.append(contents);
    text.append(contents, 0, third);
    benchmark::DoNotOptimize(text.data());
  }
}

BENCHMARK(build);
BENCHMARK(parse);
BENCHMARK(parse_with_content_id);
BENCHMARK(sha256);
BENCHMARK(memory_bound_encode);

}  // namespace
}  // namespace gracedb::kafka

BENCHMARK_MAIN();
