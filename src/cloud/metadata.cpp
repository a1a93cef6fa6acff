#include "cloud/metadata.hpp"

#include "cloud/token.hpp"

#include <charconv>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace switchyard::cloud {
namespace asio = boost::asio;

namespace {

asio::awaitable<HttpResult> line(std::shared_ptr<HttpClient> http, std::string target,
                                 std::chrono::milliseconds limit) {
    HttpRequest request;
    request.target = std::move(target);
    HttpResult result = co_await http->send(std::move(request), limit);
    if (!result) co_return result;
    if (result->status != 200) {
        co_return HttpFault{fmt::format("the metadata service answered {}", result->status), true};
    }
    std::string& body = result->body;
    while (!body.empty() && (body.back() == '\n' || body.back() == '\r' || body.back() == ' '))
        body.pop_back();
    body = harmless(body, {});
    co_return result;
}

}  // namespace

asio::awaitable<MetadataView> read_metadata(std::shared_ptr<HttpClient> http, bool v6,
                                            std::chrono::milliseconds limit) {
    MetadataView view;
    HttpResult id = co_await line(http, "/metadata/v1/id", limit);
    if (!id) {
        view.error = id.error().message;
        co_return view;
    }
    const char* end = id->body.data() + id->body.size();
    const auto parsed = std::from_chars(id->body.data(), end, view.droplet);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
        view.droplet = 0;
        view.error = "the metadata service's id is no number: " + id->body;
        co_return view;
    }
    std::string target = std::string("/metadata/v1/reserved_ip/") + (v6 ? "ipv6" : "ipv4");
    HttpResult active = co_await line(http, target + "/active", limit);
    if (!active) {
        view.error = active.error().message;
        co_return view;
    }
    view.active = active->body == "true";
    if (v6) co_return view;
    HttpResult anchor =
        co_await line(http, "/metadata/v1/interfaces/public/0/anchor_ipv4/address", limit);
    if (anchor) view.anchor = anchor->body;
    co_return view;
}

}  // namespace switchyard::cloud
