#pragma once

#include "http/head.hpp"
#include "http/head_limits.hpp"
#include "http/validate.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>

/// Heads of HTTP/1 messages over Beast's basic_parser, which here only records where things are:
/// no field container, no copy. Body framing is not Beast's business (see MessageBody).
namespace switchyard::h1 {

using http::HeadLimits;

enum class ParseStatus : std::uint8_t { need_more, done, failed };

struct ParseResult {
    ParseStatus status = ParseStatus::need_more;
    std::size_t consumed = 0;  ///< With done: size of the head, empty line included.
    http::Verdict verdict;     ///< With failed.
};

/// No method that anybody uses is as long; so the length of a target is known from its line's.
inline constexpr std::size_t kMethodBytes = 40;

namespace detail {

/// Beast's parser with the limits of ours; Head is RequestHead or ResponseHead.
template <bool isRequest, class Head>
class Recorder final : public boost::beast::http::basic_parser<isRequest> {
  public:
    Recorder(Head& head, const HeadLimits& limits) : head_(head), limits_(limits) {
        this->header_limit(static_cast<std::uint32_t>(limits.head_bytes));
        this->body_limit(boost::none);
    }

    void set_input(const char* data, std::size_t size) noexcept {
        begin_ = data;
        end_ = data + size;
    }
    [[nodiscard]] const http::Verdict& verdict() const noexcept { return verdict_; }

  private:
    using error_code = boost::beast::error_code;
    using view = boost::beast::string_view;

    static std::string_view to_view(view text) noexcept { return {text.data(), text.size()}; }

    /// Whether the value began or went on behind a line end (obs-fold, RFC 9112 §5.2). What went on
    /// was put together in Beast's own memory; what only began there was not.
    [[nodiscard]] bool folded(view name, view value) const noexcept {
        if (value.data() < begin_ || value.data() > end_) return true;
        const char* const colon = name.data() + name.size();
        const auto gap = static_cast<std::size_t>(value.data() - colon);
        return std::memchr(colon, '\r', gap) != nullptr;
    }

    void refuse(error_code& ec, unsigned status, std::string_view code) {
        verdict_ = {status, code};
        ec = boost::beast::http::error::bad_field;
    }

    void on_request_impl(http::Verb verb, view method, view target, int version,
                         error_code& ec) override {
        if constexpr (isRequest) {
            head_.verb = verb;
            head_.method = to_view(method);
            head_.target = to_view(target);
            head_.version = static_cast<unsigned>(version);
            if (target.size() > limits_.target_bytes) refuse(ec, 414, "target_too_long");
            if (method.size() > kMethodBytes) refuse(ec, 501, "method_too_long");
        }
    }

    void on_response_impl(int code, view reason, int version, error_code&) override {
        if constexpr (!isRequest) {
            head_.status = static_cast<unsigned>(code);
            head_.reason = to_view(reason);
            head_.version = static_cast<unsigned>(version);
        }
    }

    void on_field_impl(http::FieldId id, view name, view value, error_code& ec) override {
        if (folded(name, value)) {
            refuse(ec, 400, "bad_header");
            return;
        }
        if (head_.fields.size() >= limits_.header_count) {
            refuse(ec, 431, "too_many_headers");
            return;
        }
        head_.fields.push_back({id, to_view(name), to_view(value)});
    }

    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(view, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, view, error_code&) override { return 0; }
    void on_finish_impl(error_code&) override {}

    Head& head_;
    HeadLimits limits_;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
    http::Verdict verdict_;
};

}  // namespace detail

/// Parses one head that arrives in pieces. `parse` takes everything received of it so far, from its
/// first byte; with `done` the head's views point into that memory. Until then the head is empty.
template <bool isRequest, class Head>
class HeadParser {
  public:
    /// Starts a new head. `head` is cleared and must outlive the parser's use.
    void start(Head& head, const HeadLimits& limits) {
        head.clear();
        head_ = &head;
        limits_ = limits;
        tried_ = scanned_ = 0;
        recorder_.emplace(head, limits);
    }

    [[nodiscard]] ParseResult parse(const char* data, std::size_t size);

  private:
    /// Whether what came since the last call may end a head: an empty line, or a line end that no
    /// head can have.
    bool may_end(const char* data, std::size_t size);

    Head* head_ = nullptr;
    HeadLimits limits_;
    std::size_t tried_ = 0;    ///< How much there was when it was last parsed; 0: not yet.
    std::size_t scanned_ = 0;  ///< How much was searched for the end.
    std::optional<detail::Recorder<isRequest, Head>> recorder_;
};

using RequestParser = HeadParser<true, http::RequestHead>;
using ResponseParser = HeadParser<false, http::ResponseHead>;

extern template class HeadParser<true, http::RequestHead>;
extern template class HeadParser<false, http::ResponseHead>;

}  // namespace switchyard::h1
