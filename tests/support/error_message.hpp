#pragma once

#include <string>

namespace gracedb::test_support {

/// The message of the Error that `call` throws; empty if it throws nothing. Other exceptions propagate.
template <typename Error, typename Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace gracedb::test_support
