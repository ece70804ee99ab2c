#pragma once

#include <string>

namespace gracedb::test_support {

/// What `call` throws as text; empty where it throws something else or nothing.
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
