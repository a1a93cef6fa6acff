#include "h1/parser.hpp"

#include <cstring>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace switchyard::h1 {

namespace {

/// Things that can be told before the head is complete, so that a flood is not collected first.
http::Verdict too_long(const char* data, std::size_t size, const HeadLimits& limits,
                       bool request) {
    if (request && size > limits.target_bytes + 64 && std::memchr(data, '\n', size) == nullptr) {
        return {414, "target_too_long"};
    }
    if (size >= limits.head_bytes) return {431, "head_too_large"};
    return {};
}

/// Only a client that speaks something else starts like this.
bool looks_like_tls(const char* data, std::size_t size) {
    return size >= 3 && data[0] == 0x16 && data[1] == 0x03;
}

}  // namespace

template <bool isRequest, class Head>
ParseResult HeadParser<isRequest, Head>::parse(const char* data, std::size_t size) {
    ParseResult result;
    std::size_t skipped = 0;
    if (isRequest) {
        // RFC 9112 §2.2: an empty line before the request line is to be ignored; one is enough.
        if (size >= 1 && data[0] == '\r' && (size < 2 || data[1] == '\n')) {
            if (size < 2) return result;
            skipped = 2;
        }
        if (looks_like_tls(data, size)) {
            result.status = ParseStatus::failed;
            result.verdict = {400, "tls_on_plain_port"};
            return result;
        }
    }
    if (size == skipped) return result;
    recorder_->set_input(data + skipped, size - skipped);
    boost::beast::error_code ec;
    const std::size_t used =
        recorder_->put(boost::asio::const_buffer(data + skipped, size - skipped), ec);
    if (!ec && recorder_->is_header_done()) {
        result.status = ParseStatus::done;
        result.consumed = skipped + used;
        return result;
    }
    if (!ec || ec == boost::beast::http::error::need_more) {
        result.verdict = too_long(data, size, limits_, isRequest);
        if (!result.verdict.accepted()) result.status = ParseStatus::failed;
        return result;
    }
    result.status = ParseStatus::failed;
    if (!recorder_->verdict().accepted()) {
        result.verdict = recorder_->verdict();
    } else if (ec == boost::beast::http::error::header_limit) {
        result.verdict = too_long(data, size, limits_, isRequest);
        if (result.verdict.accepted()) result.verdict = {431, "head_too_large"};
    } else if (ec == boost::beast::http::error::bad_version) {
        result.verdict = {505, "version_not_supported"};
    } else {
        result.verdict = {400, "bad_request"};
    }
    if (!isRequest) result.verdict.status = 502;
    return result;
}

template class HeadParser<true, http::RequestHead>;
template class HeadParser<false, http::ResponseHead>;

}  // namespace switchyard::h1
