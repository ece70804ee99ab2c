#include "test_broker.hpp"

#include "support/temporary_directory.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

namespace gracedb::test_support {
namespace {

const std::string source_directory = GRACEDB_SOURCE_DIRECTORY;
const std::string programs = GRACEDB_TEST_PROGRAMS;

std::string output_of(const std::string& command) {
  const auto close = [](FILE* pipe) { ::pclose(pipe); };
  const std::unique_ptr<FILE, decltype(close)> pipe(::popen(command.c_str(), "r"), close);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    output.append(buffer.data(), size);
  }
  while (output.ends_with('\n'))
    output.pop_back();
  return output;
}

/// Whether a signal to stop has reached every thread.
bool is_stopped(pid_t process) {
  const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(process) + "/task");
  return std::all_of(begin(tasks), end(tasks), [](const std::filesystem::directory_entry& task) {
    std::string status;
    std::getline(std::ifstream(task.path() / "stat"), status);
    // "<id> (<name>) <state> ...", and a name may hold anything.
    return status.compare(status.rfind(')'), 3, ") T") == 0;
  });
}

}  // namespace

TestBroker& TestBroker::shared() {
  static TestBroker broker = [] {
    const char* directory = std::getenv("GRACEDB_TEST_BROKER_DIR");
    if (directory == nullptr)
      throw std::runtime_error("GRACEDB_TEST_BROKER_DIR is not set; run these tests by ctest");
    return TestBroker(directory, false);
  }();
  return broker;
}

TestBroker TestBroker::start(const std::filesystem::path& directory) {
  TestBroker broker(directory, true);
  broker.control("start");
  return broker;
}

TestBroker::TestBroker(TestBroker&& other) noexcept
    : directory_(std::move(other.directory_)), owned_(std::exchange(other.owned_, false)) {}

TestBroker::~TestBroker() {
  if (!owned_) return;
  try {
    stop();
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "stopping a broker: %s\n", fault.what());
  }
}

std::string TestBroker::variable(std::string_view name) const {
  std::ifstream file(directory_ / "env");
  const std::string start = "export " + std::string(name) + "=";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(start)) return line.substr(start.size());
  }
  throw std::runtime_error(start + " is not in " + (directory_ / "env").string());
}

void TestBroker::control(const std::string& command) const {
  const std::size_t space = command.find(' ');
  const std::string verb = command.substr(0, space);
  std::string rest = space == std::string::npos ? "" : command.substr(space);
  if (verb == "start") rest += " --fast";
  const std::string line = "GRACEDB_BUILD_DIR=" + std::filesystem::path(programs).parent_path().string() +
                           " " + source_directory + "/broker/kafka " + verb + " " + directory_.string() +
                           rest + " 2>&1";
  if (std::system(line.c_str()) != 0) throw std::runtime_error("failed: " + line);
}

pid_t TestBroker::process() const {
  pid_t process = 0;
  std::ifstream(directory_ / "kafka.pid") >> process;
  if (process <= 0) throw std::runtime_error("the broker's process is not there");
  return process;
}

void TestBroker::freeze() const {
  const pid_t broker = process();
  ::kill(broker, SIGSTOP);
  if (!eventually([broker] { return is_stopped(broker); }))
    throw std::runtime_error("the broker does not stand still");
}

void TestBroker::thaw() const { ::kill(process(), SIGCONT); }

std::string TestBroker::token(std::string_view options) const {
  std::string token =
      output_of(programs + "/gracedb-sandbox token --state-dir " + (directory_ / "issuer").string() +
                " --subject pipeline " + std::string(options));
  if (token.empty()) throw std::runtime_error("gracedb-sandbox token gave nothing");
  return token;
}

kafka::ProducerOptions TestBroker::producer_options() const {
  kafka::ProducerOptions options;
  options.bootstrap_servers = sasl_ssl();
  options.instance_name = "localhost";
  options.topic = "test";
  options.ca_cert_path = ca_certificate();
  options.oauth_callback = always(token());
  return options;
}

kafka::ConsumerOptions TestBroker::consumer_options(std::vector<std::string> topics) const {
  kafka::ConsumerOptions options;
  options.bootstrap_servers = sasl_ssl();
  options.instance_name = "localhost";
  options.topics = std::move(topics);
  options.ca_cert_path = ca_certificate();
  options.oauth_callback = always(token());
  return options;
}

auth::OAuthCallback always(const std::string& token) {
  const auth::Claims claims = auth::parse_claims(token);
  return
      [given = auth::OAuthToken{token, *claims.expires, claims.subject.value_or("nobody")}] { return given; };
}

std::string unique_name(std::string_view stem) {
  static std::atomic<int> count{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return std::string(stem) + "-" + std::to_string(::getpid()) + "-" + std::to_string(now) + "-" +
         std::to_string(count++);
}

std::vector<kafka::Message> read_messages(kafka::Consumer& consumer, std::size_t count,
                                          std::string_view prefix) {
  std::vector<kafka::Message> found;
  eventually([&] {
    auto message = consumer.poll(std::chrono::milliseconds(200));
    if (message && message->value.starts_with(prefix)) found.push_back(std::move(*message));
    return found.size() >= count;
  });
  return found;
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace gracedb::test_support
