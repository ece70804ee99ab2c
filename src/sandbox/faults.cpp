#include "sandbox/faults.hpp"

#include "core/duration.hpp"

#include <charconv>
#include <stdexcept>

namespace gracedb::sandbox {
namespace {

/// A spec is parsed from its end: *TIMES, @TARGET, :PROBABILITY; the remainder is WHAT.
std::optional<std::string_view> take_suffix(std::string_view& spec, char mark) {
  const std::size_t position = spec.rfind(mark);
  if (position == std::string_view::npos) return {};
  const std::string_view suffix = spec.substr(position + 1);
  spec = spec.substr(0, position);
  return suffix;
}

template <typename Number>
Number to_number(std::string_view text, const char* what) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    throw std::invalid_argument(std::string(what) + " '" + std::string(text) + "' is not a number");
  }
  return value;
}

double to_probability(std::string_view text) {
  const auto probability = to_number<double>(text, "probability");
  if (!(probability >= 0 && probability <= 1)) {
    throw std::invalid_argument("probability '" + std::string(text) + "' is not between 0 and 1");
  }
  return probability;
}

void parse_status(Fault& fault, std::string_view what) {
  const std::size_t plus = what.find('+');
  fault.status = to_number<int>(what.substr(0, plus), "HTTP status");
  if (fault.status < 400 || fault.status > 599)
    throw std::invalid_argument("HTTP status is not between 400 and 599");
  if (plus == std::string_view::npos) return;
  constexpr std::string_view key = "retry-after=";
  const std::string_view extra = what.substr(plus + 1);
  if (!extra.starts_with(key)) throw std::invalid_argument("only +retry-after=SECONDS may follow a status");
  fault.retry_after = to_number<int>(extra.substr(key.size()), "retry-after");
}

void parse_what(Fault& fault, std::string_view what) {
  constexpr std::string_view slow = "slow=";
  if (what == "hang-up") {
    fault.kind = Fault::Kind::hang_up;
  } else if (what == "hang") {
    fault.kind = Fault::Kind::hang;
  } else if (what == "drop-answer") {
    fault.kind = Fault::Kind::drop_answer;
  } else if (what.starts_with(slow)) {
    fault.kind = Fault::Kind::slow;
    fault.delay = parse_signed_duration(what.substr(slow.size()));
  } else if (!what.empty() && what.front() >= '0' && what.front() <= '9') {
    parse_status(fault, what);
  } else {
    throw std::invalid_argument("give a status such as 503, slow=TIME, hang-up, hang or drop-answer");
  }
}

}  // namespace

std::optional<Operation> parse_fault_target(std::string_view text) {
  if (text == "all") return {};
  if (text == "reserve") return Operation::reserve;
  if (text == "upload") return Operation::upload;
  if (text == "create") return Operation::create;
  throw std::invalid_argument("'" + std::string(text) + "' is not one of reserve, upload, create, all");
}

Fault parse_fault(std::string_view spec, std::optional<Operation> target) {
  Fault fault;
  fault.spec = spec;
  try {
    if (const auto times = take_suffix(spec, '*'))
      fault.times_left = to_number<std::int64_t>(*times, "count");
    if (const auto on = take_suffix(spec, '@')) target = parse_fault_target(*on);
    if (const auto probability = take_suffix(spec, ':')) fault.probability = to_probability(*probability);
    fault.target = target;
    parse_what(fault, spec);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("fault '" + fault.spec + "': " + error.what());
  }
  return fault;
}

FaultPlan::Draw FaultPlan::draw(Operation operation) {
  const MutexLock lock(mutex_);
  Draw drawn;
  for (Fault& fault : faults_) {
    const bool is_possible = (!fault.target || fault.target == operation) && fault.times_left != 0;
    if (!is_possible || !std::bernoulli_distribution(fault.probability)(random_)) continue;
    if (fault.kind != Fault::Kind::slow && drawn.fault) continue;
    if (fault.times_left) --*fault.times_left;
    if (fault.kind == Fault::Kind::slow) {
      drawn.delay += fault.delay;
    } else {
      drawn.fault = fault;
    }
  }
  return drawn;
}

void FaultPlan::replace(std::vector<Fault> faults) {
  const MutexLock lock(mutex_);
  faults_ = std::move(faults);
}

std::vector<std::string> FaultPlan::specs() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> specs;
  for (const Fault& fault : faults_) {
    if (fault.times_left != 0) specs.push_back(fault.spec);
  }
  return specs;
}

}  // namespace gracedb::sandbox
