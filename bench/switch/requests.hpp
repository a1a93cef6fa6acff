#pragma once

#include "bench/switch/kinds.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::bench {

/// What the answer to one request has to be.
struct Expected {
    enum class Body : unsigned char { pattern, upload, greeting, tunnel, messages };

    std::string id;  ///< X-Test-Id; the origin sends it back.
    Body body = Body::pattern;
    std::uint64_t bytes = 0;  ///< Of the answer (pattern) or of what was sent (upload).
    std::uint32_t crc32 = 0;  ///< Of what was sent (upload).
    bool asked_to_close = false;
    std::int64_t began = 0;         ///< When its first byte was written.
    std::int64_t waited_since = 0;  ///< Where its latency begins: with the connection, if new.
};

/// A request, whatever protocol it goes over.
struct Request {
    std::string path;
    std::string_view upload;  ///< The body of a POST; otherwise it is a GET.
    bool chunked = false;     ///< Of the upload: its length is not said.
    Expected expected;
};

/// Makes the requests of one client: a fixed sequence for a fixed seed.
class RequestMaker {
  public:
    RequestMaker(Kind kind, unsigned number, std::string host);

    Request make();

    /// The same as HTTP/1.1: appends one request to `out` and says what is to come back.
    /// `head_bytes` gets the size of its head. `cookie`: what the client keeps; may be empty.
    Expected make(std::string& out, std::size_t& head_bytes, std::string_view cookie = {});

    /// 0 to `below` - 1.
    std::uint64_t random(std::uint64_t below) noexcept;

  private:
    Kind kind_;
    std::string host_;
    std::string prefix_;
    std::uint64_t sequence_ = 0;
    std::uint64_t random_;
};

}  // namespace switchyard::bench
