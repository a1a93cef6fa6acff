#include "control/metrics_routes.hpp"

#include "control/status.hpp"
#include "observe/exposition.hpp"

namespace switchyard::control {

namespace asio = boost::asio;

namespace {

HttpReply text_reply(unsigned status, std::string text) {
    HttpReply reply;
    reply.status = status;
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = std::move(text);
    return reply;
}

}  // namespace

asio::awaitable<HttpReply> MetricsRoutes::handle(HttpRequest request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (path != "/metrics" && path != "/healthz") {
        co_return text_reply(404, "Not found: try /metrics or /healthz.\n");
    }
    if (request.method != "GET" && request.method != "HEAD") {
        HttpReply reply = text_reply(405, "Only GET and HEAD.\n");
        reply.fields.emplace_back("Allow", "GET, HEAD");
        co_return reply;
    }
    if (path == "/healthz") co_return text_reply(200, "ok\n");
    HttpReply reply = text_reply(200, observe::expose(scrape(controller_)));
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    co_return reply;
}

HttpReply MetricsRoutes::failure(unsigned status) const {
    return text_reply(status, "The request could not be answered.\n");
}

}  // namespace switchyard::control
