#pragma once

#include "support/chunked.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard::origin {

/// One request head. The views point into `head`, which the request owns; parse again to reuse it.
struct Request {
    std::string head;  ///< Request line and fields as they came, with the empty line.
    std::string_view method, target, path, query, host, test_id;
    std::vector<std::pair<std::string_view, std::string_view>> fields;
    int minor_version = 1;
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool keep_alive = true;
    bool expects_continue = false;

    [[nodiscard]] bool has_body() const noexcept {
        return chunked || content_length.value_or(0) > 0;
    }
};

enum class Parsed { need_more, complete, bad };

/// Reads one head from the front of `input`, strictly (a proxy that lets something illegal through
/// shall be noticed). On `complete`, `consumed` says how many bytes it took. Heads of more than
/// 256 KiB are bad.
Parsed parse_head(std::string_view input, Request& request, std::size_t& consumed);

/// Takes a request's body off the wire, whatever its framing.
class BodyReader {
  public:
    enum class State { more, done, bad };

    void start(const Request& request);

    template <class Sink>
    State feed(std::string_view& input, Sink&& sink) {
        if (chunked_) {
            const auto state = decoder_.feed(input, sink);
            if (state == test::ChunkedDecoder::State::bad) return State::bad;
            return state == test::ChunkedDecoder::State::done ? State::done : State::more;
        }
        const auto piece = input.substr(0, left_);
        if (!piece.empty()) sink(piece);
        left_ -= piece.size();
        input.remove_prefix(piece.size());
        return left_ == 0 ? State::done : State::more;
    }

    [[nodiscard]] const test::ChunkedDecoder::Fields& trailers() const {
        return decoder_.trailers();
    }

  private:
    bool chunked_ = false;
    std::uint64_t left_ = 0;
    test::ChunkedDecoder decoder_;
};

/// The value of `name` in a query ("a=1&b=2"), percent-decoded ('+' stays a plus); none if absent.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// The same as a number; `fallback` if absent or no number.
std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t fallback);

}  // namespace switchyard::origin
