#include "h1/parser.hpp"

#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace switchyard::h1 {

namespace {

/// Things that can be told before the head is complete, so that a flood is not collected first.
http::Verdict too_long(const char* data, std::size_t size, const HeadLimits& limits, bool request) {
    if (request && size > limits.target_bytes + 64 && std::memchr(data, '\n', size) == nullptr) {
        return {414, "target_too_long"};
    }
    if (size >= limits.head_bytes) return {431, "head_too_large"};
    return {};
}

/// Only a client that speaks something else starts like this.
bool starts_like_tls(const char* data, std::size_t size) {
    return data[0] == 0x16 && (size < 2 || data[1] == 0x03);
}

/// "… HTTP/2.0" names another version (505); anything else is no HTTP at all (400).
bool names_version(std::string_view text) {
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    const auto space = line.rfind(' ');
    if (space == std::string_view::npos) return false;
    const std::string_view version = line.substr(space + 1);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
           version[6] == '.' && is_digit(version[7]) && version != "HTTP/1.1" &&
           version != "HTTP/1.0";
}

}  // namespace

template <bool isRequest, class Head>
bool HeadParser<isRequest, Head>::may_end(const char* data, std::size_t size) {
    std::size_t at = std::exchange(scanned_, size);
    while (at < size) {
        const auto* const found = static_cast<const char*>(std::memchr(data + at, '\n', size - at));
        if (found == nullptr) return false;
        const auto before = static_cast<std::size_t>(found - data);
        if (before == 0 || found[-1] != '\r') return true;
        if (before >= 3 && found[-2] == '\n' && found[-3] == '\r') return true;
        at = before + 1;
    }
    return false;
}

template <bool isRequest, class Head>
ParseResult HeadParser<isRequest, Head>::parse(const char* data, std::size_t size) {
    ParseResult result;
    const auto refuse = [&result](http::Verdict verdict) {
        result.status = ParseStatus::failed;
        result.verdict = verdict;
        if (!isRequest) result.verdict.status = 502;
        return result;
    };
    // What was found in a part of a head would point to where that part was: the caller's buffer
    // moves when more comes.
    const auto unless_too_long = [&] {
        head_->clear();
        const http::Verdict verdict = too_long(data, size, limits_, isRequest);
        return verdict.accepted() ? result : refuse(verdict);
    };
    std::size_t skipped = 0;
    if (isRequest) {
        // RFC 9112 §2.2: an empty line before the request line is to be ignored; one is enough.
        if (size >= 1 && data[0] == '\r' && (size < 2 || data[1] == '\n')) {
            if (size < 2) return result;
            skipped = 2;
        }
        if (size >= 1 && starts_like_tls(data, size)) {
            if (size < 2) return result;
            return refuse({400, "tls_on_plain_port"});
        }
    }
    if (size == skipped) return result;
    if (tried_ != 0) {
        // Beast goes on from where it was, but our views would point to where the octets were:
        // start anew. Only when that is likely to help, so that dribbling a head costs us nothing.
        if (!may_end(data, size) && size < 2 * tried_) return unless_too_long();
        head_->clear();
        recorder_.emplace(*head_, limits_);
    }
    tried_ = size;
    recorder_->set_input(data + skipped, size - skipped);
    boost::beast::error_code ec;
    const std::size_t used =
        recorder_->put(boost::asio::const_buffer(data + skipped, size - skipped), ec);
    if (!ec && recorder_->is_header_done()) {
        // Beast counts the start line and the fields apart.
        if (skipped + used > limits_.head_bytes) return refuse({431, "head_too_large"});
        result.status = ParseStatus::done;
        result.consumed = skipped + used;
        return result;
    }
    if (!ec || ec == boost::beast::http::error::need_more) return unless_too_long();
    if (!recorder_->verdict().accepted()) return refuse(recorder_->verdict());
    if (ec == boost::beast::http::error::header_limit) {
        const http::Verdict verdict = too_long(data, size, limits_, isRequest);
        return refuse(verdict.accepted() ? http::Verdict{431, "head_too_large"} : verdict);
    }
    if (ec == boost::beast::http::error::bad_version && isRequest &&
        names_version({data + skipped, size - skipped})) {
        return refuse({505, "version_not_supported"});
    }
    return refuse({400, "bad_request"});
}

template class HeadParser<true, http::RequestHead>;
template class HeadParser<false, http::ResponseHead>;

}  // namespace switchyard::h1
